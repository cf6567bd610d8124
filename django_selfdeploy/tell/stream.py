"""A stream that takes every text: what it cannot encode is spelt out, and a reader that left is no error."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO, cast

from django.core.management.base import OutputWrapper


class Stream:
    """What the console and the JSON lines write to.

    A deployment does not fail because nobody reads of it any more: after the first error of the system, most
    often a closed pipe, writing does nothing.
    """

    def __init__(self, stream: TextIO | OutputWrapper) -> None:
        self._out = unwrapped(stream)
        self.encoding: str = getattr(self._out, "encoding", None) or "utf-8"
        self._gone = False

    def write(self, text: str) -> int:
        """Write all of `text`, spelt as the encoding can. Returns the length of `text`."""
        if not self._gone:
            spelt = self.spelt(text)
            self._attempt(lambda: self._out.write(spelt))
        return len(text)

    def flush(self) -> None:
        if not self._gone:
            self._attempt(self._out.flush)

    def isatty(self) -> bool:
        try:
            return self._out.isatty()
        except (AttributeError, ValueError):
            return False

    def spelt(self, text: str) -> str:
        """`text` with \\xNN or \\uNNNN for the characters that the encoding lacks."""
        return text.encode(self.encoding, "backslashreplace").decode(self.encoding)

    def takes(self, text: str) -> bool:
        """Whether the encoding knows every character of `text`."""
        try:
            text.encode(self.encoding)
        except UnicodeEncodeError:
            return False
        return True

    def _attempt(self, action: Callable[[], object]) -> None:
        try:
            action()
        except BrokenPipeError:
            self._gone = True
            self._discard_the_rest()
        except (OSError, ValueError):  # a full disk, a terminal that hung up, a closed file
            self._gone = True

    def _discard_the_rest(self) -> None:
        """Let what is still buffered go nowhere, or Python's last flush would fail and exit with 120.

        https://docs.python.org/3/library/signal.html#note-on-sigpipe
        """
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._out.fileno())
            os.close(nowhere)


def unwrapped(stream: TextIO | OutputWrapper) -> TextIO:
    """The stream behind a command's `self.stdout`, whose write() would end every piece with a newline."""
    return cast("TextIO", stream._out) if isinstance(stream, OutputWrapper) else stream
