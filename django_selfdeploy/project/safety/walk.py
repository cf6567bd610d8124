"""A plan of migrations, judged operation by operation against the code that runs while it is applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .case import Case
from .columns import column_of
from .findings import UNKNOWN, Finding, Judgement, harmless, judgement, locking
from .rules import rule_for

SPECIAL = ("RunPython", "RunSQL")
CREATES = "CreateModel"


class Walk:
    """Goes through the migrations of one database in their order. It changes `state`, and remembers what is new.

    `fresh` says that the database is empty: no code runs on it. `touched` are the tables, known to running code,
    that the last migration is about.
    """

    def __init__(self, state: Any, connection: Any, *, fresh: bool = False) -> None:
        self._state, self._connection, self._fresh = state, connection, fresh
        self._tables: set[str] = set()
        self._columns: set[str] = set()
        self.touched: set[str] = set()

    def judge(self, migration: Any) -> tuple[Judgement, ...]:
        """A judgement for each operation of the next migration."""
        found: list[Judgement] = []
        self.touched = set()
        for operation in migration.operations:
            if self._fresh:
                findings: Iterable[Finding] = (harmless("The database is new: no code runs on it."),)
            else:
                findings = self._step(operation, migration.app_label)
            found.append(judgement(operation.describe(), findings))
        return (*found, *_mixed(migration, found, self._connection))

    def _step(self, operation: Any, app: str) -> list[Finding]:
        before = self._state.clone()
        operation.state_forwards(app, self._state)
        return list(self._judged(operation, app, before, self._state))

    def _judged(self, operation: Any, app: str, before: Any, after: Any) -> Iterator[Finding]:
        if type(operation).__name__ == "SeparateDatabaseAndState":
            yield from self._separate(operation, app, before)
            return
        tables, columns = frozenset(self._tables), frozenset(self._columns)
        case = Case(operation, app, before, after, self._connection, tables, columns)
        models = _models(operation, app, before, after)
        if models and not any(operation.allow_migrate_model(self._connection.alias, one) for one in models):
            yield harmless("Nothing is done in this database.", waits=True)
            return
        known = {one._meta.db_table for one in _models(operation, app, before, before)}
        self.touched |= known - tables if type(operation).__name__ != CREATES else set()
        if known and known <= tables and type(operation).__name__ != CREATES:
            yield harmless("No code that runs knows the table.")
        else:
            yield from rule_for(operation)(case)
        self._learn(operation, app, after, known)

    def _separate(self, operation: Any, app: str, before: Any) -> Iterator[Finding]:
        if not operation.database_operations:
            yield harmless("The database has nothing to do.", waits=True)
        for inner in operation.database_operations:
            after = before.clone()
            inner.state_forwards(app, after)
            yield from self._judged(inner, app, before, after)
            before = after

    def _learn(self, operation: Any, app: str, after: Any, known: set[str]) -> None:
        """Remember tables and columns that are new, under the names that they get."""
        kind = type(operation).__name__
        if kind == CREATES or (known and known <= self._tables):
            self._tables |= {one._meta.db_table for one in _models(operation, app, after, after)}
        if kind in ("AddField", "AlterField", "RenameField"):
            name = operation.new_name if kind == "RenameField" else operation.name
            model = after.apps.get_model(app, operation.model_name)
            column = column_of(model._meta.get_field(name), self._connection)
            old = f"{model._meta.db_table}.{getattr(operation, 'old_name', name)}"
            if column is not None and (kind == "AddField" or old in self._columns):
                self._columns.add(f"{model._meta.db_table}.{column.name}")


def _models(operation: Any, app: str, before: Any, after: Any) -> list[Any]:
    """The model that the operation is about, before and after, as far as it is there."""
    names = [getattr(operation, name, None) for name in ("model_name", "old_name", "new_name", "name")]
    if getattr(operation, "model_name", None):
        names = names[:1]
    elif not hasattr(operation, "name_lower") and not hasattr(operation, "old_name_lower"):
        return []
    found = []
    for state in (before, after):
        for name in names:
            if name and (app, name.lower()) in state.models:
                found.append(state.apps.get_model(app, name))
                break
    return found


def _mixed(migration: Any, found: list[Judgement], connection: Any) -> Iterator[Judgement]:
    """Data that is changed while the same transaction holds the locks of a change of the schema."""
    own = [type(one).__name__ in SPECIAL for one in migration.operations]
    rules = any(own) and not all(own) and any(one.kind == UNKNOWN for one in found)
    if rules and migration.atomic and connection.features.can_rollback_ddl and connection.vendor != "sqlite":
        better = "Put the data into a migration of its own."
        reason = "Data is changed in the transaction that changes the schema, which keeps the table locked meanwhile."
        yield judgement("The whole migration", (locking(reason, better),))
