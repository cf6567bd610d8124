"""Uploaded files in one archive, and put back."""

from __future__ import annotations

import os
import tarfile
from typing import Any

from ..errors import BackupFailed
from . import streams
from .store import MediaCopy


def size(folder: str) -> int:
    """The bytes of all files below `folder`; those that vanish meanwhile do not count."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:
                continue
    return total


def store(folder: str, path: str, *, level: int) -> MediaCopy:
    """Write everything below `folder` to the archive `path`. A file that is removed meanwhile is left out.

    Raises BackupFailed for one that gets shorter while it is read, OSError.
    """
    sink, count = streams.Sink(path), 0
    try:
        with (
            streams.compressed(sink, level) as writing,
            tarfile.open(fileobj=writing, mode="w|", format=tarfile.PAX_FORMAT) as archive,
        ):
            for place, folders, names in os.walk(folder):
                folders.sort()
                for name in sorted((*names, *folders)):
                    count += _add(archive, os.path.join(place, name), folder)
        stored = sink.close()
    except BaseException:
        sink.abandon()
        raise
    return MediaCopy(stored.name, stored.size, stored.sha256, count)


def _add(archive: tarfile.TarFile, path: str, folder: str) -> int:
    """Add one entry; how many files that were, 0 or 1."""
    name = os.path.relpath(path, folder)
    try:
        if os.path.isdir(path) or os.path.islink(path):
            archive.add(path, name, recursive=False)
            return 0
        with open(path, "rb") as file:
            archive.addfile(archive.gettarinfo(arcname=name, fileobj=file), file)
    except FileNotFoundError:
        return 0
    except OSError as error:
        if error.errno is not None:
            raise
        raise BackupFailed(f"The file {path!r} got shorter while it was read.", hint="Try again.") from error
    return 1


def verify(path: str, files: int) -> None:
    """Read all of it, and count. Raises BackupFailed."""
    try:
        with tarfile.open(path, mode="r|*") as archive:
            found = sum(1 for member in archive if member.isfile())
    except (tarfile.TarError, EOFError, OSError) as error:
        raise streams.damaged(path, str(error)) from error
    if found != files:
        raise streams.damaged(path, f"it holds {found} files where {files} are expected")


def restore(path: str, folder: str) -> None:
    """Put the files back; those that came since stay. Raises OSError, BackupFailed."""
    os.makedirs(folder, exist_ok=True)
    safe: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    try:
        with tarfile.open(path, mode="r|*") as archive:
            archive.extractall(folder, **safe)  # noqa: S202 - made by us, and its checksum was compared
    except (tarfile.TarError, EOFError) as error:
        raise streams.damaged(path, str(error)) from error
