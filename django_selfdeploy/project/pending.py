"""The migrations that the databases do not have yet: what they do, and what they do to the code that runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from .databases import own_aliases
from .facts import Pending
from .history import is_new
from .safety.walk import Walk
from .tables import sizes


def read_pending(*, sql: bool) -> Iterator[Pending]:
    """Every one in the order in which it would be applied. `sql` adds statements, which takes its time."""
    for alias in own_aliases():
        yield from _of(alias, sql)


def _of(alias: str, sql: bool) -> Iterator[Pending]:
    new = is_new(alias)
    executor = MigrationExecutor(None if new else connections[alias])
    graph = executor.loader.graph
    plan = [migration for migration, _ in executor.migration_plan(graph.leaf_nodes(), clean_start=new)]
    if not plan:
        return
    fresh = new or not executor.loader.applied_migrations
    state = None if fresh else _state(executor)
    walk = Walk(state, connections[alias], fresh=fresh)
    labels = {(one.app_label, one.name) for one in plan}
    for migration in plan:
        statements = _statements(migration, state.clone(), connections[alias]) if sql and state is not None else ()
        judgements = walk.judge(migration)
        key = (migration.app_label, migration.name)
        yield Pending(
            alias=alias,
            app=migration.app_label,
            name=migration.name,
            operations=tuple(operation.describe() for operation in migration.operations),
            reversible=all(operation.reversible for operation in migration.operations),
            sql=statements,
            judgements=judgements,
            declared=str(getattr(migration, "selfdeploy", "")),
            needs=tuple(".".join(one) for one in graph.forwards_plan(key) if one in labels and one != key),
            tables=() if fresh else sizes(connections[alias], walk.touched),
        )


def _state(executor: Any) -> Any:
    """The state that the applied migrations make."""
    return executor._create_project_state(with_applied_migrations=True)


def _statements(migration: Any, state: Any, connection: Any) -> tuple[str, ...]:
    """As `sqlmigrate` tells them; some need a table that an earlier migration makes, and cannot be told yet."""
    try:
        with connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
            migration.apply(state, editor, collect_sql=True)
        return tuple(editor.collected_sql)
    except Exception as error:  # noqa: BLE001 - whatever it is, the statements are only shown
        return (f"-- The SQL cannot be told before the migrations before it are applied: {error}",)
