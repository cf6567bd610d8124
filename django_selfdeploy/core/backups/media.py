"""Uploaded files: a whole tree in each backup, in which what did not change is a hard link to the backup before."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import astuple, dataclass
from typing import IO

from ..errors import BackupFailed
from . import streams
from .store import MediaCopy

TREE, INDEX = "media", "media.index.gz"
"""In the folder of a backup: the files themselves, and a line of JSON for each."""

BLOCK = 4096
"""Bytes by which files grow on most file systems."""

TRIES = 3
"""How often a file is read that is written to meanwhile; then it stays as it was read last."""

BESIDE = ".selfdeploy-restoring"


@dataclass(frozen=True)
class Entry:
    """A file of a backup. `size` is in bytes; `modified` and `changed` are mtime and ctime of the original, in
    nanoseconds: who writes to a file cannot keep both.
    """

    path: str
    size: int
    modified: int
    changed: int
    sha256: str

    def is_of(self, found: os.stat_result) -> bool:
        """Whether the original is still what it was."""
        return (self.size, self.modified, self.changed) == (found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def growth(folder: str, before: str) -> int:
    """The bytes that a backup of `folder` will take, where `before` is the folder of the last one, "" for none."""
    known = _known(before)
    return sum(
        -(-found.st_size // BLOCK) * BLOCK
        for path, found in _files(folder)
        if (entry := known.get(path)) is None or not entry.is_of(found)
    )


def store(folder: str, partial: str, *, before: str = "") -> MediaCopy:
    """Write everything below `folder` to the folder `partial` of a backup; what is the same in `before` is linked.

    A file that is removed meanwhile is left out, and so is what is neither file, folder nor symbolic link. All of it is
    on disk on return. Raises OSError.
    """
    known, count, size, added = _known(before), 0, 0, 0
    index = f"{partial}/{INDEX}"
    os.mkdir(f"{partial}/{TREE}", 0o700)
    _copy_folders(folder, f"{partial}/{TREE}")
    private = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with open(os.open(index, private, 0o600), "wb") as raw, gzip.open(raw, "wt", encoding="ascii") as lines:
        for path, found in _files(folder):
            entry, copied = _kept(f"{folder}/{path}", path, found, partial, before, known.get(path))
            if entry is None:
                continue
            lines.write(f"{json.dumps(astuple(entry))}\n")
            count, size, added = count + 1, size + entry.size, added + copied
    os.sync()
    stored = streams.stored(index)
    return MediaCopy(INDEX, size, stored.sha256, count, added + stored.size)


def _kept(
    original: str, path: str, found: os.stat_result, partial: str, before: str, known: Entry | None
) -> tuple[Entry | None, int]:
    """The entry of a file once it is in the backup, None where it has vanished; and the bytes that were copied."""
    target = f"{partial}/{TREE}/{path}"
    if known and known.is_of(found) and _linked(f"{before}/{TREE}/{path}", target, known.size):
        return known, 0
    try:
        entry = _copied(original, path, target)
    except FileNotFoundError:
        return None, 0
    return entry, entry.size


def _linked(older: str, target: str, size: int) -> bool:
    """Whether it could be done: some file systems have no links, or not so many of one file."""
    try:
        if os.lstat(older).st_size != size:
            return False
        os.link(older, target)
    except OSError:
        return False
    return True


def _copied(original: str, path: str, target: str) -> Entry:
    for _ in range(TRIES):
        with open(os.open(original, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as reading:
            before = os.fstat(reading.fileno())
            with open(target, "wb") as writing:
                os.fchmod(writing.fileno(), stat.S_IMODE(before.st_mode))
                digest, size = _through(reading, writing)
            after = os.fstat(reading.fileno())
        os.utime(target, ns=(before.st_mtime_ns, before.st_mtime_ns))
        if (before.st_mtime_ns, before.st_ctime_ns, size) == (after.st_mtime_ns, after.st_ctime_ns, after.st_size):
            break
    return Entry(path, size, before.st_mtime_ns, before.st_ctime_ns, digest)


def _through(reading: IO[bytes], writing: IO[bytes]) -> tuple[str, int]:
    """Copy all of it; its SHA-256 and its bytes."""
    digest, size = hashlib.sha256(), 0
    while chunk := reading.read(streams.CHUNK):
        writing.write(chunk)
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


def verify(backup: str, copy: MediaCopy, *, whole: bool) -> None:
    """Read the copy in the folder `backup` back; unless `whole`, of files that earlier backups have too only the size.

    Raises BackupFailed.
    """
    count = 0
    for entry in _entries(backup):
        _verify_file(f"{backup}/{TREE}/{entry.path}", entry, whole=whole)
        count += 1
    if count != copy.files:
        raise streams.damaged(f"{backup}/{INDEX}", f"it names {count} files where {copy.files} are expected")


def _verify_file(path: str, entry: Entry, *, whole: bool) -> None:
    try:
        about = os.lstat(path)
        fits = about.st_size == entry.size
        if fits and (whole or about.st_nlink == 1):
            fits = streams.stored(path).sha256 == entry.sha256
    except OSError as error:
        raise streams.damaged(path, str(error.strerror)) from error
    if not fits:
        raise streams.damaged(path, f"it has {about.st_size} bytes, or others, where {entry.size} were written")


def restore(backup: str, folder: str) -> None:
    """Put the files back, each by one rename; those that came since stay. Raises OSError, BackupFailed."""
    os.makedirs(folder, exist_ok=True)
    _copy_folders(f"{backup}/{TREE}", folder)
    for entry in _entries(backup):
        target = f"{folder}/{entry.path}"
        if not _is_there(target, entry):
            _put(f"{backup}/{TREE}/{entry.path}", target)


def _is_there(path: str, entry: Entry) -> bool:
    with suppress(OSError):
        about = os.lstat(path)
        same = stat.S_ISREG(about.st_mode) and about.st_size == entry.size
        return same and streams.stored(path).sha256 == entry.sha256
    return False


def _put(original: str, target: str) -> None:
    new = f"{os.path.dirname(target)}/{BESIDE}"
    try:
        shutil.copy2(original, new)
        os.replace(new, target)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(new)


def _copy_folders(folder: str, target: str) -> None:
    """Folders, and symbolic links as they are."""
    for place, folders, names in os.walk(folder):
        inside = os.path.join(target, os.path.relpath(place, folder))
        for name in (*folders, *names):
            path, to = os.path.join(place, name), os.path.join(inside, name)
            with suppress(FileNotFoundError, FileExistsError):
                if os.path.islink(path):
                    os.symlink(os.readlink(path), to)
                elif os.path.isdir(path):
                    os.mkdir(to)
                    os.chmod(to, stat.S_IMODE(os.lstat(path).st_mode) | stat.S_IRWXU)


def _files(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """The path below `folder` of each file, and what is known of it."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            with suppress(FileNotFoundError):
                found = os.lstat(path := os.path.join(place, name))
                if stat.S_ISREG(found.st_mode) and name != BESIDE:
                    yield os.path.relpath(path, folder), found


def _known(backup: str) -> dict[str, Entry]:
    """What is in a backup, by path; nothing where there is none, or its index cannot be read."""
    with suppress(OSError, BackupFailed):
        return {entry.path: entry for entry in _entries(backup)}
    return {}


def _entries(backup: str) -> Iterator[Entry]:
    """The lines of the index, one at a time. Raises BackupFailed for what is none, OSError."""
    path = f"{backup}/{INDEX}"
    rest = b""
    for chunk in streams.read(path):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield _entry(path, line)
    if rest:
        raise streams.damaged(path, "its last line is cut off")


def _entry(path: str, line: bytes) -> Entry:
    try:
        return Entry(*json.loads(line))
    except (ValueError, TypeError) as error:
        raise streams.damaged(path, "it holds a line that is none of an index") from error
