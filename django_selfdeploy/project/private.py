"""A folder for secrets that must be in a file for a moment: in memory where that can be, and always removed."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IN_MEMORY = "/dev/shm"  # noqa: S108 - the folder made in it has mode 0700


@contextmanager
def private_folder() -> Iterator[Path]:
    """A new folder with mode 0700; nothing of it is left when the block ends, however it does."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if threading.current_thread() is threading.main_thread() and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _leave)
    places = (IN_MEMORY, os.environ.get("XDG_RUNTIME_DIR", ""))
    place = next((place for place in places if place and os.access(place, os.W_OK | os.X_OK)), None)
    with tempfile.TemporaryDirectory(prefix="selfdeploy-", dir=place) as folder:
        yield Path(folder)


def _leave(number: int, frame: object) -> None:
    """A closed terminal ends us too, and is no reason to leave secrets behind."""
    raise SystemExit(128 + number)


def write_private(path: Path, text: str) -> None:
    """A new file with mode 0600 from its first byte on. Raises OSError where something has that name."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(text)
