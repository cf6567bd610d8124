"""The databases of the project as its settings name them: which there are, how programs reach them, what is in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

from ..core.backups.database import Database
from ..core.secret import Secret

SUPPORTED = ("postgresql", "mysql", "sqlite")
"""Vendors, as Django names them, whose databases are made, backed up and restored. MariaDB is "mysql" to Django."""


def own_aliases() -> tuple[str, ...]:
    """The aliases of databases that the project's migrations make: routers keep them out of replicas.

    Two aliases of one database count once.
    """
    found: dict[tuple[str, ...], str] = {}
    for alias in connections:
        if _is_migrated(alias):
            found.setdefault(_place(alias), alias)
    return tuple(found.values())


def _is_migrated(alias: str) -> bool:
    return any(router.allow_migrate_model(alias, model) for model in apps.get_models())


def _place(alias: str) -> tuple[str, ...]:
    settings = connections[alias].settings_dict
    return (connections[alias].vendor, *(str(settings[key]) for key in ("HOST", "PORT", "NAME")))


def described(alias: str) -> Database:
    """How programs reach it."""
    connection = connections[alias]
    settings = connection.settings_dict
    return Database(
        alias=alias,
        vendor=connection.vendor,
        name=str(settings["NAME"] or ""),
        user=str(settings["USER"] or ""),
        password=Secret(str(settings["PASSWORD"] or "")),
        host=str(settings["HOST"] or ""),
        port=str(settings["PORT"] or ""),
        options=tuple(_options(settings["OPTIONS"])),
    )


def _options(options: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Those that are plain values; MySQL's drivers have the ones of TLS in a dictionary, and two names for a socket."""
    for name, value in options.items():
        if name == "ssl" and isinstance(value, dict):
            yield from ((f"ssl-{key}", str(path)) for key, path in value.items())
        elif isinstance(value, (str, int, os.PathLike)) and not isinstance(value, bool):
            yield ("socket" if name == "unix_socket" else name, str(value))


def is_file(alias: str) -> bool:
    """Whether it is a SQLite database in a file, not one in memory."""
    name = str(connections[alias].settings_dict["NAME"])
    return connections[alias].vendor == "sqlite" and ":memory:" not in name and "mode=memory" not in name


def is_empty(alias: str) -> bool:
    """Whether there is nothing in it that could be lost: no table, or no file yet."""
    if connections[alias].vendor == "sqlite" and not os.path.exists(str(connections[alias].settings_dict["NAME"])):
        return True
    return not connections[alias].introspection.table_names()


def size(alias: str) -> int:
    """Its bytes on the server's disk."""
    connection = connections[alias]
    if connection.vendor == "sqlite":
        name = str(connection.settings_dict["NAME"])
        return sum(os.path.getsize(path) for path in (name, f"{name}-wal") if os.path.exists(path))
    statement = {
        "postgresql": "SELECT pg_database_size(current_database())",
        "mysql": "SELECT SUM(data_length + index_length) FROM information_schema.tables"
        " WHERE table_schema = DATABASE()",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0] or 0)


def server(alias: str) -> str:
    """The version of the server, or of SQLite's library, as "15.4"."""
    return ".".join(map(str, connections[alias].get_database_version()))


def is_mariadb(alias: str) -> bool:
    return bool(getattr(connections[alias], "mysql_is_mariadb", False))


def applied(alias: str) -> tuple[tuple[str, str], ...]:
    """The migrations that it has, pairs of app and name in the order in which they were applied."""
    recorder = MigrationRecorder(connections[alias])
    if not recorder.has_table():
        return ()
    rows = recorder.migration_qs.order_by("pk").values_list("app", "name")
    return tuple((str(app), str(name)) for app, name in rows)


def with_settings(connection: BaseDatabaseWrapper, **changes: Any) -> BaseDatabaseWrapper:
    """Another connection of the same kind, with other settings, that the caller closes."""
    options = {name: value for name, value in connection.settings_dict["OPTIONS"].items() if name != "pool"}
    return type(connection)({**connection.settings_dict, "OPTIONS": options, **changes}, connection.alias)
