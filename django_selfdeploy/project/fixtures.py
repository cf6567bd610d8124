"""Fixtures, loaded into a database that is new, and never again."""

from __future__ import annotations

import os
from typing import Any

from django.core.management import call_command
from django.db import connections

from . import databases

WAITING = ".fixtures-"
"""Beginning of a file in shared/ that says of a database that its fixtures are still to be loaded."""


def expect_fixtures() -> dict[str, Any]:
    """Remember which databases are new: once migrations are applied, nobody could tell."""
    for alias in databases.own_aliases():
        if _has_no_file(alias) or not databases.applied(alias):
            with open(_mark(alias), "w", encoding="utf-8"):
                pass
    return {}


def load_fixtures(*, fixtures: list[str]) -> dict[str, Any]:
    """Load them into each database that was new; a failure is made good by the next deployment."""
    loaded = [alias for alias in databases.own_aliases() if os.path.exists(_mark(alias))]
    for alias in loaded:
        call_command("loaddata", *fixtures, database=alias, verbosity=1, skip_checks=True)
        os.unlink(_mark(alias))
    return {"note": f"fixtures: {', '.join(fixtures)}" if loaded else ""}


def _has_no_file(alias: str) -> bool:
    connection = connections[alias]
    return connection.vendor == "sqlite" and not os.path.exists(str(connection.settings_dict["NAME"]))


def _mark(alias: str) -> str:
    return os.path.join(os.environ["SELFDEPLOY_SHARED"], f"{WAITING}{alias}")
