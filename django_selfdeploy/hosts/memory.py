"""A host that is none: what would be done on it is remembered. For tests of your own steps and actions.

An action alone, done in a world that touches nothing of its own accord::

    world = MemoryWorld(questions={"facts": {"note": "3 pages"}})
    WarmUp("https://example.com/").do(world)
    assert world.notes == ["3 pages"]

A plan, carried out by the real executor, so that order, undo, events and errors are the real ones. Its actions
travel as they would to a host (an action that is no record is refused), and are remembered instead of done::

    host = MemoryConnection(answers={"facts": {}})
    host.fail_at("migrate", ActionFailed("The table is locked."))
    with pytest.raises(MigrationFailed):
        host.carry_out(plan)
    assert host.undone == [...]

A whole operation: let `operations.connected` give the host, with pytest for example by
`monkeypatch.setattr(operations, "connected", lambda project: contextlib.nullcontext(host))`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

from ..core import codec, records
from ..core.actions.base import Action, ActionFailed, World
from ..core.actions.django import Ask
from ..core.agent import AgentSpec
from ..core.distance import Distance
from ..core.errors import Cancelled, DeployError, named
from ..core.events import Event, Finished, Started
from ..core.executor import Executor
from ..core.lock import Lock
from ..core.outcomes import status_of
from ..core.plan import Plan, Step
from ..core.session import Session
from ..core.state import HostState
from .base import Connection, _no_blobs
from .nowhere import nothing_there

DEPLOYMENT, RELEASE_TIME = "20260101-000000-000", "20260101-000000-"
"""The id that every deployment here has, and what the ids of its new releases begin with."""


@dataclass
class MemoryWorld:
    """A core.actions.base.World that remembers. It changes with what actions do to it, so it is not frozen.

    `questions` are the agent's answers by question, an exception among them is raised; `sent` are the bytes by
    blob id that the controller would send. The rest is what happened: texts told, notes left, warnings, secrets
    learnt, pauses in seconds (which take no time), and what the agent was asked.
    """

    questions: dict[str, Any] = field(default_factory=dict)
    sent: dict[str, bytes] = field(default_factory=dict)
    called_off: bool = False
    deployment: str = DEPLOYMENT
    lock_handle: int | None = None
    answers: dict[str, Any] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def tell(self, text: str) -> None:
        self.told.append(text)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def learn_secrets(self, values: tuple[str, ...]) -> None:
        self.secrets += values

    def pause(self, seconds: float) -> None:
        """Takes no time. Raises Cancelled when the world is called off."""
        self.pauses.append(seconds)
        if self.called_off:
            raise Cancelled("The deployment was called off.")

    def cancelled(self) -> bool:
        return self.called_off

    def agent(self, spec: AgentSpec) -> MemoryAgent:
        return MemoryAgent(self)

    def blobs(self, wanted: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
        """Those of `wanted` that are in `sent`; the others never arrive."""
        return ((blob, self.sent[blob]) for blob in wanted if blob in self.sent)


class MemoryAgent:
    """The Django process of no release: it answers what the world's `questions` say."""

    def __init__(self, world: MemoryWorld) -> None:
        self._world = world

    def ask(self, question: str, arguments: dict[str, Any], *, timeout: float = 0.0, quiet: bool = False) -> Any:
        """The configured answer. Raises it where it is an exception, ActionFailed where there is none."""
        self._world.asked.append((question, arguments))
        return answered(self._world.questions, question)


def answered(answers: dict[str, Any], question: str) -> Any:
    """The answer to `question`. Raises it where it is an exception, ActionFailed where there is none."""
    if question not in answers and question not in _SILENT:
        raise ActionFailed(f"This test has no answer to {question!r}.")
    answer = answers.get(question, {})
    if isinstance(answer, Exception):
        raise answer
    return answer


class MemoryConnection(Connection):
    """A conversation with a host that is none. It changes with what is asked of it, so it is not frozen.

    `state` is what every look finds; `answers` are those of the release's Django by question; `replies` are the
    answers of a runner by question, "holder" or "story" for example. `done` and `undone` are the
    actions in the order in which the host would have done them, `events` what it would have told, `about` what the
    deployment was opened with, `abandoned` why the controller gave it up.
    """

    def __init__(
        self,
        state: HostState | None = None,
        *,
        answers: dict[str, Any] | None = None,
        replies: dict[str, Any] | None = None,
    ) -> None:
        records.load()
        self.state = nothing_there() if state is None else state
        self.answers = answers or {}
        self.replies = {**_REPLIES, **(replies or {})}
        self.listeners, self.source, self.round_trips = [], _no_blobs, 0
        self.deployment = self.release = ""
        self.story: dict[str, Any] | None = None
        self.done: list[Action] = []
        self.undone: list[Action] = []
        self.events: list[Event] = []
        self.about: dict[str, Any] | None = None
        self.abandoned: DeployError | None = None
        self._failing: list[tuple[str | type[Action], Exception]] = []
        self._session = self._new_session()
        self._executor = Executor(self._session)

    def fail_at(self, what: str | type[Action], trouble: Exception | None = None) -> None:
        """Let every action of the class `what`, or whose description has the text `what` in it, raise `trouble`."""
        self._failing.append((what, trouble or ActionFailed("This test lets it fail.")))

    def call_off(self) -> None:
        """As Ctrl-C does: what may still be called off stops before its next action."""
        self._session.calling_off.set()

    # what Connection asks of a runner

    def _ask(self, kind: str, *, until: type[Event] | None = None, **fields: Any) -> Any:
        self.round_trips += 1
        if kind in self.replies:
            return self.replies[kind]
        travelled = codec.loads(codec.dumps(fields, reveal=True))
        answer = getattr(self, f"_on_{kind}")(**travelled)
        return None if until else answer

    def _on_open(self, *, about: dict[str, Any] | None, secrets: tuple[str, ...], **other: Any) -> dict[str, Any]:
        self.about = about
        if about is None:
            return {"state": self.state, "deployment": "", "release": ""}
        self._session = self._new_session()
        self._session.learn_secrets(secrets)
        self._executor = Executor(self._session)
        release = str(about.get("release", "")).replace("+", RELEASE_TIME)
        self.tell(Started(DEPLOYMENT, str(about.get("kind", "")), str(about.get("target", "")), release))
        return {"state": self.state, "deployment": DEPLOYMENT, "release": release}

    def _on_carry_out(self, *, plan: Plan, url: str, last: bool, **other: Any) -> dict[str, Any]:
        self._session.url = url
        steps = tuple(self._remembered(step) for step in plan.steps)
        try:
            self._executor.carry_out(replace(plan, steps=steps))
        except DeployError as error:
            self._end(error)
            raise
        if last:
            self._end(missing := self._executor.missing)
            if missing:
                raise missing
        return {"answers": dict(self._session.answers)}

    def _on_prepare(self, *, plan: Plan) -> dict[str, Any]:
        return dict(self._on_carry_out(plan=plan, url="", last=False)["answers"])

    def _on_abandon(self, *, error: str, message: str, hint: str, exit_code: int, record: Any) -> None:
        reason = named(error)(message, hint=hint)
        reason.exit_code = exit_code
        self.abandoned = reason
        self._executor.take_back(reason)
        self._end(reason)

    # what is done instead of doing

    def _remembered(self, step: Step) -> Step:
        actions = tuple(_Remembered(action, self, self.done) for action in step.actions)
        undo = tuple(_Remembered(action, self, self.undone) for action in step.undo)
        return replace(step, actions=actions, undo=undo)

    def _do(self, action: Action, remembered: list[Action], world: World) -> None:
        for what, trouble in self._failing:
            named_so = isinstance(what, str) and what in action.describe()
            if named_so or (isinstance(what, type) and isinstance(action, what)):
                raise trouble
        remembered.append(action)
        if isinstance(action, Ask):
            world.answers[action.question] = answered(self.answers, action.question)

    def _end(self, reason: DeployError | None) -> None:
        self.tell(Finished(status_of(reason), self._session.elapsed()))
        self._executor = Executor(self._session)

    def tell(self, *happened: Event) -> None:
        """Remember it too."""
        self.events += happened
        super().tell(*happened)

    def _new_session(self) -> Session:
        return Session(
            deployment=DEPLOYMENT,
            listener=self.tell,
            journal=None,
            lock=cast("Lock", _NoLock()),
            fetch=lambda wanted: iter(()),
            began=time.monotonic(),
        )


_SILENT = ("settings", "create_databases", "backup", "remember_migrations")
"""Questions whose answers say nothing, unless a test wants them to."""
_REPLIES: dict[str, Any] = {
    "holder": None,
    "story": [],
    "status": {},
    "manifest": (),
    "files": {},
    "run": 0,
    "logs": {"logs": {}, "known": []},
    "backups": (),
    "distance": Distance(None, None, ""),
}


@dataclass(frozen=True)
class _Remembered(Action):
    action: Action
    host: MemoryConnection
    done: list[Action]

    def describe(self) -> str:
        return self.action.describe()

    def do(self, world: World) -> None:
        self.host._do(self.action, self.done, world)


class _NoLock:
    """What a session wants of a lock, where nothing is locked."""

    handle: int | None = None

    def at(self, step: str) -> None:
        """Nobody asks which step is being done."""
