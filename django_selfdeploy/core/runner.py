"""The runner: carries out what a controller sends, and finishes or undoes by itself when the controller is gone.

A session is: `open` (lock, look) -> any number of `carry_out` -> end of the stream. Before the switch a lost
controller takes everything back; from the switch on the runner goes on to the end alone.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from typing import Any, BinaryIO

from . import journal, lock, machine, running, state
from .actions.base import ActionFailed
from .errors import Cancelled, DeployError, HostError, NothingThere, RunnerLost, as_fields, named
from .events import Event, Finished, Started, Warned
from .executor import Executor, of_system
from .known_secrets import known_secrets
from .layout import Layout
from .outcomes import status_of
from .plan import Plan
from .preparing import examined, prepared_session
from .questions import ANSWERS
from .release import new_release
from .session import Session
from .wire import HELLO, VERSION, Channel, Frame


def serve(nonce: str, reading: BinaryIO, writing: BinaryIO) -> None:
    """Answer one controller until its stream ends."""
    writing.write(f"{HELLO} {VERSION} {nonce}\n".encode())
    writing.flush()
    runner = Runner(Channel(reading, writing))
    signal.signal(signal.SIGTERM, lambda *_: runner.call_off("The runner was asked to end."))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    runner.listen()


class Runner:
    """What is open at the moment: a layout, perhaps a lock, perhaps a deployment."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._frames: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._layout: Layout | None = None
        self._lock: lock.Lock | None = None
        self._session: Session | None = None
        self._journal: journal.Journal | None = None
        self._executor: Executor | None = None
        self._called_off = ""
        self._story: dict[str, Any] | None = None

    def listen(self) -> None:
        """Answer until the controller is gone; what it began and may be taken back is taken back then."""
        threading.Thread(target=self._read, daemon=True).start()
        try:
            while (frame := self._frames.get()) is not None:
                self._answer(frame)
        finally:
            self._take_back(Cancelled("The controller went away before the switch."))

    def call_off(self, reason: str) -> None:
        """Ask the deployment to stop where it may; after the switch it may not. One that is yet to begin too."""
        self._called_off = reason
        if self._session is not None:
            self._session.reason = reason
            self._session.calling_off.set()

    def _read(self) -> None:
        while True:
            try:
                frame = self._channel.receive()
            except (OSError, ValueError) as error:
                print(f"The controller cannot be understood: {error}", file=sys.stderr, flush=True)  # noqa: T201
                frame = None
            if frame is None:
                self.call_off("The controller went away before the switch.")
            elif frame.kind == "alive":
                self._send("alive")
                continue
            elif frame.kind == "cancel":
                self.call_off("The deployment was called off.")
                continue
            self._frames.put(frame)
            if frame is None:
                return

    def _answer(self, frame: Frame) -> None:
        try:
            answer = self._answered(frame)
        except DeployError as error:
            self._refuse(error)
        except ActionFailed as error:
            self._refuse(HostError(str(error)))
        except OSError as error:
            self._refuse(of_system(f"{frame.kind} {self._root}".strip(), error))
        except Exception as error:  # noqa: BLE001 - told to the controller, who would else wait for ever
            traceback.print_exc()
            self._refuse(RunnerLost(f"The runner failed at {frame.kind!r}: {error!r}."))
        else:
            self._send("done", answer=answer, story=self._story)

    def _answered(self, frame: Frame) -> Any:
        if frame.kind not in ANSWERS:
            return getattr(self, f"_on_{frame.kind}")(**frame.fields)
        assert self._layout is not None
        return ANSWERS[frame.kind](self._layout, **frame.fields)

    def _refuse(self, error: DeployError) -> None:
        self._send("error", **as_fields(error), story=self._story)

    @property
    def _root(self) -> str:
        return self._layout.root if self._layout else ""

    # the requests

    def _on_open(
        self,
        *,
        root: str,
        name: str,
        about: dict[str, Any] | None,
        wait: float,
        secrets: tuple[str, ...],
        look: dict[str, Any],
    ) -> dict[str, Any]:
        """Look at the root, "" for the usual one of the site `name`; with `about`, what the deployment is, make the
        root, lock it and open a journal.

        The ids of deployment and release are made once the lock is held, so that they sort by what happened;
        `about` has them already on the second and every further host. Only a deployment makes a root: raises
        NothingThere for another kind where there is none.
        """
        self._layout = layout = Layout(os.path.normpath(root) if root else machine.root_of(name))
        if about is None:
            return {"state": state.look(layout, **look), "deployment": "", "release": ""}
        about = self._begin(layout, about, wait, secrets)
        found = state.look(layout, **look, own=about["id"])
        return {"state": found, "deployment": about["id"], "release": about["release"]}

    def _begin(self, layout: Layout, about: dict[str, Any], wait: float, secrets: tuple[str, ...]) -> dict[str, Any]:
        began = time.monotonic() - float(about.pop("elapsed", 0.0))
        if about["kind"] != "deploy" and not os.path.isdir(layout.journals):
            raise NothingThere(f"Nothing is deployed in {layout.root!r}.", hint="Deploy first: `manage.py deploy`.")
        os.makedirs(layout.journals, mode=0o755, exist_ok=True)
        self._lock = lock.Lock(layout)
        holder = {key: about[key] for key in ("kind", "who")}
        self._lock.take(holder, wait=wait, tell=lambda t: self._emit(Warned(t)))
        about = {"id": journal.new_id(), **about, "release": new_release(layout, about["release"])}
        self._lock.at("", deployment=about["id"], release=about["release"])
        live = os.path.basename(os.readlink(layout.current)) if os.path.islink(layout.current) else ""
        self._journal = journal.Journal(layout, {"host": socket.gethostname(), **about, "previous": live})
        self._session = Session(
            deployment=about["id"],
            listener=self._emit,
            journal=self._journal,
            lock=self._lock,
            fetch=self._fetch,
            began=began,
        )
        self._session.learn_secrets((*secrets, *known_secrets(layout, live)))
        self._executor = Executor(self._session)
        self._emit(Started(about["id"], about["kind"], about["target"], about["release"]))
        if self._called_off:
            self.call_off(self._called_off)
        return about

    def _on_carry_out(
        self, *, plan: Plan, url: str, last: bool, record: Any, otherwise: Any, more: dict[str, Any]
    ) -> dict[str, Any]:
        """Carry a plan out. The `last` one closes the journal; `record` is the agent that writes it to the
        database, `otherwise` the one that does so after a failure, `more` is what the journal shall say besides;
        "judged" in it are warnings that the controller has told.
        """
        assert self._executor is not None and self._session is not None and self._journal is not None
        self._session.url = url
        for text in more.pop("judged", ()):
            self._session.keep_warning(text)
        self._journal.story.update(more)
        try:
            self._executor.carry_out(plan)
        except DeployError as error:
            self._close(error, otherwise)
            raise
        if last:
            missing = self._executor.missing
            self._close(missing, record)
            if missing:
                raise missing
        return {"answers": dict(self._session.answers), "deployment": self._session.deployment}

    def _on_abandon(self, *, error: str, message: str, hint: str, exit_code: int, record: Any) -> None:
        """The controller has judged that it must not go on: take everything back."""
        reason = named(error)(message, hint=hint)
        reason.exit_code = exit_code
        self._take_back(reason, record=record)

    def _on_examine(self, *, plan: Plan) -> tuple[bool, ...]:
        """Of each step of a plan that prepares a host, whether there is nothing to do."""
        return examined(plan)

    def _on_prepare(self, *, plan: Plan) -> dict[str, Any]:
        """Carry out a plan that prepares a host: the root, with its lock and its journal, is yet to be made."""
        self._session = prepared_session(self._emit)
        if self._called_off:
            self.call_off(self._called_off)
        Executor(self._session).carry_out(plan)
        return dict(self._session.answers)

    def _on_run(self, *, words: tuple[str, ...]) -> int:
        """Run a manage.py command in the live release; its output goes in frames, the exit status is the answer."""
        assert self._layout is not None
        manage = f"{self._layout.bin}/manage"
        if not os.path.exists(manage) or not os.path.exists(self._layout.current):
            raise NothingThere("Nothing is live.", hint="Deploy first: `manage.py deploy`.")
        return running.run(
            (manage, *words),
            tell=lambda stream, data: self._send_bytes("said", data, stream=stream),
            gone=lambda: bool(self._called_off),
        )

    # the end of a deployment

    def _take_back(self, reason: DeployError, *, record: Any = None) -> None:
        if self._executor is None:
            return
        self._executor.take_back(reason)
        stays = isinstance(reason, Cancelled) and self._executor.confirmed
        self._close(None if stays else reason, record)

    def _close(self, reason: DeployError | None, record: Any) -> None:
        assert self._session is not None and self._journal is not None and self._lock is not None
        status = status_of(reason)
        fields = as_fields(reason) if reason and status != journal.UNCHANGED else None
        if fields:
            fields["message"] = self._session.redact(fields["message"])
        self._executor = None  # whatever fails now, nothing is taken back any more
        try:
            self._journal.close(status, seconds=self._session.elapsed(), error=fields)
        except OSError as error:
            self._emit(Warned(f"The journal could not be closed: {error.strerror}."))
        self._story = self._journal.story
        if record is not None:
            self._import_records(record)
        self._session.end_agents()
        self._emit(Finished(status, self._session.elapsed()))
        self._lock.release()

    def _import_records(self, record: Any) -> None:
        """Let Django write the journals to its database; the journals are the truth, so a failure is a remark."""
        assert self._session is not None and self._layout is not None
        self._session.enter(None)
        arguments = {"journals": self._layout.journals}
        try:
            self._session.agent(record).ask("record", arguments, timeout=60, quiet=True)
        except (ActionFailed, DeployError) as error:
            self._emit(Warned(f"The deployment is not in the database yet, only in its journal: {error}"))

    # talking

    def _emit(self, event: Event) -> None:
        self._send("event", event=event)

    def _send(self, kind: str, **fields: Any) -> None:
        self._send_bytes(kind, b"", **fields)

    def _send_bytes(self, kind: str, data: bytes, **fields: Any) -> None:
        """Say it, if somebody still listens."""
        with contextlib.suppress(OSError):
            self._channel.send(kind, data, **fields)

    def _fetch(self, wanted: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
        """Ask the controller for blobs; they come one frame each, closed by a frame `blobs_end`."""
        self._send("need", blobs=wanted)
        while True:
            frame = self._frames.get()
            if frame is None:
                self._frames.put(None)
                raise Cancelled("The controller went away before the switch.")
            if frame.kind == "blobs_end":
                return
            if frame.kind != "blob":
                raise RunnerLost(f"The controller sent {frame.kind!r} in the middle of the source.")
            yield frame.fields["blob"], frame.payload
