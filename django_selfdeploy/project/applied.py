"""Which migrations a release went live with, and the way back from those of a newer one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db import connections
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from ..core import atomic, codec
from ..core.backups.applied import Applied, read
from ..core.errors import RollbackRefused
from . import databases
from .verdicts import Key, compatible


def remember_migrations(
    *, path: str, before: str, overrules: dict[str, str], expected: list[list[str]] | None = None
) -> dict[str, Any]:
    """Write to `path` what every database has, with a verdict on each migration by the release that has it.

    `before` is the file of the release before: its verdicts are taken over, so that a long history costs nothing.
    Where there is none, there is no way back that would need one. `overrules` are kinds by patterns of names.
    `expected` are pairs of alias and "app.name" of migrations that the older code cannot live with: they are added.
    """
    loader, known = MigrationLoader(None, ignore_no_migrations=True), read(before)
    found = tuple(one for alias in databases.own_aliases() for one in _applied(alias, loader, known, overrules))
    there = {one.key for one in found}
    found += tuple(one for one in _expected(expected or [], loader) if one.key not in there)
    atomic.write(path, codec.dumps(found, indent=1).encode())
    return {"applied": len(found)}


def _expected(pairs: list[list[str]], loader: MigrationLoader) -> Iterator[Applied]:
    for alias, label in pairs:
        app, _, name = label.partition(".")
        yield Applied(alias, app, name, False, irreversible(loader.disk_migrations[app, name]))


def _applied(
    alias: str, loader: MigrationLoader, known: tuple[Applied, ...] | None, overrules: Mapping[str, str]
) -> Iterator[Applied]:
    rows = databases.applied(alias)
    verdicts = {} if known is None else _verdicts(alias, rows, known, overrules)
    for key in rows:
        migration = loader.disk_migrations.get(key)
        if migration is None:
            yield Applied(alias, *key, verdicts.get(key, True))
        else:
            yield Applied(alias, *key, verdicts.get(key, False), irreversible(migration))


def _verdicts(
    alias: str, rows: tuple[Key, ...], known: tuple[Applied, ...], overrules: Mapping[str, str]
) -> dict[Key, bool]:
    """Whether each is compatible, as far as that is known or can be judged."""
    old = {(one.app, one.name): one.compatible for one in known if one.alias == alias}
    new = [key for key in rows if key not in old]
    if not new:
        return old
    fine = compatible(alias, new, known=[key for key in rows if key in old], overrules=overrules)
    return {**dict.fromkeys(fine, True), **old}


def irreversible(migration: Migration) -> str:
    """The first operation of it that cannot be taken back; "" where all can."""
    return next((operation.describe() for operation in migration.operations if not operation.reversible), "")


def unapply(*, migrations: list[list[str]]) -> dict[str, Any]:
    """Take these migrations back, lists of alias, app and name; nothing else may go with them.

    Raises RollbackRefused before anything is changed where one cannot be taken back, or others depend on them.
    """
    wanted = [(alias, app, name) for alias, app, name in migrations]
    plans = {alias: _plan(alias, wanted) for alias in dict.fromkeys(alias for alias, *_ in wanted)}
    for alias, (executor, targets, plan) in plans.items():
        del alias
        executor.migrate(targets, plan=plan)
    count = sum(len(plan) for _, _, plan in plans.values())
    return {"note": f"{count} taken back"}


def _plan(
    alias: str, wanted: list[tuple[str, str, str]]
) -> tuple[MigrationExecutor, list[tuple[str, str | None]], list[tuple[Migration, bool]]]:
    tell: Any = _progress
    executor = MigrationExecutor(connections[alias], tell)
    going = {(app, name) for where, app, name in wanted if where == alias}
    targets = _targets(executor.loader, going)
    plan = executor.migration_plan(targets)
    for migration, backwards in plan:
        key = (migration.app_label, migration.name)
        if not backwards or key not in going:
            raise RollbackRefused(
                f"{'.'.join(key)} would have to be taken back too, and the older release has it.",
                hint="Take migrations back by hand: `bin/manage migrate APP NAME`.",
            )
        if operation := irreversible(migration):
            raise RollbackRefused(f"{'.'.join(key)} cannot be taken back: {operation}.")
    return executor, targets, plan


def _targets(loader: MigrationLoader, going: set[tuple[str, str]]) -> list[tuple[str, str | None]]:
    """For each app the last of its migrations that stay; None where none does."""
    found: list[tuple[str, str | None]] = []
    for app in dict.fromkeys(app for app, _ in going):
        staying = {key for key in loader.applied_migrations if key[0] == app and key in loader.graph.nodes} - going
        last = [
            key for key in staying if not any(child.key in staying for child in loader.graph.node_map[key].children)
        ]
        found += [(key[0], key[1]) for key in sorted(last)] or [(app, None)]
    return found


def _progress(action: str, migration: Any | None = None, fake: bool = False) -> None:
    if action == "unapply_start":
        print(f"Unapplying {migration}...", end="", flush=True)  # noqa: T201 - output of the step
    elif action == "unapply_success":
        print(" OK", flush=True)  # noqa: T201
