"""Databases and their roles, made where they are missing and somebody may make them."""

from __future__ import annotations

import os
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error

from ..core.errors import ConfigError, HostError
from . import creating_mysql, creating_postgres, databases, servers

REHEARSAL = "SELFDEPLOY_DATABASE_ADMIN"
"""Set in a rehearsal only: the name of the variable with an administrator's URL."""

MAKERS: dict[str, Any] = {"postgresql": creating_postgres, "mysql": creating_mysql}


def create_databases(*, admin: str, wait: float, tests: bool) -> dict[str, Any]:
    """See that every database can be used, and make what is missing; a note of what was made.

    `admin` is the name of a variable with an administrator's URL, `wait` is in seconds; with `tests` a role that is
    made may make the databases of tests. Raises HostError, with what an administrator has to type.
    """
    made = [note for alias in databases.own_aliases() if (note := _create(alias, admin, wait, tests=tests))]
    return {"note": ", ".join(made)}


def foreseen() -> dict[str, str]:
    """What `create_databases` would make, by alias, where a rehearsal asks for it; nothing is done or waited for.

    Raises HostError, with what an administrator has to type, where nobody may.
    """
    if not os.environ.get(REHEARSAL):
        return {}
    aliases = (alias for alias in databases.own_aliases() if connections[alias].vendor in MAKERS)
    return {alias: note for alias in aliases if (note := _foreseen(alias))}


def _foreseen(alias: str) -> str:
    connection, refusal = connections[alias], servers.reach(alias, wait=0)
    if refusal is None:
        return ""
    admin = _administrator(connection, os.environ[REHEARSAL])
    note: str = MAKERS[connection.vendor].foresee(connection, admin, refusal, tests=False)
    if not note:
        raise _unusable(alias, refusal)
    return note


def is_missing(alias: str) -> bool:
    """Whether its server does not have it, or the role; in a rehearsal as an administrator sees it. Nothing is waited
    for.
    """
    connection = connections[alias]
    if connection.vendor not in MAKERS or servers.reach(alias, wait=0) is None:
        return False
    variable = os.environ.get(REHEARSAL, "")
    admin = _administrator(connection, variable) if variable else None
    return bool(MAKERS[connection.vendor].is_missing(connection, admin))


def _create(alias: str, admin: str, wait: float, *, tests: bool) -> str:
    connection = connections[alias]
    if connection.vendor == "sqlite":
        return _make_folder(alias)
    refusal = servers.reach(alias, wait=wait)
    if refusal is None:
        return ""
    if connection.vendor not in MAKERS:
        raise HostError(f"The database {alias!r} cannot be used: {refusal}")
    note: str = MAKERS[connection.vendor].make(connection, _administrator(connection, admin), refusal, tests)
    still = servers.reach(alias, wait=0)
    if still is not None:
        raise _unusable(alias, still)
    return note


def _unusable(alias: str, refusal: Error) -> HostError:
    return HostError(
        f"The database {alias!r} is there, and cannot be used: {str(refusal).strip()}",
        hint="Mend the password in DATABASES, or what the server allows this role.",
    )


def _make_folder(alias: str) -> str:
    """A SQLite file that is kept in shared/ keeps its folder's name too, and nobody else makes that."""
    shared = os.environ.get("SELFDEPLOY_SHARED", "")
    folder = os.path.dirname(str(connections[alias].settings_dict["NAME"]))
    if shared and folder.startswith(f"{shared}/"):
        os.makedirs(folder, exist_ok=True)
    return ""


def _administrator(connection: BaseDatabaseWrapper, variable: str) -> BaseDatabaseWrapper | None:
    """A connection of the administrator, to the same server where the URL names none; None where there is no URL."""
    names = (f"{variable}_{connection.alias.upper()}", variable)
    name = next((name for name in names if os.environ.get(name)), "")
    if not name:
        return None
    try:
        found = environ.Env.db_url_config(os.environ[name])
    except (ImproperlyConfigured, ValueError) as error:
        raise ConfigError(f"{name} is no URL of a database.", hint="Write postgres://NAME:PASSWORD@HOST.") from error
    if str(found.get("ENGINE", "")).rpartition(".")[2].removesuffix("2") not in connection.settings_dict["ENGINE"]:
        return None
    there = connection.settings_dict
    changes = {key: found.get(key) or there[key] for key in ("HOST", "PORT")}
    return databases.with_settings(connection, USER=found["USER"], PASSWORD=found["PASSWORD"], **changes)
