"""Log files that several processes write: rotated by size, and by anybody else, without losing a line."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from logging.handlers import WatchedFileHandler

SIZE, BACKUPS = 20_000_000, 5
"""Bytes at which a file is rotated, and how many rotated ones are kept, unless LOGGING says otherwise."""


class SharedFileHandler(WatchedFileHandler):
    """For LOGGING, in place of FileHandler and RotatingFileHandler, and with the arguments of the latter.

    The processes agree by a lock on the file who renames it; the others notice, as they do when logrotate has renamed
    it, and open the new one. A line that was meant for the file before the rename is in the renamed file. With
    `maxBytes` or `backupCount` of 0 it is not rotated here.
    """

    def __init__(
        self,
        filename: str | os.PathLike[str],
        mode: str = "a",
        maxBytes: int = SIZE,  # noqa: N803 - RotatingFileHandler calls it so
        backupCount: int = BACKUPS,  # noqa: N803
        encoding: str | None = None,
        delay: bool = False,
        errors: str | None = None,
    ) -> None:
        super().__init__(filename, "a" if mode == "w" else mode, encoding, delay, errors)
        self._most, self._backups = maxBytes, backupCount

    def reopenIfNeeded(self) -> None:  # noqa: N802 - called so by the standard library, before each line
        """Open the file that has the name now, after rotating one that is full."""
        super().reopenIfNeeded()
        if self._most > 0 and self._backups > 0 and self._is_full():
            with suppress(OSError):  # the line is worth more than the rotation
                self._rotate()
            super().reopenIfNeeded()

    def _is_full(self) -> bool:
        return self.stream is not None and os.fstat(self.stream.fileno()).st_size >= self._most

    def _rotate(self) -> None:
        """Under a lock on the full file, which whoever comes second finds renamed."""
        assert self.stream is not None
        handle = self.stream.fileno()
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            if not os.path.samestat(os.fstat(handle), os.stat(self.baseFilename)):
                return
            for number in range(self._backups - 1, 0, -1):
                with suppress(FileNotFoundError):
                    os.replace(f"{self.baseFilename}.{number}", f"{self.baseFilename}.{number + 1}")
            os.replace(self.baseFilename, f"{self.baseFilename}.1")
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)


def can_write(path: str) -> bool:
    """Whether this process can write the file; its folder is made where it is missing."""
    folder = os.path.dirname(os.path.abspath(path))
    try:
        os.makedirs(folder, 0o750, exist_ok=True)
    except OSError:
        return False
    return os.access(path if os.path.exists(path) else folder, os.W_OK)
