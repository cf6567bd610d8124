"""The tables of caches in the database: no migration makes them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.db import BaseDatabaseCache
from django.core.management import call_command
from django.db import connections, router


def missing(there: Collection[str]) -> tuple[str, ...]:
    """The databases that lack the table of a cache that is kept in them; `there` are those that can be asked."""
    return tuple(dict.fromkeys(alias for alias, table in _wanted() if table not in _tables(alias, there)))


def create(*, databases: list[str]) -> dict[str, Any]:
    """Make those that are not there, in `databases` only; a note of how many. Raises what the database raises."""
    made = 0
    for alias in databases:
        before = _tables(alias, databases)
        names = {table for database, table in _wanted() if database == alias} - before
        call_command("createcachetable", *sorted(names), database=alias, verbosity=0)
        made += len(names)
    return {"note": "1 cache table made" if made == 1 else f"{made} cache tables made"}


def _wanted() -> Iterator[tuple[str, str]]:
    """The database and the table of each cache that is in one."""
    for alias in settings.CACHES:
        cache = caches[alias] if str(settings.CACHES[alias].get("BACKEND")).endswith("DatabaseCache") else None
        if isinstance(cache, BaseDatabaseCache):
            database = router.db_for_write(cache.cache_model_class)
            if router.allow_migrate_model(database, cache.cache_model_class):
                yield database, str(cache._table)  # type: ignore[attr-defined]


def _tables(alias: str, there: Collection[str]) -> set[str]:
    return set(connections[alias].introspection.table_names()) if alias in there else set()
