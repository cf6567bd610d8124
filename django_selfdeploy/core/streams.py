"""The runner's ends of the three pipes to its controller, none of which can hold it up for ever or make it fail."""

from __future__ import annotations

import contextlib
import io
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, BinaryIO, cast

HELD = 16 << 20
"""Bytes that wait for a controller that reads slowly; a runner with more to say waits for it."""

LAST_WORDS = 2.0
"""Seconds that a runner which ends gives its controller to read the rest."""

AT_ONCE = 512
"""Bytes that a pipe which can be written to takes without waiting (PIPE_BUF of POSIX, at the least)."""


class Inlet(io.RawIOBase):
    """What the controller sends. A controller that sends nothing for `silence` seconds (0: any time) is gone, as if
    it had closed its end; `at_end` is called then.
    """

    def __init__(
        self, handle: int, *, silence: float = 0.0, before: bytes = b"", at_end: Callable[[], None] = lambda: None
    ) -> None:
        self._handle, self._before, self._at_end = handle, before, at_end
        self._patience = int(silence * 1000) if silence else None
        self._ready = select.poll()
        self._ready.register(handle, select.POLLIN)

    def buffered(self) -> BinaryIO:
        return cast("BinaryIO", io.BufferedReader(self, 1 << 16))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._next(len(buffer))
        buffer[: len(data)] = data
        if not data:
            self._at_end()
        return len(data)

    def _next(self, most: int) -> bytes:
        if self._before:
            data, self._before = self._before[:most], self._before[most:]
            return data
        if not self._ready.poll(self._patience):
            return b""
        return os.read(self._handle, most)


class Outlet(io.RawIOBase):
    """What the controller is told. A thread does the writing: a pipe that nobody empties, because the link to the
    controller is dead, must not hold up a runner that has switched.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._waiting: deque[bytes] = deque()
        self._held = 0
        self._open = True
        self._change = threading.Condition()
        threading.Thread(target=self._work, daemon=True).start()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        """Raises BrokenPipeError when the controller is gone."""
        piece = bytes(data)
        with self._change:
            self._change.wait_for(lambda: self._held < HELD or not self._open)
            if not self._open:
                raise BrokenPipeError("The controller is gone.")
            self._waiting.append(piece)
            self._held += len(piece)
            self._change.notify_all()
        return len(piece)

    def give_up(self) -> None:
        """Nobody listens any more: forget what waits, and refuse what comes."""
        with self._change:
            self._open = False
            self._waiting.clear()
            self._change.notify_all()

    def drain(self) -> None:
        """Wait until everything is written, at most LAST_WORDS."""
        with self._change:
            self._change.wait_for(lambda: not self._held or not self._open, LAST_WORDS)

    def _work(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting)
                piece = self._waiting.popleft()
            try:
                self._put(piece)
            except OSError:
                self.give_up()
                return
            with self._change:
                self._held -= len(piece)
                self._change.notify_all()

    def _put(self, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(self._handle, rest) :]


class Murmur(io.TextIOBase):
    """Standard error: what cannot be written at once is left out, and nothing is raised."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._ready = select.poll()
        self._ready.register(handle, select.POLLOUT)

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        """Its length, however much of it was written."""
        data = text.encode("utf-8", "replace")
        with contextlib.suppress(OSError):
            for start in range(0, len(data), AT_ONCE):
                if self._ready.poll(0):
                    os.write(self._handle, data[start : start + AT_ONCE])
        return len(text)
