"""The judgement on an operation, and what code really meets: the old code after it, the new code before it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pymysql
from django.db import connections
from django.db.migrations import Migration
from django.db.migrations.state import ProjectState

from django_selfdeploy.project.safety.findings import LOCKING, Judgement, gravest
from django_selfdeploy.project.safety.walk import Walk

from . import exercise
from .operations import BASE, Example

APP = "shop"


@dataclass(frozen=True)
class Proof:
    """`old` is what the old code meets after the migration, `new` what the new code meets before it; "" for
    nothing. `rewritten` says that PostgreSQL wrote the table of books anew.
    """

    judgements: tuple[Judgement, ...]
    old: str
    new: str
    rewritten: bool = False

    @property
    def kind(self) -> str:
        return gravest(one.kind for one in self.judgements)

    @property
    def waits(self) -> bool:
        return all(one.waits for one in self.judgements)

    @property
    def locks(self) -> bool:
        return any(each.kind == LOCKING for one in self.judgements for each in one.findings)

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(each.reason for one in self.judgements for each in one.findings)


@contextmanager
def database(alias: str, settings: dict[str, Any]) -> Iterator[str]:
    """Django knows a database by this alias within the block."""
    if settings["ENGINE"].endswith("mysql"):
        pymysql.install_as_MySQLdb()
    known = connections.settings
    connections.settings = connections.configure_settings({**known, alias: settings})
    try:
        yield alias
    finally:
        connections[alias].close()
        del connections[alias]
        connections.settings = known


def prove(example: Example, alias: str) -> Proof:
    """Make what was there, judge, let new code run, migrate, let old code run, and clear up."""
    connection = connections[alias]
    with prepared(example, alias) as (old, after):
        migration = _migration(example.change, atomic=example.atomic)
        judgements = Walk(old.clone(), connection).judge(migration)
        new_trouble = exercise.trouble(after.apps, alias)
        before = _file(connection)
        with connection.schema_editor(atomic=example.atomic) as editor:
            migration.apply(old.clone(), editor)
        return Proof(judgements, exercise.trouble(old.apps, alias), new_trouble, _file(connection) != before)


@contextmanager
def prepared(example: Example, alias: str) -> Iterator[tuple[ProjectState, ProjectState]]:
    """The state that the old code knows, with tables and rows as it has them; and the state that comes of it."""
    try:
        old = ProjectState()
        for operation in (*BASE, *example.given):
            with connections[alias].schema_editor(atomic=True) as editor:
                old = _migration((operation,)).apply(old, editor)
        exercise.seed(old.apps, alias)
        yield old, _migration(example.change).mutate_state(old.clone())
    finally:
        clear(connections[alias])


def _migration(operations: tuple[Any, ...], *, atomic: bool = True) -> Migration:
    made = Migration("0002_change", APP)
    made.operations, made.atomic = [copy.deepcopy(one) for one in operations], atomic
    return made


def _file(connection: Any) -> Any:
    """The number of the file that holds the table of books; None where there is none or nobody tells."""
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_filenode(to_regclass('shop_book'))")
        return cursor.fetchone()[0]


def clear(connection: Any) -> None:
    """Drop every table of the app, and what else an example makes."""
    with connection.cursor() as cursor:
        names = [name for name in connection.introspection.table_names(cursor) if name.startswith("shop_")]
        off = {"mysql": "SET FOREIGN_KEY_CHECKS = 0", "sqlite": "PRAGMA foreign_keys = OFF"}.get(connection.vendor)
        if off:
            cursor.execute(off)
        for name in names:
            tail = " CASCADE" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(name)}{tail}")
        if connection.vendor == "postgresql":
            cursor.execute("DROP COLLATION IF EXISTS shop_c")
            cursor.execute("DROP EXTENSION IF EXISTS pgcrypto")
    connection.close()
