"""A channel of SSH as a pair of byte streams, and what its other side complained of."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import paramiko

from ..core.wire import Channel

PIECE = 1 << 15
"""Bytes that go at once: the largest packet, since paramiko copies what it is given for each."""

TICK = 1.0
"""Seconds between two looks at standard error while nothing comes: a full window of it would stop everything."""

SHORT_TICK = 0.1
"""The same while an answer is waited for there."""

TAIL = 4000


class Complaints:
    """The end of what the other side wrote on standard error. It changes as more comes, so it is not frozen."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        self._seen = b""

    def take(self) -> None:
        """Take in what has come, without waiting."""
        while self._channel.recv_stderr_ready():
            data = self._channel.recv_stderr(1 << 16)
            if not data:
                return
            self._seen = (self._seen + data)[-TAIL:]

    def text(self) -> str:
        self.take()
        return self._seen.decode("utf-8", "replace").strip()


class Incoming(io.RawIOBase):
    """What the host sends. Raises TimeoutError when nothing comes for `patience` seconds.

    `patience` and `watch` change as the conversation goes on, so it is not frozen: `watch` is called whenever there
    is nothing yet, and says whether to begin counting anew. `trouble` is why it ended, where it was silence.
    """

    def __init__(self, channel: paramiko.Channel, complaints: Complaints, patience: float) -> None:
        self._channel, self._complaints = channel, complaints
        self.patience = patience
        self.watch: Callable[[], bool] | None = None
        self.trouble = ""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """The number of bytes that were read; 0 at the end."""
        deadline = time.monotonic() + self.patience
        while True:
            self._complaints.take()
            if self.watch and self.watch():
                deadline = time.monotonic() + self.patience
            self._channel.settimeout(TICK if self.watch is None else SHORT_TICK)
            try:
                data = self._channel.recv(len(buffer))
            except TimeoutError:
                if time.monotonic() > deadline:
                    self.trouble = f"nothing was heard for {self.patience:g} s"
                    raise TimeoutError(self.trouble) from None
                continue
            buffer[: len(data)] = data
            return len(data)


class Outgoing(io.RawIOBase):
    """What the host is sent. Raises BrokenPipeError when it is gone. `busy_since` is when the write under way began
    to wait, by time.monotonic(); 0 while there is none.
    """

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        self.busy_since = 0.0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        """All of it."""
        view = memoryview(data)
        try:
            for start in range(0, len(view), PIECE):
                self._put(bytes(view[start : start + PIECE]))
        finally:
            self.busy_since = 0.0
        return len(view)

    def _put(self, piece: bytes) -> None:
        self.busy_since = time.monotonic()
        while piece:
            try:
                sent = self._channel.send(piece)
            except TimeoutError:
                continue  # its window is full; who watches us ends this when it stays so
            except (OSError, EOFError, paramiko.SSHException) as error:
                raise BrokenPipeError(str(error)) from error
            if not sent:
                raise BrokenPipeError("The channel is closed.")
            piece = piece[sent:]
            self.busy_since = time.monotonic()


@contextmanager
def beating(
    channel: Channel, outgoing: Outgoing, *, every: float, silence: float, end: Callable[[], None]
) -> Iterator[None]:
    """Show the other side that we are alive, for as long as the block lasts. `end` is called when a write has waited
    for `silence` seconds: the link is dead, and nothing else would end that write.
    """
    over = threading.Event()

    def beat() -> None:
        while not over.wait(every):
            since = outgoing.busy_since
            if since and time.monotonic() - since > silence:
                end()
                return
            try:
                channel.send_if_idle("alive")
            except OSError:
                return  # who reads the answers finds out

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
