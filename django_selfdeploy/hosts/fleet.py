"""Hosts kept in pace: none begins a phase before all are through the one before it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from ..core.errors import Cancelled, DeployError, RunnerLost
from ..core.events import Event, Live, StepStarted
from ..core.plan import Pace, Phase, Plan, stretches
from .base import Blobs, Connection, Listener, tell
from .news import OnHost, Planned

T = TypeVar("T")
Batches = Callable[[tuple[str, ...]], tuple[tuple[str, ...], ...]]
_Call = Callable[[str, Connection], T]
_Item = tuple[str, Event | None]


@dataclass(frozen=True)
class Failed:
    """What kept a host from answering; the first of several is the reason of all others."""

    host: str
    error: DeployError


class Fleet:
    """Conversations with the hosts of a target, by their names. What was switched and who was lost changes as a
    deployment goes on, so it is not frozen.

    Listeners hear all hosts in the thread that asks; where there are several, each event comes as OnHost. `lead`
    is the host that does what is done once, `batches` cuts names into groups that switch one after the other; `several`
    says that the target has more hosts than these.
    """

    def __init__(
        self,
        connections: dict[str, Connection],
        *,
        lead: str = "",
        batches: Batches = lambda names: (names,),
        several: bool = False,
    ) -> None:
        self.connections = connections
        self.lead = lead or next(iter(connections))
        self.listeners: list[Listener] = []
        self.switched: set[str] = set()
        self.lost: dict[str, RunnerLost] = {}
        self._batches = batches
        self._named = several or len(connections) > 1

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.connections)

    @property
    def first(self) -> Connection:
        """The conversation with the host that does what is done once."""
        return self.connections[self.lead]

    @property
    def several(self) -> bool:
        """Whether hosts must be told apart, as also when there were more before."""
        return self._named

    def narrowed(self, names: Iterable[str]) -> Fleet:
        """The same conversations, of these hosts only."""
        chosen = {name: self.connections[name] for name in names}
        lead = self.lead if self.lead in chosen else ""
        fleet = Fleet(chosen, lead=lead, batches=self._batches, several=self._named)
        fleet.listeners, fleet.switched, fleet.lost = self.listeners, self.switched, self.lost
        return fleet

    def give(self, source: Blobs) -> None:
        """Where the bytes come from that hosts ask for. One host at a time reads them."""
        turn = threading.Lock()

        def taking_turns(wanted: Iterable[str]) -> Any:
            with turn:
                yield from source(wanted)

        for connection in self.connections.values():
            connection.source = taking_turns

    def call_off(self) -> None:
        """Ask all for an end; what comes of it is the answer to the call under way."""
        for connection in self.connections.values():
            _quietly(connection.call_off)

    def tell(self, *happened: Event) -> None:
        """Let the listeners hear of something that the controller itself has found."""
        tell(self.listeners, *happened)

    def each(self, call: _Call[T], *, on: tuple[str, ...] | None = None) -> dict[str, T]:
        """The answers of all hosts, or of those named, asked at the same time.

        When one fails the others are asked to stop, and waited for; then its error is raised, with its name.
        """
        names = self.names if on is None else on
        answers, failed = self._asked(call, names)
        if failed:
            raise told_of(failed, several=self.several)
        return answers

    def try_each(self, call: _Call[T]) -> tuple[dict[str, T], dict[str, DeployError]]:
        """The answers by host, and the errors of those that gave none; nobody stops for another's error."""
        answers, failed = self._asked(call, self.names, stop=False)
        return answers, {one.host: one.error for one in failed}

    def carry_out(
        self, plans: dict[str, Plan], asked: Callable[[str], dict[str, Any]], *, last: bool = False, wait: bool = True
    ) -> dict[str, dict[str, Any]]:
        """Carry out the plan of each host; the answers of each release's Django by question.

        One host gets its plan whole, so that it can go on alone from the switch; several get theirs phase by
        phase. `asked` gives what Connection.carry_out wants besides, `last` closes the journals. Without `wait`
        it returns when every host is live. Raises the first error, of which the other hosts know nothing yet.
        """
        if len(plans) == 1:
            if self.several:
                self._announce(plans)
            until = None if wait else Live
            return self.each(lambda name, c: c.carry_out(plans[name], last=last, until=until, **asked(name)))
        answers: dict[str, dict[str, Any]] = {name: {} for name in plans}
        for pace, phases in stretches(_used(plans.values())):
            ending = last and Phase.TIDY in phases
            parts = {name: plan.during(phases) for name, plan in plans.items()}
            parts = {name: part for name, part in parts.items() if part.steps or ending}
            for group in self._groups(pace, tuple(parts)):
                self._announce({name: parts[name] for name in group})
                more = {"last": ending, "until": StepStarted if ending and not wait else None}
                answers |= self._stretch(parts, group, asked, more, ending=ending)
                self.switched |= set(group) if Phase.SWITCH in phases else set()
        return answers

    def abandon(self, reason: DeployError, *, record: Callable[[str], Any] = lambda name: None) -> None:
        """Let every host take back what it began, because of `reason`. Who cannot be told does so by itself."""

        def give_up(name: str, connection: Connection) -> None:
            connection.abandon(reason, record=record(name))

        _, errors = self.try_each(give_up)
        self._lose(errors)

    # how it goes

    def _stretch(
        self,
        parts: dict[str, Plan],
        group: tuple[str, ...],
        asked: Callable[[str], dict[str, Any]],
        more: dict[str, Any],
        *,
        ending: bool,
    ) -> dict[str, dict[str, Any]]:
        answers, failed = self._asked(lambda name, c: c.carry_out(parts[name], **more, **asked(name)), group)
        self._lose({one.host: one.error for one in failed})
        if failed and not (ending and all(isinstance(one.error, RunnerLost) for one in failed)):
            raise told_of(failed, several=True)
        return answers

    def _lose(self, errors: dict[str, DeployError]) -> None:
        self.lost |= {name: error for name, error in errors.items() if isinstance(error, RunnerLost)}

    def _groups(self, pace: Pace, names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        if not names:
            return ()
        if pace is Pace.ONCE:
            return ((self.lead if self.lead in names else names[0],),)
        return self._batches(names) if pace is Pace.IN_BATCHES else (names,)

    def _announce(self, parts: dict[str, Plan]) -> None:
        """Tell which steps follow, and where; hosts differ by what they have already."""
        order: dict[str, list[str]] = {}
        longest = max(parts.values(), key=lambda part: len(part.steps))
        for step in longest.steps:
            order[step.name] = []
        for name, part in parts.items():
            for step in part.steps:
                order.setdefault(step.name, []).append(name)
        self.tell(Planned(tuple((step, tuple(on)) for step, on in order.items())))

    def _asked(self, call: _Call[T], names: tuple[str, ...], *, stop: bool = True) -> tuple[dict[str, T], list[Failed]]:
        if names and not self.several:
            return self._ask_alone(call)
        heard: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        answers: dict[str, T] = {}
        failed: list[Failed] = []

        def ask(name: str) -> None:
            connection = self.connections[name]
            connection.listeners = [lambda event: heard.put((name, event))]
            try:
                answers[name] = call(name, connection)
            except DeployError as error:
                failed.append(Failed(name, error))
            finally:
                heard.put((name, None))

        threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in names]
        for thread in threads:
            thread.start()
        self._listen(heard, names, lambda: stop and bool(failed))
        return {name: answers[name] for name in names if name in answers}, failed

    def _ask_alone(self, call: _Call[T]) -> tuple[dict[str, T], list[Failed]]:
        [(name, connection)] = self.connections.items()
        connection.listeners = self.listeners
        try:
            return {name: call(name, connection)}, []
        except DeployError as error:
            return {}, [Failed(name, error)]

    def _listen(self, heard: queue.SimpleQueue[_Item], names: tuple[str, ...], stopping: Callable[[], bool]) -> None:
        """Pass on what the hosts tell until all have ended; when one fails, the others are called off."""
        working, asked = set(names), False
        while working:
            name, event = heard.get()
            if event is not None:
                self.tell(OnHost(name, event))
                continue
            working.discard(name)
            if stopping() and not asked:
                asked = True
                for other in working:
                    _quietly(self.connections[other].call_off)


def told_of(failed: list[Failed], *, several: bool) -> DeployError:
    """The error to raise for what failed on several hosts: the first that is not the end of another's, named."""
    reason = next((one for one in failed if not isinstance(one.error, Cancelled)), failed[0])
    return _named(reason.host, reason.error) if several else reason.error


@contextmanager
def naming(host: str, *, several: bool) -> Iterator[None]:
    """What is raised in the block is about `host`, and says so where there are several."""
    try:
        yield
    except DeployError as error:
        if not several:
            raise
        raise _named(host, error) from error


def _named(host: str, error: DeployError) -> DeployError:
    named = type(error)(f"{host}: {error.message}", hint=error.hint)
    named.exit_code = error.exit_code
    return named


def _used(plans: Iterable[Plan]) -> tuple[Phase, ...]:
    """The phases that a host has steps of: for others nobody waits.

    The switch parts what can be taken back from what cannot, and the last phase closes the journal: these stay.
    """
    used = {step.stretch for plan in plans for step in plan.steps} | {Phase.SWITCH, Phase.TIDY}
    return tuple(phase for phase in Phase if phase in used)


def _quietly(call: Callable[[], None]) -> None:
    try:
        call()
    except OSError:
        return  # it is gone: who waits for its answer finds out
