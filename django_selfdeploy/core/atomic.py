"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets


def write(path: str, data: bytes, *, mode: int = 0o644, durable: bool = True) -> None:
    """Replace `path` by `data` in one rename; a reader sees the old bytes or the new, never a part.

    With `durable` the bytes and the name are on disk on return (rename(2), fsync(2)). Raises OSError, with the
    old file untouched and no temporary file left.
    """
    temporary = beside(path)
    try:
        _write_new(temporary, data, mode, durable)
        os.rename(temporary, path)
    except BaseException:
        _forget(temporary)
        raise
    if durable:
        sync_directory(os.path.dirname(path))


def link(path: str, to: str) -> None:
    """Make `path` a symbolic link to `to` in one rename, whatever link it was before."""
    temporary = beside(path)
    try:
        os.symlink(to, temporary)
        os.rename(temporary, path)
    except BaseException:
        _forget(temporary)
        raise
    sync_directory(os.path.dirname(path))


def beside(path: str) -> str:
    """A new name in the folder of `path`; recovery knows such names and removes them."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".tmp-{secrets.token_hex(4)}-{name}")


def sync_directory(path: str) -> None:
    handle = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_new(path: str, data: bytes, mode: int, durable: bool) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(handle, mode)
        if durable:
            os.fsync(handle)


def _forget(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
