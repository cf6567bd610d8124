"""Live output of a command, cut into lines as it comes."""

from __future__ import annotations

from django_selfdeploy.core.text import plain

KEPT = 15
"""Lines; as many stay below a step that failed."""

LONGEST = 10_000
"""Characters of one line that are kept."""


class Lines:
    """The last lines of an output. Another thread reads while it grows: lists are replaced, not changed."""

    def __init__(self) -> None:
        self._last: list[str] = []
        self._unfinished = ""

    def add(self, text: str) -> list[str]:
        """Take the next piece of output; returns the lines that it completes, as they came."""
        *complete, unfinished = (self._unfinished + text).split("\n")
        self._unfinished = _shortened(unfinished)
        self._last = [*self._last, *complete[-KEPT:]][-KEPT:]
        return complete

    def end(self) -> list[str]:
        """The line that was not ended, if there is one, is complete now."""
        return self.add("\n") if self._unfinished else []

    def last(self, count: int = KEPT) -> list[str]:
        """At most `count` lines that are not blank, fit to be shown; the one being written is among them."""
        shown = [fit(line) for line in [*self._last, self._unfinished]]
        return [line for line in shown if line.strip()][-count:]


def fit(line: str) -> str:
    """One line as a terminal would show it in the end: what was overwritten is gone, tabs are spaces.

    Colours are dropped and every other control character is spelt out.
    """
    return plain(_shortened(line).rstrip("\r").replace("\n", " ")).expandtabs(8).rstrip()


def _shortened(line: str) -> str:
    """The line without what was overwritten. A return at its very end has overwritten nothing yet."""
    last = line.rstrip("\r").rpartition("\r")[2]
    end = "\r" if line.endswith("\r") else ""
    return last[:LONGEST] + end
