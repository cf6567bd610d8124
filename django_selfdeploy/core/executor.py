"""Carrying a plan out: step after step, and back again when one fails."""

from __future__ import annotations

import contextlib
import errno
import time
import traceback
from collections.abc import Callable

from . import events
from .actions.base import ActionFailed
from .actions.processes import Say
from .errors import Cancelled, DeployError, HostError, MigrationMissing, named
from .plan import Phase, Plan, Step
from .session import Session
from .text import plain

MISSING = "missing"
"""Beside the answers of Django: the message of what failed after the confirmation and must be known."""


class Executor:
    """Remembers what was begun, over the plans of one deployment, so that it can be taken back."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._begun: list[tuple[int, Step]] = []
        self._number = 0
        self._switched = False
        self.confirmed = False
        """Whether the old processes may be stopped by now: nothing goes back to them any more."""
        self.missing: DeployError | None = None
        """What failed after the confirmation and must be known: it is raised at the end of all."""

    def carry_out(self, plan: Plan) -> None:
        """Do every step. Raises the DeployError of the first that fails, after everything was taken back."""
        for step in plan.steps:
            self._number += 1
            self._session.enter(step.stretch)
            if not step.stretch.undone_on_failure:
                self.confirmed = True
                self._begun.clear()
            try:
                self._do(self._number, step)
            except DeployError as error:
                if not step.stretch.undone_on_failure:
                    self._session.warn(error.message)
                    if _must_be_known(step):
                        self.missing = self.missing or error
                        self._session.answers[MISSING] = self.missing.message
                    continue
                self.take_back(error)
                raise
            if step.stretch is Phase.SWITCH and not self._switched:
                self._switched = True
                self._session.live(plan.release)

    def take_back(self, reason: DeployError) -> None:
        """Undo every step begun, last first. An undo that fails is told and does not stop the others."""
        if not self._begun:
            return
        self._session.enter(None)
        if any(step.undo for _, step in self._begun):
            self._session.emit(events.Undoing(reason.message))
        while self._begun:
            number, step = self._begun.pop()
            if self._undo(number, step):
                self._session.step_undone(number, step.name)

    def _do(self, number: int, step: Step) -> None:
        if not self.confirmed:
            self._begun.append((number, step))
        began = time.monotonic()
        try:
            self._session.begin_step(number, step)
            for action in step.actions:
                self._session.check_cancelled()
                self._session.doing(number, action)
                action.do(self._session)
            self._session.end_step("done", time.monotonic() - began)
        except Cancelled as trouble:
            self._failed(began)
            raise Cancelled(self._session.reason) from trouble
        except (ActionFailed, DeployError, OSError) as trouble:
            self._failed(began)
            raise translated(step, trouble, self._session.redact) from trouble
        except Exception as trouble:
            self._failed(began)
            raise _unforeseen(step, trouble) from trouble

    def _failed(self, began: float) -> None:
        """The journal may be what failed: that must not hide the trouble itself."""
        with contextlib.suppress(OSError):
            self._session.end_step("failed", time.monotonic() - began)

    def _undo(self, number: int, step: Step) -> bool:
        if not step.undo:
            return False
        for action in step.undo:
            try:
                self._session.doing(number, action)
                action.do(self._session)
            except Exception as trouble:  # noqa: BLE001 - whatever it is, the other steps must be taken back
                self._session.warn(f"Taking back {step.name!r} failed: {trouble}")
        return not all(isinstance(action, Say) for action in step.undo)


def _must_be_known(step: Step) -> bool:
    return step.failure is not None and step.failure.error == MigrationMissing.__name__


def translated(step: Step, trouble: Exception, redact: Callable[[str], str]) -> DeployError:
    """The error that the user sees: the step's own sentence, then what happened."""
    if isinstance(trouble, Cancelled):
        return trouble
    if isinstance(trouble, DeployError):
        return trouble
    if isinstance(trouble, OSError):
        return of_system(step.name, trouble)
    if step.failure is None:
        return HostError(redact(plain(f"{step.name!r} failed. {trouble}")))
    message = f"{step.failure.message} {trouble}"
    return named(step.failure.error)(redact(plain(message)), hint=step.failure.hint)


def of_system(what: str, error: OSError) -> HostError:
    """What an error of the system means that came at `what`, and what to do next (errno(3))."""
    where = f" {error.filename!r}" if error.filename else ""
    hints = {
        errno.ENOSPC: "Make room on that file system, then deploy again; the live release is untouched.",
        errno.EDQUOT: "The quota of this user is used up: make room, then deploy again.",
        errno.EACCES: "See who owns it with `ls -ld`, and deploy as the user that made the root.",
        errno.EPERM: "See who owns it with `ls -ld`, and deploy as the user that made the root.",
        errno.EROFS: "The file system is mounted read-only: see `mount` and the kernel's log.",
    }
    hint = hints.get(error.errno or 0, "")
    return HostError(f"{what!r} failed: {error.strerror or error}{where}.", hint=hint)


def _unforeseen(step: Step, trouble: Exception) -> DeployError:
    place = traceback.extract_tb(trouble.__traceback__)[-1]
    text = f"{type(trouble).__name__}: {trouble} ({place.name}, line {place.lineno})"
    return DeployError(f"{step.name!r} failed in a way that nobody foresaw: {text}.", hint="Please report it.")
