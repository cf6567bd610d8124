"""A folder on this machine: the paths below it, and the entries of the files there."""

from __future__ import annotations

import os
import stat
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from .core.errors import SourceError
from .core.manifest import FILE, LINK, PROGRAM, Entry, blob_id
from .left_out import is_junk, is_state
from .limits import guard_names, guard_size


def walk(top: Path, *, ignores: Container[str], below: str = "") -> Iterator[str]:
    """The paths below a folder, relative to `top`; SourceError for a folder that cannot be read.

    Of folders that are ignored or never deployed there is only the name, with a slash behind; junk and virtual
    environments are not looked into.
    """
    items = _items(top, below)
    if below and any(item.name == "pyvenv.cfg" for item in items):
        return
    for item in items:
        path = f"{below}/{item.name}" if below else item.name
        if not item.is_dir(follow_symlinks=False):
            yield path
        elif path in ignores or is_state(item.name):
            yield f"{path}/"
        else:
            yield from walk(top, ignores=ignores, below=path)


def read_entries(folder: Path, paths: Iterable[str], *, like: str = "") -> tuple[tuple[Entry, ...], set[str]]:
    """The entries of the files at `paths`, and those paths at which there is something else.

    Blobs are hashed as `blob_id` does it for `like`. SourceError for what cannot be read or may not be held.
    """
    found: dict[str, os.stat_result] = {}
    special: set[str] = set()
    for path in paths:
        status = _status(folder, path)
        if status and (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
            found[path] = status
        elif status:
            special.add(path)
    guard_names(found)
    guard_size({path: status.st_size for path, status in found.items()})
    return tuple(_entry(folder, path, status.st_mode, like) for path, status in found.items()), special


def load(folder: Path, path: str, *, is_link: bool) -> bytes:
    """The bytes of a file, or the target of a link; OSError where it cannot be read."""
    place = folder / path
    return os.fsencode(os.readlink(place)) if is_link else place.read_bytes()


def _items(top: Path, folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(top / folder) as found:
            return [item for item in found if not is_junk(item.name)]
    except OSError as error:
        raise _unreadable(folder, error) from error


def _status(folder: Path, path: str) -> os.stat_result | None:
    """None for what is deleted, which git knows only once it is committed."""
    try:
        return (folder / path).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unreadable(path, error) from error


def _entry(folder: Path, path: str, mode: int, like: str) -> Entry:
    is_link = stat.S_ISLNK(mode)
    try:
        data = load(folder, path, is_link=is_link)
    except OSError as error:
        raise _unreadable(path, error) from error
    kind = PROGRAM if mode & stat.S_IXUSR else FILE
    return Entry(path, blob_id(data, like=like), LINK if is_link else kind, len(data))


def _unreadable(path: str, error: OSError) -> SourceError:
    hint = "Make it readable for the user who deploys, or move it out of the project."
    return SourceError(f"{path or '.'!r} cannot be read: {error.strerror}.", hint=hint)
