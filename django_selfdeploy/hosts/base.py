"""One runner on one host, and the conversation with it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..core import records
from ..core.agent import AgentSpec
from ..core.backups.store import Backup
from ..core.distance import Distance
from ..core.errors import DeployError, RunnerLost, named
from ..core.events import Event
from ..core.manifest import Entry
from ..core.plan import Plan
from ..core.secret import Secret
from ..core.state import HostState
from ..core.wire import Channel, Frame

_log = logging.getLogger(__name__)

Listener = Callable[[Event], None]
Said = Callable[[str, bytes], None]
"""Hears what a command writes: "output" or "errors", and the bytes."""

Blobs = Callable[[Iterable[str]], Iterator[tuple[str, bytes]]]


def _no_blobs(wanted: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    return iter(())


class Connection:
    """A conversation with a runner. Every call raises the DeployError that the host answers with, and
    RunnerLost when it ends without a word. Listeners run in the calling thread.

    The first call waits for the runner by `greet`, once its question is on the way: until then the controller has
    other things to do. `broken` begins the message of RunnerLost, `trouble` is what is known of the reason, and
    `hint` is what to do next.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        greet: Callable[[], None] = lambda: None,
        trouble: Callable[[], str] = lambda: "",
        broken: str = "The runner ended without a word",
        hint: str = "`deploy_status` tells what is live; the next `deploy` puts right what was left.",
    ) -> None:
        records.load()
        self._channel = channel
        self._greet, self._greeted = greet, False
        self._trouble, self._broken, self._hint = trouble, broken, hint
        self.listeners: list[Listener] = []
        self._said: Said = lambda stream, data: None
        self.source: Blobs = _no_blobs
        self.round_trips = 0
        self.deployment = self.release = ""
        self.story: dict[str, Any] | None = None

    def open(
        self,
        root: str,
        *,
        look: dict[str, Any],
        name: str = "",
        about: dict[str, Any] | None = None,
        wait: float = 0.0,
        secrets: tuple[str, ...] = (),
    ) -> HostState:
        """Look at `root`, "" for where the host has the site `name`; with `about`, what the deployment is, lock it
        too, waiting at most `wait` seconds.

        `deployment` and `release` are the ids that the host gives then; `about["release"]` is an id there is, or
        "+" and the end of a new one. Where `about` has an "id", that is the deployment's; where it has a "host", the
        journal calls it so.
        """
        answer = self._ask("open", root=root, name=name, about=about, wait=wait, secrets=secrets, look=look)
        self.deployment, self.release = answer["deployment"], answer["release"]
        assert isinstance(answer["state"], HostState)
        return answer["state"]

    def carry_out(
        self,
        plan: Plan,
        *,
        url: str = "",
        last: bool = False,
        record: AgentSpec | None = None,
        otherwise: AgentSpec | None = None,
        more: dict[str, Any] | None = None,
        until: type[Event] | None = None,
    ) -> dict[str, Any]:
        """Carry the plan out; the answers of the release's Django by question.

        The `last` plan of a deployment closes its journal, and `record` writes that to the database; after a
        failure `otherwise` does, since the new release is gone then. `more` is what the journal shall say besides.
        With `until` the call returns at the first event of that kind, with no answers: what is left then belongs to
        the runner, which sees it to the end. `story` is the journal once it is closed.
        """
        fields = {"plan": plan, "url": url, "last": last, "record": record, "otherwise": otherwise}
        asked: dict[str, Any] = {**fields, "more": more or {}}
        answer = self._ask("carry_out", until=until, **asked)
        return dict(answer["answers"]) if answer else {}

    def examine(self, plan: Plan) -> tuple[bool, ...]:
        """Of each step of a plan that prepares the host, whether there is nothing to do. No root need be there."""
        return tuple(self._ask("examine", plan=plan))

    def prepare(self, plan: Plan) -> dict[str, Any]:
        """Carry out a plan that prepares the host, with neither lock nor journal; what it has to answer."""
        return dict(self._ask("prepare", plan=plan))

    def abandon(self, reason: DeployError, *, record: AgentSpec | None = None) -> None:
        """Take back what was begun, because of `reason`."""
        fields: dict[str, Any] = {"message": reason.message, "hint": reason.hint, "exit_code": reason.exit_code}
        self._ask("abandon", error=type(reason).__name__, record=record, **fields)

    def call_off(self) -> None:
        """Ask for an end; what comes of it is the answer to the call under way."""
        self._channel.send("cancel")

    def holder(self, *, kill: bool = False) -> dict[str, Any] | None:
        """Who holds the lock; with `kill`, after ending it."""
        return self._ask("holder", kill=kill)  # type: ignore[no-any-return]

    def stories(self, count: int) -> list[dict[str, Any]]:
        """The newest journals, newest first."""
        return list(self._ask("story", count=count))

    def status(self, *, look: dict[str, Any], deployments: int) -> dict[str, Any]:
        """What core.status tells."""
        return dict(self._ask("status", look=look, deployments=deployments))

    def manifest(self, release: str) -> tuple[Entry, ...]:
        """The entries of the source of a release on the host. Raises NothingThere."""
        return tuple(self._ask("manifest", release=release))

    def backups(self, folder: str) -> tuple[Backup, ...]:
        """The complete backups in a folder of the host, oldest first."""
        return tuple(self._ask("backups", folder=folder))

    def variables(self, *releases: str) -> dict[str, Secret | None]:
        """The environment files of releases by id, "" for the live one. Raises NothingThere."""
        return dict(self._ask("variables", releases=releases))

    def distance(self, *, to: str, live: str, folder: str) -> Distance:
        """What core.distance tells."""
        found = self._ask("distance", to=to, live=live, folder=folder)
        assert isinstance(found, Distance)
        return found

    def logs(self, names: tuple[str, ...], offsets: dict[str, Any], *, lines: int) -> dict[str, Any]:
        """What core.logs.read tells."""
        return dict(self._ask("logs", names=names, offsets=offsets, lines=lines))

    def files(self) -> dict[str, str]:
        """The generated files of the live release by name."""
        return dict(self._ask("files"))

    def run(self, words: tuple[str, ...], said: Said) -> int:
        """The exit status of a manage.py command in the live release. Raises NothingThere where nothing is live."""
        self._said = said
        return int(self._ask("run", words=words))

    def tell(self, *happened: Event) -> None:
        """Let the listeners hear of something that the controller itself has found."""
        tell(self.listeners, *happened)

    def _ask(self, kind: str, *, until: type[Event] | None = None, **fields: Any) -> Any:
        self.round_trips += 1
        try:
            self._channel.send(kind, **fields)
        except OSError as error:
            self._greet_once()
            raise self._lost() from error
        self._greet_once()
        while True:
            frame = self._receive()
            self.story = frame.fields.get("story") or self.story
            if frame.kind == "done":
                return frame.fields["answer"]
            if frame.kind == "error":
                raise _error(frame.fields)
            self._heard(frame)
            if until and frame.kind == "event" and isinstance(frame.fields["event"], until):
                return None

    def _greet_once(self) -> None:
        """Both ways start here: a runner that never began says why in its greeting."""
        if not self._greeted:
            self._greeted = True
            self._greet()

    def _heard(self, frame: Frame) -> None:
        if frame.kind == "event":
            self.tell(frame.fields["event"])
            return
        if frame.kind == "said":
            self._said(str(frame.fields["stream"]), frame.payload)
            return
        if frame.kind == "need":
            self.round_trips += 1
            self._give(frame.fields["blobs"])

    def _give(self, wanted: tuple[str, ...]) -> None:
        """Send the blobs that the runner lacks; it may be killed in the middle of them."""
        try:
            for blob, data in self.source(wanted):
                self._channel.send("blob", data, blob=blob)
            self._channel.send("blobs_end")
        except BrokenPipeError as error:
            raise self._lost() from error

    def _receive(self) -> Frame:
        try:
            frame = self._channel.receive()
        except (OSError, ValueError) as error:
            raise self._lost() from error
        if frame is None:
            raise self._lost()
        return frame

    def _lost(self) -> RunnerLost:
        said = self._trouble().strip()
        return RunnerLost(f"{self._broken}{': ' + said if said else '.'}", hint=self._hint)


def tell(listeners: list[Listener], *happened: Event) -> None:
    """Let the listeners hear of what happened. One that fails is taken off the list and hears no more."""
    for event in happened:
        for listener in tuple(listeners):
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - whatever it is, the deployment goes on
                _log.exception("A listener failed and is left out from now on: %r", listener)
                listeners.remove(listener)


def _error(fields: dict[str, Any]) -> DeployError:
    error = named(str(fields["error"]))(str(fields["message"]), hint=str(fields["hint"]))
    error.exit_code = int(fields["exit_code"])
    return error
