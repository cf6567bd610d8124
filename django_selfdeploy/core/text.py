"""Output of strangers made fit for a terminal, a journal and a page."""

from __future__ import annotations

import re

_control = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_colour = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def plain(text: str) -> str:
    """`text` without colours, every other control character spelt out as \\xNN.

    Of a line that was written over by carriage returns, as progress bars do, the last state stays.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)
    return _control.sub(lambda found: f"\\x{ord(found[0]):02x}", _colour.sub("", text))


class Tail:
    """The first and the last characters of a long text, so that a journal stays small."""

    def __init__(self, head: int = 4_000, tail: int = 12_000) -> None:
        self._head, self._tail = head, tail
        self._first = self._last = ""
        self._dropped = 0

    def add(self, text: str) -> None:
        room = max(0, self._head - len(self._first))
        self._first += text[:room]
        last = self._last + text[room:]
        self._dropped += max(0, len(last) - self._tail)
        self._last = last[-self._tail :]

    def __str__(self) -> str:
        gap = f"\n[... {self._dropped} characters left out ...]\n" if self._dropped else ""
        return f"{self._first}{gap}{self._last}"
