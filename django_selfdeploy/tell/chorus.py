"""What several hosts tell at the same time, made into what one would tell: a step is over when all are through it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from django_selfdeploy.core import journal
from django_selfdeploy.core.events import (
    Doing,
    Event,
    Finished,
    Live,
    Output,
    Remarked,
    Started,
    StepFinished,
    StepStarted,
    Undoing,
    Warned,
)
from django_selfdeploy.hosts.news import OnHost, Planned, Recorded

from .whole import STATUSES

Listener = Callable[[Event], None]


@dataclass
class Row:
    """A step and how far the hosts are with it; `where` names them if they are not all. It changes as they go, so it
    is not frozen.
    """

    number: int
    name: str
    hosts: frozenset[str]
    where: str = ""
    waiting: StepStarted | None = None
    over: bool = False
    finished: dict[str, StepFinished] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return self.over or self.hosts <= self.finished.keys()


class Chorus:
    """A listener that tells another one. What is not of one host among several is passed on as it is."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._rows: list[Row] = []
        self._number = 0
        self._begun: set[int] = set()
        self._working: dict[str, Started] = {}
        self._live: dict[str, Live] = {}
        self._finished: dict[str, Finished] = {}
        self._undoing = False
        self._undone: set[str] = set()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Planned):
            self._plan(event)
        elif isinstance(event, OnHost):
            self._hear(event.host, event.event)
        elif not isinstance(event, Recorded):
            self._listener(event)

    def _plan(self, event: Planned) -> None:
        self._rows = []
        for name, hosts in event.steps:
            self._number += 1
            where = f"on {', '.join(hosts)}" if self._working.keys() - set(hosts) else ""
            self._rows.append(Row(self._number, name, frozenset(hosts), where))

    def _hear(self, host: str, event: Event) -> None:
        if isinstance(event, Started):
            self._begin(host, event)
        elif isinstance(event, StepStarted):
            self._step_begins(event)
            self._tell_begun()
        elif isinstance(event, (Doing, Output)):
            self._listener(_of_host(host, event, self._current))
        elif isinstance(event, StepFinished):
            self._step_ends(host, event)
        elif isinstance(event, (Warned, Remarked)):
            self._listener(replace(event, text=f"{host}: {event.text}"))
        elif isinstance(event, Undoing):
            self._take_back(event)
        elif isinstance(event, Live):
            self._goes_live(host, event)
        elif isinstance(event, Finished):
            self._ends(host, event)

    @property
    def _current(self) -> int:
        return next((row.number for row in self._rows if not row.complete), self._number)

    def _begin(self, host: str, event: Started) -> None:
        if not self._working:
            self._listener(event)
        self._working[host] = event

    def _step_begins(self, event: StepStarted) -> None:
        row = next((row for row in self._rows if row.name == event.name), None)
        if row is not None and row.number not in self._begun:
            row.waiting = event

    def _tell_begun(self) -> None:
        """The step that is the next to be over; a host that is faster may have begun it long ago."""
        row = next((row for row in self._rows if not row.over), None)
        if row is not None and row.waiting is not None:
            self._begun.add(row.number)
            self._listener(replace(row.waiting, number=row.number))
            row.waiting = None

    def _step_ends(self, host: str, event: StepFinished) -> None:
        if event.status == "undone":
            if event.name not in self._undone:
                self._undone.add(event.name)
                self._listener(event)
            return
        row = next((row for row in self._rows if row.name == event.name), None)
        if row is None:
            return
        if event.status == "failed":
            row.over = True
            self._listener(replace(event, number=row.number, note=f"on {host}"))
            return
        row.finished[host] = event
        self._tell_complete()

    def _tell_complete(self) -> None:
        """Rows are told in their order, though hosts that are faster were through some before."""
        for row in self._rows:
            if row.over:
                continue
            self._tell_begun()
            if not row.complete:
                return
            row.over = True
            if row.finished:
                self._listener(_together(row))

    def _take_back(self, event: Undoing) -> None:
        if not self._undoing:
            self._undoing = True
            self._listener(event)

    def _goes_live(self, host: str, event: Live) -> None:
        self._live[host] = event
        if self._working.keys() - self._finished.keys() <= self._live.keys():
            slowest = max(live.seconds for live in self._live.values())
            url = next((live.url for live in self._live.values() if live.url), "")
            self._listener(Live(event.release, slowest, url))

    def _ends(self, host: str, event: Finished) -> None:
        self._finished[host] = event
        if event.status == journal.SUCCEEDED:  # a host that was lost at the end is through, though it said nothing
            for row in self._rows:
                row.hosts -= {host}
            self._tell_complete()
        if self._working.keys() <= self._finished.keys():
            slowest = max(finished.seconds for finished in self._finished.values())
            self._listener(Finished(worst(one.status for one in self._finished.values()), slowest))


def worst(statuses: Iterable[str]) -> str:
    """What several hosts came to, as one word: the failure of one is the failure of all."""
    found = set(statuses)
    return next((status for status in STATUSES if status in found), journal.FAILED)


def _of_host(host: str, event: Doing | Output, number: int) -> Event:
    if isinstance(event, Doing):
        return Doing(number, f"{host}: {event.what}")
    named = (f"{host}: {line}" if line.strip() else line for line in event.text.splitlines(keepends=True))
    return Output(number, "".join(named))


def _together(row: Row) -> StepFinished:
    """The slowest host's time; a note that all have in common, else each with its host."""
    slowest = max(row.finished.values(), key=lambda event: event.seconds)
    notes = {host: event.note for host, event in sorted(row.finished.items()) if event.note}
    if len(set(notes.values())) <= 1:
        note = next(iter(notes.values()), "")
    else:
        note = "; ".join(f"{host}: {text}" for host, text in notes.items())
    told = "; ".join(filter(None, (row.where, note)))
    return StepFinished(row.number, row.name, "done", slowest.seconds, told)
