"""Applying migrations: chosen ones, one host at a time, within limits; and what to say when one fails half-way."""

from __future__ import annotations

import functools
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from django.core.management import call_command
from django.core.management.commands import migrate as command
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from .limits import Limits, Watch, is_busy, limited
from .turn import turn

BLOCKERS = """
    SELECT pid, usename, state, round(extract(epoch FROM now() - xact_start))::int, left(query, 80)
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
        AND now() - xact_start > interval '1 second'
    ORDER BY xact_start LIMIT 3
"""


@dataclass
class Progress:
    """What was applied so far, as pairs (alias, "app.name"). Changes as it goes on.

    Of the migration under way: `current` its name, `done` its operations that are through, `doing` the one that is
    not, `stays` whether what they did stays when it fails.
    """

    applied: list[tuple[str, str]] = field(default_factory=list)
    planned: list[tuple[str, str]] = field(default_factory=list)
    current: tuple[str, str] | None = None
    done: list[str] = field(default_factory=list)
    doing: str = ""
    stays: bool = False


class Careful(MigrationExecutor):
    """Applies those migrations only that are in `only` (None: all), and tries again where others hold a lock."""

    def __init__(
        self,
        connection: Any,
        progress_callback: Any = None,
        *,
        only: frozenset[str] | None,
        limits: Limits,
        progress: Progress,
    ) -> None:
        super().__init__(connection, progress_callback)
        self._only, self._limits, self._progress = only, limits, progress

    def migration_plan(self, targets: Any, clean_start: bool = False) -> Any:
        plan = super().migration_plan(targets, clean_start=clean_start)
        if clean_start or self._only is None:
            return plan
        return [(one, backwards) for one, backwards in plan if _label(one) in self._only]

    def migrate(self, targets: Any, plan: Any = None, *args: Any, **more: Any) -> Any:
        self._progress.planned += [(self.connection.alias, _label(one)) for one, _ in plan or ()]
        return super().migrate(targets, plan, *args, **more)

    def apply_migration(self, state: Any, migration: Any, fake: bool = False, fake_initial: bool = False) -> Any:
        """The state may be half changed after a failure, so each try gets its own."""
        for attempt in range(1, self._limits.tries + 1):
            watch = Watch(self.connection, self._limits, together=migration.atomic)
            try:
                with self._observed(migration), self.connection.execute_wrapper(watch):
                    done = super().apply_migration(state.clone(), migration, fake, fake_initial)
            except DatabaseError as error:
                repeatable = watch.written == 0 or not self._progress.stays
                if attempt == self._limits.tries or not is_busy(error) or not repeatable:
                    raise
                self._wait(attempt)
            else:
                self._progress.applied.append((self.connection.alias, _label(migration)))
                return done
        raise AssertionError("the last try returns or raises")

    def _wait(self, attempt: int) -> None:
        pause = self._limits.pause(attempt)
        told = f"Others hold a lock that it needs; try {attempt + 1} of {self._limits.tries} in {pause:g} s."
        print(f" {told}", flush=True)  # noqa: T201 - it is output
        time.sleep(pause)

    @contextmanager
    def _observed(self, migration: Any) -> Iterator[None]:
        """Remember which operations are through."""
        progress = self._progress
        progress.current, progress.done, progress.doing = (self.connection.alias, _label(migration)), [], ""
        progress.stays = not (migration.atomic and self.connection.features.can_rollback_ddl)
        for operation in migration.operations:
            operation.database_forwards = functools.partial(_observe, operation, progress, operation.database_forwards)
        try:
            yield
        finally:
            for operation in migration.operations:
                del operation.database_forwards


def _observe(operation: Any, progress: Progress, forwards: Any, *args: Any, **more: Any) -> None:
    progress.doing = operation.describe()
    forwards(*args, **more)
    progress.done.append(progress.doing)
    progress.doing = ""


def _label(migration: Any) -> str:
    return f"{migration.app_label}.{migration.name}"


def apply(only: dict[str, list[str]] | None, limits: Limits) -> dict[str, Any]:
    """Apply what is pending on each database of `only`, of that what it names; None is everything.

    The answer says what was applied, what failed and why, what of that stays, and what is left.
    """
    progress = Progress()
    failure = ""
    for alias in connections if only is None else only:
        try:
            _on(alias, None if only is None else frozenset(only[alias]), limits, progress)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a migration raises is what the user must see
            failure = _told(progress, alias, error)
            break
    rest = [one for one in progress.planned if one not in progress.applied and one != progress.current]
    failed = progress.current if failure and progress.current not in progress.applied else None
    return {
        "applied": [" ".join(one) for one in progress.applied],
        "failed": " ".join(failed) if failed else "",
        "stays": progress.done if failed and progress.stays else [],
        "left": [" ".join(one) for one in rest],
        "failure": failure,
        "note": f"{len(progress.applied)} applied" if progress.applied else "nothing to do",
    }


def _on(alias: str, only: frozenset[str] | None, limits: Limits, progress: Progress) -> None:
    """Under the database's lock; who was here before has left nothing to do then."""
    connection = connections[alias]
    known = vars(command)["MigrationExecutor"]
    careful = functools.partial(Careful, only=only, limits=limits, progress=progress)
    with turn(connection), limited(connection, limits):
        if only is not None and not careful(connection).migration_plan(careful(connection).loader.graph.leaf_nodes()):
            return
        vars(command)["MigrationExecutor"] = careful
        try:
            call_command("migrate", database=alias, interactive=False, verbosity=1, skip_checks=True)
        finally:
            vars(command)["MigrationExecutor"] = known


def _told(progress: Progress, alias: str, error: BaseException) -> str:
    """Sentences: what failed and why, what stays of it, what is applied and what is not; then the last lines."""
    failed = progress.current if progress.current not in progress.applied else None
    applied = [label for _, label in progress.applied]
    left = [label for one in progress.planned if one not in progress.applied for _, label in (one,) if one != failed]
    parts = [f"{failed[1] if failed else 'migrate'} on {alias!r}: {type(error).__name__}: {error}".strip()]
    parts += _half(progress) if failed else []
    parts.append(f"Applied: {', '.join(applied) or 'none'}. Left: {', '.join(left) or 'none'}.")
    parts += _blockers(alias) if is_busy(error) else []
    lines = "".join(traceback.format_exception(type(error), error, error.__traceback__)).splitlines()[-12:]
    return "\n    ".join((" ".join(parts), *(line for line in lines if line.strip())))


def _half(progress: Progress) -> list[str]:
    if not progress.stays:
        return ["Nothing of it stays."]
    done = "; ".join(progress.done) or "none"
    return [f"It is not taken back: of its operations are done: {done}. Not done: {progress.doing or 'its record'}."]


def _blockers(alias: str) -> list[str]:
    """The longest transactions, on PostgreSQL: one of them holds the lock."""
    if connections[alias].vendor != "postgresql":
        return []
    with suppress(DatabaseError), connections[alias].cursor() as cursor:
        cursor.execute(BLOCKERS)
        return [
            f"Process {pid} of {user} is {state} in a transaction of {age} s: {query!r}."
            for pid, user, state, age, query in cursor.fetchall()
        ]
    return []
