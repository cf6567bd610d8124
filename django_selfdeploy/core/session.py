"""The world of the actions: who listens, what is secret, whether the deployment was called off."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from . import events
from .actions.base import Action
from .agent import Agent, AgentSpec
from .errors import Cancelled
from .journal import Journal
from .lock import Lock
from .plan import Phase, Step
from .redact import Redactor
from .text import Tail, plain

LONGEST_LINE = 1 << 16
"""Characters after which a line is told though it has not ended."""

Listener = Callable[[events.Event], None]
Fetch = Callable[[tuple[str, ...]], Iterator[tuple[str, bytes]]]


class Session:
    """One deployment on this host. It changes as the deployment goes on, so it is not frozen.

    `began` is the moment on time.monotonic()'s clock at which the user gave the command.
    """

    def __init__(
        self,
        *,
        deployment: str,
        listener: Listener,
        journal: Journal | None,
        lock: Lock | None,
        fetch: Fetch,
        began: float,
    ) -> None:
        self._deployment = deployment
        self.answers: dict[str, Any] = {}
        self.redact = Redactor()
        self.calling_off = threading.Event()
        self._listener, self._journal, self._lock, self._fetch = listener, journal, lock, fetch
        self._began = began
        self._agents: dict[AgentSpec, Agent] = {}
        self._phase: Phase | None = Phase.RECOVER
        self._tail, self._rest, self._note, self._number, self._name = Tail(), "", "", 0, ""
        self.reason = "The deployment was called off."
        self.url = ""

    # what actions use

    @property
    def deployment(self) -> str:
        return self._deployment

    @property
    def lock_handle(self) -> int | None:
        return self._lock.handle if self._lock else None

    def tell(self, text: str) -> None:
        """Whole lines only: a secret that is cut in two by a pipe's end would not be known again."""
        whole, line_end, self._rest = (self._rest + text).rpartition("\n")
        if len(self._rest) > LONGEST_LINE:
            whole, line_end, self._rest = whole + line_end + self._rest, "", ""
        if whole or line_end:
            self._tell(whole + line_end)

    def _tell(self, text: str) -> None:
        clean = self.redact(plain(text))
        self._tail.add(clean)
        self.emit(events.Output(self._number, clean))

    def note(self, text: str) -> None:
        self._note = self.redact(plain(text))

    def keep(self, key: str, value: Any) -> None:
        if self._journal:
            self._journal.keep(key, value)

    def learn_secrets(self, values: tuple[str, ...]) -> None:
        self.redact.learn(values)

    def pause(self, seconds: float) -> None:
        if self._phase is not None and not self._phase.outlives_controller:
            self.calling_off.wait(seconds)
        else:
            time.sleep(seconds)
        self.check_cancelled()

    def cancelled(self) -> bool:
        may_be = self._phase is not None and not self._phase.outlives_controller
        return may_be and self.calling_off.is_set()

    def check_cancelled(self) -> None:
        if self.cancelled():
            raise Cancelled(self.reason)

    def agent(self, spec: AgentSpec) -> Agent:
        if spec not in self._agents or self._agents[spec].ended:
            self._agents[spec] = Agent(self, spec)
        return self._agents[spec]

    def blobs(self, wanted: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
        return self._fetch(wanted) if wanted else iter(())

    # what the executor uses

    def emit(self, event: events.Event) -> None:
        self._listener(event)

    def enter(self, phase: Phase | None) -> None:
        """`None` is the way back, which nothing calls off."""
        self._phase = phase

    def begin_step(self, number: int, step: Step) -> None:
        """Tell of it: the lock, the journal, the listener. Raises OSError when the journal cannot be written."""
        self._tail, self._rest, self._note, self._number, self._name = Tail(), "", "", number, step.name
        if self._lock:
            self._lock.at(step.name)
        if self._journal:
            at = time.monotonic() - self._began
            self._journal.begin_step(number=number, phase=step.phase, name=step.name, at=at)
        self.emit(events.StepStarted(number, step.phase, step.name))

    def doing(self, number: int, action: Action) -> None:
        self.emit(events.Doing(number, self.redact(plain(action.describe()))))

    def end_step(self, status: str, seconds: float) -> None:
        """The same at its end; `status` is "done" or "failed"."""
        if self._rest:
            self._tell(self._rest)
            self._rest = ""
        if self._journal:
            self._journal.end_step(status=status, seconds=seconds, note=self._note, tail=str(self._tail))
        self.emit(events.StepFinished(self._number, self._name, status, seconds, self._note))

    def step_undone(self, number: int, name: str) -> None:
        if self._journal:
            self._journal.mark_undone(number)
        self.emit(events.StepFinished(number, name, "undone", 0.0))

    def warn(self, text: str) -> None:
        self.emit(events.Warned(self.keep_warning(text)))

    def keep_warning(self, text: str) -> str:
        """Write a warning down that whoever listens has heard already; the text as it is kept."""
        clean = self.redact(plain(text))
        if self._journal:
            self._journal.warn(clean)
        return clean

    def live(self, release: str) -> None:
        seconds = time.monotonic() - self._began
        if self._journal:
            with contextlib.suppress(OSError):  # the next step finds out, and knows how to take this one back
                self._journal.live(seconds)
        self.emit(events.Live(release, seconds, self.url))

    def elapsed(self) -> float:
        return time.monotonic() - self._began

    def end_agents(self) -> None:
        for agent in self._agents.values():
            agent.end()
        self._agents.clear()
