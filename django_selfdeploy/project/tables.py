"""How large tables are, without reading them where the database keeps count itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from django.db import DatabaseError, transaction

from .facts import Table

MOST = 1_000_000
"""Rows that are counted on SQLite, which keeps no count; a table with more has "at least" so many."""

POSTGRESQL = """
    SELECT c.relname, c.reltuples::bigint, pg_total_relation_size(c.oid)
    FROM pg_class c WHERE c.oid = ANY(SELECT to_regclass(quote_ident(name)) FROM unnest(%s::text[]) AS name)
"""
MYSQL = """
    SELECT table_name, table_rows, data_length + index_length FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_name IN %s
"""


def sizes(connection: Any, names: Iterable[str]) -> tuple[Table, ...]:
    """Rows and bytes of those tables that are there; None for what nobody tells."""
    wanted = sorted(set(names))
    if not wanted:
        return ()
    read = {"postgresql": _postgresql, "mysql": _mysql, "sqlite": _sqlite}.get(connection.vendor)
    if read is None:
        return tuple(Table(name) for name in wanted)
    with suppress(DatabaseError), transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        return tuple(read(cursor, wanted))
    return tuple(Table(name) for name in wanted)


def _postgresql(cursor: Any, names: list[str]) -> Iterator[Table]:
    """The planner's estimate; a table that was never analysed has none, and is counted if it is small."""
    cursor.execute(POSTGRESQL, [names])
    for name, rows, size in cursor.fetchall():
        yield Table(name, rows if rows >= 0 else _counted(cursor, name), size)


def _mysql(cursor: Any, names: list[str]) -> Iterator[Table]:
    cursor.execute(MYSQL, [names])
    for name, rows, size in cursor.fetchall():
        yield Table(name, rows, int(size or 0))


def _sqlite(cursor: Any, names: list[str]) -> Iterator[Table]:
    cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    there = {name for (name,) in cursor.fetchall()}
    for name in names:
        if name in there:
            yield Table(name, _counted(cursor, name))


def _counted(cursor: Any, name: str) -> int:
    quoted = cursor.db.ops.quote_name(name)
    cursor.execute(f"SELECT count(*) FROM (SELECT 1 FROM {quoted} LIMIT {MOST}) AS counted")  # noqa: S608 - quoted
    return int(cursor.fetchone()[0])
