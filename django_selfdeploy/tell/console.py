"""What people see of a deployment: one line per step, and on a terminal the step being done below them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import cached_property, singledispatchmethod
from types import TracebackType
from typing import TextIO

from django.core.management.base import OutputWrapper

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
from django_selfdeploy.core.plan import Plan

from . import words
from .lines import Lines
from .paper import Paper, Progress, Sheet
from .stream import Stream


class Console:
    """A listener that tells people; it never raises for what a text holds or for a reader that left.

    `verbosity` is Django's: 0 says nothing at all (errors are the caller's), 1 a line per step, 2 also each
    action, 3 also all output. `colour`: None decides by the stream and the environment (NO_COLOR, TERM=dumb),
    False is plain lines without control characters, True colours even what is no terminal, but animates
    nothing there. `clock` counts seconds.
    """

    def __init__(
        self,
        stream: TextIO | OutputWrapper,
        *,
        verbosity: int,
        colour: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream, self._verbosity, self._colour, self._clock = Stream(stream), verbosity, colour, clock
        self._marks = _marks(self._stream)
        self._names: dict[int, str] = {}
        self._progress: Progress | None = None
        self._undoing = self._switched = False
        self._told: set[str] = set()

    def __enter__(self) -> Console:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self, event: Event) -> None:
        if self._verbosity >= 1:
            self._on(event)

    def untold(self, message: str) -> str:
        """An error's message without the indented lines that stand under its step already."""
        return "\n".join(
            line for line in message.splitlines() if not (line.startswith("    ") and line.strip() in self._told)
        )

    def close(self) -> None:
        """Give the terminal back. A step of which nobody heard the end is named."""
        if self._progress is not None:
            took = self._clock() - self._progress.began
            self._end(self._progress.name, "unfinished", took, "nobody heard how it ended")
        if "_paper" in self.__dict__:
            self._paper.close()

    @cached_property
    def _paper(self) -> Paper:
        """Made at the first event: while rich is imported (0.15 s) the runner is at work already."""
        return _paper(self._stream, self._marks, self._colour, self._clock)

    @singledispatchmethod
    def _on(self, event: Event) -> None:
        """An event that only others care for."""

    @_on.register
    def _started(self, event: Started) -> None:
        self._undoing = self._switched = False
        self._paper.say(words.started(event))

    @_on.register
    def _step_started(self, event: StepStarted) -> None:
        self._begin(event.number, event.name)

    @_on.register
    def _doing(self, event: Doing) -> None:
        if self._undoing and (self._progress is None or self._progress.number != event.number):
            self._begin(event.number, self._names.get(event.number, ""))
        if self._progress is not None:
            self._progress.what = event.what
        if self._verbosity >= 2:
            self._paper.say(words.action(self._marks, event.what))

    @_on.register
    def _output(self, event: Output) -> None:
        if self._progress is not None:
            self._say_all(self._progress.output.add(event.text))

    @_on.register
    def _step_finished(self, event: StepFinished) -> None:
        took = None if event.status == "undone" and not event.seconds else event.seconds
        self._end(event.name, event.status, took, event.note)

    @_on.register
    def _live(self, event: Live) -> None:
        self._switched = True
        self._paper.say(words.live(event))

    @_on.register
    def _taking_back(self, event: Undoing) -> None:
        self._undoing = True
        self._paper.say(words.undoing(event.reason))

    @_on.register
    def _warned(self, event: Warned) -> None:
        for line in words.warned(event.text):
            self._paper.say(line)

    @_on.register
    def _remarked(self, event: Remarked) -> None:
        for line in words.remarked(event.text):
            self._paper.say(line)

    @_on.register
    def _finished(self, event: Finished) -> None:
        self._progress = None
        self._paper.show(None)
        self._paper.say(words.finished(event, switched=self._switched))
        self._paper.close()

    def _begin(self, number: int, name: str) -> None:
        self._names[number] = name
        self._progress = Progress(number, name, self._clock())
        if self._verbosity >= 2:
            self._paper.say(words.heading(self._marks, name))
        self._paper.show(self._progress)

    def _end(self, name: str, status: str, took: float | None, note: str) -> None:
        output = self._progress.output if self._progress is not None else Lines()
        self._say_all(output.end())
        self._progress = None
        self._paper.show(None)
        self._paper.say(words.step(self._marks, status=status, name=name, took=took, note=note))
        if status == "failed" and self._verbosity < 3:
            for text in output.last():
                self._told.add(text.strip())
                self._paper.say(words.output(self._marks, text))

    def _say_all(self, lines: list[str]) -> None:
        if self._verbosity >= 3:
            for text in lines:
                self._paper.say(words.output(self._marks, text))


def print_plan(plan: Plan, stream: TextIO | OutputWrapper, *, verbosity: int, colour: bool | None = None) -> None:
    """The dry run: phases as headings, steps numbered.

    `verbosity` 0 shows the steps alone, 1 also their actions, 2 also the actions that would take them back.
    """
    out = Stream(stream)
    paper = _paper(out, _marks(out), colour, time.monotonic)
    for line in words.planned(plan, verbosity=verbosity):
        paper.say(line)
    paper.close()


def _marks(stream: Stream) -> words.Marks:
    return words.SIGNS if stream.takes(words.SIGNS.all) else words.LETTERS


def _paper(stream: Stream, marks: words.Marks, colour: bool | None, clock: Callable[[], float]) -> Paper:
    capable = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    if colour is False or (colour is None and not (stream.isatty() and capable)):
        return Sheet(stream)

    from .screen import Screen  # rich is slow to import, and only terminals need it

    return Screen(stream, marks=marks, clock=clock)
