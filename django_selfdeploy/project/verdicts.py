"""Whether the code before a migration works with the database after it: what a deployment judged, for a way back."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import connections
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState

from .safety.findings import EXPAND, LOCKING, UNKNOWN, gravest
from .safety.schedule import overruling
from .safety.walk import Walk

Key = tuple[str, str]


def compatible(
    alias: str, new: Collection[Key], *, known: Collection[Key], overrules: Mapping[str, str]
) -> frozenset[Key]:
    """Those of the migrations `new`, pairs of app and name, that code which knows only those `known` gets along with.

    Both are applied to the database `alias`; where none is known, no older code runs on it. `overrules` are kinds by
    patterns of names. What cannot be judged is not among them, and so is nothing where a history was changed by hand.
    """
    try:
        return frozenset(_compatible(alias, frozenset(new), frozenset(known), overrules))
    except (LookupError, ValueError, FieldDoesNotExist):
        # One that was put before those known, and faked: the states that they make do not fit together.
        return frozenset()


def _compatible(alias: str, new: frozenset[Key], known: frozenset[Key], overrules: Mapping[str, str]) -> Iterator[Key]:
    executor = MigrationExecutor(connections[alias])
    plan = _plan(executor)
    walk = Walk(_state(executor, plan, known), connections[alias], fresh=not known)
    for migration in plan:
        key = (migration.app_label, migration.name)
        if key not in new:
            continue
        kind = _kind(migration, walk, known)
        if (overruling(".".join(key), overrules) or kind) in (EXPAND, LOCKING):
            yield from (key, *((app, name) for app, name in migration.replaces))


def _plan(executor: Any) -> list[Migration]:
    """Every migration of the release, in the order of a new database."""
    return [one for one, _ in executor.migration_plan(executor.loader.graph.leaf_nodes(), clean_start=True)]


def _state(executor: Any, plan: list[Migration], known: frozenset[Key]) -> ProjectState:
    """The state that those known make, and those that stand for some of them."""
    state = ProjectState(real_apps=executor.loader.unmigrated_apps)
    for migration in plan:
        if (migration.app_label, migration.name) in known or _replaced(migration, known):
            migration.mutate_state(state, preserve=False)
    return state


def _kind(migration: Migration, walk: Walk, known: frozenset[Key]) -> str:
    """As the migration declares itself, else as it is judged.

    One that stands for others did nothing where all of them are known, and what it did is not told where some are.
    """
    if replaced := _replaced(migration, known):
        return EXPAND if len(replaced) == len(migration.replaces) else UNKNOWN
    judgements = walk.judge(migration)
    return str(getattr(migration, "selfdeploy", "")) or gravest(one.kind for one in judgements)


def _replaced(migration: Migration, known: frozenset[Key]) -> list[Key]:
    return [(app, name) for app, name in migration.replaces if (app, name) in known]
