"""Folders of a test run that a later run removes when their own was killed before it could."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .controller import short_folder

MARK = ".claimed"


@contextmanager
def claimed_folder() -> Iterator[Path]:
    """A short folder, removed at the end. First, those are removed whose claim died with its process."""
    remove_abandoned()
    folder = short_folder()
    with _opened(folder) as claim:
        fcntl.flock(claim, fcntl.LOCK_EX)
        (folder / MARK).touch()  # not before the claim, which nobody may take for an abandoned one
        yield folder
        shutil.rmtree(folder)


def remove_abandoned() -> list[Path]:
    """Remove and return the folders that nobody claims any more: the kernel ends a claim with its process."""
    removed = []
    for folder in (mark.parent for mark in Path("/tmp").glob(f"sd*/{MARK}")):
        with suppress(FileNotFoundError), _opened(folder) as handle:
            if os.fstat(handle).st_uid == os.geteuid() and _is_free(handle):
                shutil.rmtree(folder)
                removed.append(folder)
    return removed


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield handle
    finally:
        os.close(handle)


def _is_free(handle: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
