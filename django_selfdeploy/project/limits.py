"""How long a migration may wait for a lock, and how long a statement may take: so that nobody waits behind it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError
from django.db.backends.signals import connection_created

STRONG = re.compile(r"\s*(ALTER|DROP|CREATE|TRUNCATE|LOCK|COMMENT|REINDEX|SET CONSTRAINTS)\b", re.IGNORECASE)
"""Statements that take a lock which readers or writers must wait for."""

READING = re.compile(r"\s*(SELECT|SHOW|SET|PRAGMA|SAVEPOINT|RELEASE|ROLLBACK|BEGIN|EXPLAIN)\b", re.IGNORECASE)

LEAST = 0.01

BUSY = {"55P03", "40P01", 1205, 1213}
"""Codes of errors that another try may do without: PostgreSQL's lock_not_available and deadlock_detected, MariaDB's
ER_LOCK_WAIT_TIMEOUT and ER_LOCK_DEADLOCK.
"""

_Execute = Callable[..., Any]


@dataclass(frozen=True)
class Limits:
    """`lock_timeout` and `statement_timeout` are in seconds, 0 for none; `tries` counts the first one too."""

    lock_timeout: float = 2.0
    statement_timeout: float = 3600.0
    tries: int = 3

    def pause(self, attempt: int) -> float:
        """Seconds to wait after the failed `attempt`, from 1: others who wait get their turn first."""
        return float(min(max(self.lock_timeout, 0.1) * 2 ** (attempt - 1), 30.0))


def is_busy(error: BaseException) -> bool:
    """Whether it failed because others hold a lock."""
    cause = error.__cause__
    codes = {getattr(cause, "sqlstate", None), getattr(cause, "pgcode", None), *getattr(error, "args", ())[:1]}
    return isinstance(error, DatabaseError) and (bool(codes & BUSY) or "database is locked" in str(error))


class Watch:
    """Counts what is done in one migration, and sees that it keeps to its limits. It changes as that goes on.

    `written` counts the statements that changed something.
    """

    def __init__(self, connection: Any, limits: Limits, *, together: bool) -> None:
        self._connection, self._limits, self._together = connection, limits, together
        self._began: float | None = None
        self.written = 0

    def __call__(self, execute: _Execute, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if self._connection.vendor == "postgresql" and STRONG.match(str(sql)):
            self._spend(str(sql))
        found = execute(sql, params, many, context)
        self.written += 0 if READING.match(str(sql)) else 1
        return found

    def _spend(self, sql: str) -> None:
        """Locks are held to the end of a transaction: all of its waiting together has the time of one lock."""
        if "CONCURRENTLY" in sql.upper():
            _set(self._connection, "lock_timeout", 0)  # nobody waits behind it
            return
        now = time.monotonic()
        if self._began is None or not self._together:
            self._began = now
        left = max(self._limits.lock_timeout - (now - self._began), LEAST) if self._limits.lock_timeout else 0.0
        _set(self._connection, "lock_timeout", left)


def _set(connection: Any, name: str, seconds: float) -> None:
    """Directly: the wrapper of statements must not meet itself."""
    with connection.connection.cursor() as cursor:
        cursor.execute(f"SET {name} = {max(int(seconds * 1000), 1 if seconds else 0)}")


@contextmanager
def limited(connection: Any, limits: Limits) -> Iterator[None]:
    """Connections to this database keep to the limits within the block, those that are made anew too."""

    def created(connection: Any, **_: Any) -> None:
        if connection.alias == alias:
            _apply(connection, limits)

    alias = connection.alias
    connection_created.connect(created, weak=False)
    try:
        if connection.connection is not None:
            _apply(connection, limits)
        yield
    finally:
        connection_created.disconnect(created)


def _apply(connection: Any, limits: Limits) -> None:
    for statement in statements(connection, limits):
        with connection.connection.cursor() as cursor:
            cursor.execute(statement)
    if connection.vendor == "sqlite" and limits.lock_timeout:
        connection.connection.execute(f"PRAGMA busy_timeout = {int(limits.lock_timeout * 1000)}")


def statements(connection: Any, limits: Limits) -> tuple[str, ...]:
    """What makes a session keep to the limits. MariaDB counts locks in whole seconds; MySQL bounds no statement."""
    lock, statement = limits.lock_timeout, limits.statement_timeout
    if connection.vendor == "postgresql":
        return (f"SET lock_timeout = {int(lock * 1000)}", f"SET statement_timeout = {int(statement * 1000)}")
    if connection.vendor != "mysql":
        return ()
    seconds = max(1, round(lock))
    found = [f"SET SESSION {name} = {seconds}" for name in ("lock_wait_timeout", "innodb_lock_wait_timeout") if lock]
    return (*found, *([f"SET SESSION max_statement_time = {statement}"] if connection.mysql_is_mariadb else []))
