"""Ctrl-C while a runner works: the first asks it to stop and waits for what it says, the second leaves at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType


@contextmanager
def calling_off(call_off: Callable[[], None]) -> Iterator[None]:
    """SIGINT and SIGTERM call `call_off` in a thread of its own; a second one raises KeyboardInterrupt.

    An exception in the middle of reading would lose half a message, hence the handler that raises nothing.
    Outside of the main thread signals cannot be handled, and nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        threading.Thread(target=_quietly, args=(call_off,), daemon=True).start()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _quietly(call_off: Callable[[], None]) -> None:
    with suppress(OSError):  # the runner is gone: the reader of its answers finds out by itself
        call_off()
