"""One at a time: who migrates a database holds its lock, however many hosts share it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

KEY = int.from_bytes(hashlib.sha256(b"django-selfdeploy migrates").digest()[:8], "big", signed=True)
"""PostgreSQL's advisory locks are numbers, and each database has its own."""

POLL = 0.1

PATIENCE = 3600.0
"""Seconds to wait for another host that migrates: as long as a migration may take."""


class NoTurn(Exception):
    """Somebody else migrated all the time."""


@contextmanager
def turn(connection: Any, *, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the database's lock for migrations within the block; wait for it at most `patience` seconds.

    It is asked for again and again: who waits inside of the database would keep an index from being built
    concurrently. Raises NoTurn.
    """
    take = {"postgresql": _postgresql, "mysql": _mysql, "sqlite": _sqlite}.get(connection.vendor)
    with take(connection) if take else nullcontext(lambda: True) as taken:
        _await(taken, patience)
        yield


def _await(taken: Callable[[], bool], patience: float) -> None:
    deadline = time.monotonic() + patience
    told = False
    while not taken():
        if time.monotonic() > deadline:
            raise NoTurn(f"Somebody else has migrated this database for {patience:.0f} seconds.")
        if not told:
            print("Waiting for another host that migrates this database.", flush=True)  # noqa: T201 - it is output
        told = True
        time.sleep(POLL)


@contextmanager
def _postgresql(connection: Any) -> Iterator[Callable[[], bool]]:
    """In a transaction of a connection of its own: that holds behind a pooler too. Without a snapshot it hinders
    nobody; PostgreSQL's manual, "Explicit Locking", Advisory Locks.
    """
    own = connection.copy()
    own.set_autocommit(False)
    with own.cursor() as cursor:
        cursor.execute("SET idle_in_transaction_session_timeout = 0")

    def taken() -> bool:
        with own.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [KEY])
            return bool(cursor.fetchone()[0])

    try:
        yield taken
    finally:
        own.close()


@contextmanager
def _mysql(connection: Any) -> Iterator[Callable[[], bool]]:
    """GET_LOCK is the whole server's, so its name has the database's; at most 64 characters."""
    own = connection.copy()
    name = hashlib.sha256(str(connection.settings_dict["NAME"]).encode()).hexdigest()[:32]

    def taken() -> bool:
        with own.cursor() as cursor:
            cursor.execute("SELECT GET_LOCK(%s, 0)", [f"selfdeploy-{name}"])
            return bool(cursor.fetchone()[0])

    try:
        yield taken
    finally:
        own.close()


@contextmanager
def _sqlite(connection: Any) -> Iterator[Callable[[], bool]]:
    """A lock on the folder: on the file itself it would meddle with SQLite's own locks."""
    name = str(connection.settings_dict["NAME"])
    if name == ":memory:" or name.startswith("file:"):
        yield lambda: True
        return
    handle = os.open(os.path.dirname(os.path.abspath(name)), os.O_RDONLY | os.O_DIRECTORY)

    def taken() -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        yield taken
    finally:
        os.close(handle)
