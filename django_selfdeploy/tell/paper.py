"""Where lines for people are written: what a paper can, and the plain one."""

from __future__ import annotations

from typing import Protocol

from . import words
from .lines import Lines
from .stream import Stream


class Progress:
    """The step being done, which changes while it is shown.

    `began` is on the console's clock, `what` is the action being done, `output` what its commands wrote.
    """

    def __init__(self, number: int, name: str, began: float) -> None:
        self.number, self.name, self.began = number, name, began
        self.what = ""
        self.output = Lines()


class Paper(Protocol):
    """Where lines are written."""

    def say(self, line: words.Line) -> None:
        """Write a line that stays."""

    def show(self, progress: Progress | None) -> None:
        """From now on this is being done; None: nothing is."""

    def close(self) -> None:
        """Leave nothing but the lines that stay."""


class Sheet:
    """Paper without control characters: what is written is written, and at once."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def say(self, line: words.Line) -> None:
        self._stream.write(f"{words.plain_text(line)}\n")
        self._stream.flush()

    def show(self, progress: Progress | None) -> None:
        """Nothing: only what is over is written."""

    def close(self) -> None:
        """Nothing is left over."""
