"""SQLite: its online backup, checked page by page."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress

from ..errors import BackupFailed
from . import streams
from .database import Database

BESIDE = ("-wal", "-shm", "-journal")
"""Files of a database that is open or was left so (SQLite, "Temporary Files Used By SQLite")."""


def dump(database: Database, path: str, *, level: int) -> streams.Stored:
    """Write the database to `path`, by a copy beside it that is checked first. Raises BackupFailed, OSError.

    The copy is made in one go: in pieces it would begin anew at every write of another process.
    """
    copy = f"{path.removesuffix(streams.GZIP)}.copy"
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(sqlite3.connect(database.name, timeout=60)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target, pages=-1)
        check(copy)
        return streams.store(path, streams.read(copy), level=level)
    except sqlite3.Error as error:
        raise BackupFailed(f"{database.name!r} cannot be read: {error}.") from error
    finally:
        _remove(copy)


def check(path: str) -> None:
    """SQLite's own judgement of every page and index. Raises BackupFailed."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            rows = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)")]
    except sqlite3.Error as error:
        raise streams.damaged(path, str(error)) from error
    if rows != ["ok"]:
        raise streams.damaged(path, "; ".join(rows))


def verify(path: str, *, scratch: str) -> None:
    """Unpack it to the new file `scratch` and check that, which is removed again. Raises BackupFailed, OSError."""
    try:
        streams.store(scratch, streams.read(path))
        check(scratch)
    finally:
        _remove(scratch)


def restore(database: Database, path: str) -> None:
    """Put the file in the place of the present one by one rename. Nobody may have that open. Raises BackupFailed."""
    new = f"{database.name}.restoring"
    _remove(new)
    try:
        streams.store(new, streams.read(path))
        check(new)
        _take_over(database.name, new)
        for end in BESIDE:
            with suppress(FileNotFoundError):
                os.unlink(f"{database.name}{end}")
        os.rename(new, database.name)
    finally:
        _remove(new)


def _take_over(old: str, new: str) -> None:
    """Owner and mode of the file that is replaced."""
    try:
        known = os.stat(old)
    except FileNotFoundError:
        os.chmod(new, 0o640)
        return
    os.chown(new, known.st_uid, known.st_gid)
    os.chmod(new, known.st_mode & 0o7777)


def _remove(path: str) -> None:
    for end in ("", *BESIDE):
        with suppress(FileNotFoundError):
            os.unlink(f"{path}{end}")
