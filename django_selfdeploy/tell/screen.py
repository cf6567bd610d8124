"""Paper that moves: lines that stay, and below them the step being done with its latest output."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TextIO, cast

from rich.console import Console as RichConsole
from rich.console import Group, OverflowMethod
from rich.live import Live
from rich.text import Text

from . import words
from .paper import Progress
from .stream import Stream

SHOWN = 6
"""Lines of live output below the step being done."""

PATIENCE = 1.0
"""Seconds after which a step is long enough for its output to be of interest."""


class Screen:
    """A terminal. A thread of rich draws the region below the lines ten times a second.

    On a stream that is no terminal there are colours, and no region.
    """

    def __init__(self, stream: Stream, *, marks: words.Marks, clock: Callable[[], float]) -> None:
        self._stream, self._marks, self._clock = stream, marks, clock
        self._animated = stream.isatty()
        self._console = RichConsole(
            file=cast("TextIO", stream),
            force_terminal=True,
            force_interactive=self._animated,
            no_color=False,
            highlight=False,
        )
        self._cut: OverflowMethod = "ellipsis" if stream.takes("…") else "crop"
        self._progress: Progress | None = None
        self._live: Live | None = None

    def say(self, line: words.Line) -> None:
        # soft_wrap: the terminal itself breaks a long line, so that a path is copied from it in one piece
        self._console.print(self._text(line), soft_wrap=True)

    def show(self, progress: Progress | None) -> None:
        self._progress = progress
        if self._live is not None:
            self._live.refresh()  # or a line said next would stand above what is over
        elif progress is not None and self._animated:
            self._live = self._moving()
            self._live.start(refresh=True)

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _moving(self) -> Live:
        """The region. What others print goes above it, where it would have gone to a terminal anyway."""
        return Live(
            console=self._console,
            get_renderable=self._region,
            refresh_per_second=10,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=sys.stderr.isatty(),
        )

    def _region(self) -> Group:
        """Called by the thread that draws; what it shows may have ended meanwhile."""
        progress = self._progress
        if progress is None:
            return Group()
        took = self._clock() - progress.began
        lines = [words.spinning(self._marks, name=progress.name, took=took)]
        if took >= PATIENCE:
            lines += self._below(progress)
        return Group(*(self._text(line, cut=self._cut) for line in lines))

    def _below(self, progress: Progress) -> list[words.Line]:
        """The latest output of the step, or what it is doing where nothing was written yet."""
        texts = progress.output.last(SHOWN)
        if texts:
            return [words.output(self._marks, text) for text in texts]
        return [words.action(self._marks, progress.what)] if progress.what else []

    def _text(self, line: words.Line, *, cut: OverflowMethod | None = None) -> Text:
        """The line for rich, spelt as it will be written, since rich counts its columns."""
        text = Text(no_wrap=cut is not None, overflow=cut)
        for piece in line:
            text.append(self._stream.spelt(piece.text), piece.style.value)
        text.rstrip()
        return text
