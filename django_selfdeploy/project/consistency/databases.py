"""Whether the database servers take all connections that the site may open, and whether its hosts share them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..facts import Message
from .surroundings import Limit, Sight, Surroundings, Values, told

POOL = 4
"""Connections that a pool of psycopg opens unless it is told otherwise (psycopg_pool.ConnectionPool, min_size)."""

POOLER = "6432"
"""The usual port of PgBouncer, which has limits of its own."""


@dataclass(frozen=True)
class Sum:
    """How many connections may be open at the same time, and `terms`: how they come about, in words."""

    count: int
    terms: str


def judged(values: Values, around: Surroundings, seen: Sight) -> Iterator[Message]:
    """SQLite that hosts do not share, and servers that take fewer connections than there may be."""
    if seen.as_deployed:
        yield from _files(values, around)
    yield from _connections(values, around, dict(seen.limits))


def _files(values: Values, around: Surroundings) -> Iterator[Message]:
    for alias, database in values["DATABASES"].items():
        if _is_file(database) and around.hosts > 1:
            yield told(
                "selfdeploy.W065",
                f"The database {alias!r} is a file, and {around.alias!r} has {around.hosts} hosts, each with a file "
                "of its own: what a visitor sends to one is not on the others.",
                "Use a database server that all hosts reach.",
            )


def _connections(values: Values, around: Surroundings, limits: Mapping[str, Limit]) -> Iterator[Message]:
    for aliases in _servers(values["DATABASES"]):
        limit = next((limits[alias] for alias in aliases if alias in limits), None)
        options = [values["DATABASES"][alias] for alias in aliases]
        needed = connections(around, options)
        if limit is None or needed.count <= limit.count:
            continue
        named = " and ".join(map(repr, aliases))
        yield told(
            "selfdeploy.W089",
            f"The server of {named} takes {limit.count} connections ({limit.reason}), and {needed.count} may be open: "
            f"{needed.terms}.",
            "Have fewer workers or threads, raise the limit of the server, or use a pool, with PostgreSQL "
            '"OPTIONS": {"pool": {"min_size": 1, "max_size": 2}}.',
        )


def connections(around: Surroundings, databases: list[Mapping[str, Any]]) -> Sum:
    """All that may be open to the one server of `databases`, while the processes of two releases overlap.

    A thread keeps a connection for each alias for as long as a request takes, whatever CONN_MAX_AGE says; a pool of
    a process opens `min_size` at once, and never more than `max_size`. A server on the host itself serves that host
    alone.
    """
    own = all(is_on_host(database) for database in databases)
    hosts = 1 if own else max(around.hosts, 1)
    web = sum(around.workers * _each(database, around.threads) for database in databases) if around.hosts else 0
    others = sum(around.processes * _each(database, 1) for database in databases)
    others = -(-others // max(around.hosts, 1)) if own else others
    deploying = hosts * len(databases)
    terms = [f"{around.workers} workers with {around.threads} threads" if around.hosts else ""]
    terms += [f"on {hosts} hosts"] if hosts > 1 else []
    terms += [f"for {len(databases)} aliases"] if len(databases) > 1 else []
    terms += [f"and {others} of other processes"] if others else []
    pooled = ", in pools" if any(_pool(database) is not None for database in databases) else ""
    said = " ".join(filter(None, terms))
    return Sum(
        2 * (web * hosts + others) + deploying,
        f"{said}{pooled}, make {web * hosts + others}, twice while two releases overlap, and {deploying} to deploy",
    )


def _each(database: Mapping[str, Any], threads: int) -> int:
    """Connections of one process."""
    pool = _pool(database)
    if pool is None:
        return threads
    least = int(pool.get("min_size", POOL))
    return max(least, min(int(pool.get("max_size") or least), threads))


def _pool(database: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The options of the pool that each process has; None for no pool."""
    pool = (database.get("OPTIONS") or {}).get("pool")
    if not pool:
        return None
    return pool if isinstance(pool, Mapping) else {}


def _servers(databases: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """The aliases of each server, who log in as the same role; those behind a pooler are left out."""
    found: dict[tuple[str, ...], list[str]] = {}
    for alias, database in databases.items():
        if _is_file(database) or str(database.get("PORT")) == POOLER or database.get("DISABLE_SERVER_SIDE_CURSORS"):
            continue
        place = tuple(str(database.get(key) or "") for key in ("ENGINE", "HOST", "PORT", "USER"))
        found.setdefault(place, []).append(alias)
    return [tuple(aliases) for aliases in found.values()]


def _is_file(database: Mapping[str, Any]) -> bool:
    return any(name in str(database.get("ENGINE")) for name in ("sqlite", "spatialite"))


def is_on_host(database: Mapping[str, Any]) -> bool:
    """Whether its server is on the host itself, as its settings say."""
    host = str(database.get("HOST") or "")
    return host in ("", "localhost", "127.0.0.1", "::1") or host.startswith("/")
