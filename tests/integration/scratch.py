"""Folders of a test run that a later run removes when their own was killed before it could."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MARK = ".claimed"
MEMORY, DISK = Path("/dev/shm"), Path("/tmp")
ROOM = 2 << 30
"""Bytes that must be free in memory to work there: thousands of small files are made and removed sooner than on disk."""


@contextmanager
def claimed_folder() -> Iterator[Path]:
    """A folder that others may look into, removed at the end. First, those are removed whose claim died with its process."""
    remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix="sd", dir=_place()))
    folder.chmod(0o755)
    with _opened(folder) as claim:
        fcntl.flock(claim, fcntl.LOCK_EX)
        (folder / MARK).touch()  # not before the claim, which nobody may take for an abandoned one
        yield folder
        shutil.rmtree(folder)


def remove_abandoned() -> list[Path]:
    """Remove and return the folders that nobody claims any more: the kernel ends a claim with its process."""
    removed = []
    for folder in (mark.parent for place in (MEMORY, DISK) for mark in place.glob(f"sd*/{MARK}")):
        with suppress(FileNotFoundError), _opened(folder) as handle:
            if os.fstat(handle).st_uid == os.geteuid() and _is_free(handle):
                shutil.rmtree(folder)
                removed.append(folder)
    return removed


def _place() -> Path:
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM else DISK


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """A file system of its own, in the new folder, of that size; root alone can mount it."""
    folder.mkdir()
    subprocess.run(("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(folder)), check=True)
    try:
        yield
    finally:
        subprocess.run(("umount", "--lazy", str(folder)), check=True)


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
