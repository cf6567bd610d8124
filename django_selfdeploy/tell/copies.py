"""The copy of the records on the machine that deploys: welcome, but no deployment fails for want of it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections


def keep(stories: Iterable[dict[str, Any]], *, using: str = DEFAULT_DB_ALIAS) -> str:
    """Write the stories that the hosts sent to this machine's database; "" or a sentence that says why it has no copy.

    Never raises. A database without a place for them is the usual case, as in CI, and not worth a word: one that is
    not there yet is not made.
    """
    try:
        if not _has_place(using):
            return ""
        from .record import import_stories  # needs the models, which are only there in INSTALLED_APPS

        done = import_stories(stories, using=using)
    except Exception as error:  # noqa: BLE001 - drivers, routers and settings raise what they like
        why = next(iter(str(error).strip().splitlines()), type(error).__name__)
        return f"This machine has no copy of the record: {why.rstrip('.')}."
    return (
        f"This machine has no copy of the record of {', '.join(done.skipped)}: it is damaged." if done.skipped else ""
    )


def _has_place(using: str) -> bool:
    """Whether the tables are there. SQLite makes the file that it shall read, so that is looked for first."""
    connection = connections[using]
    name = str(connection.settings_dict["NAME"])
    in_memory = name.startswith("file:") or ":memory:" in name or "mode=memory" in name
    if connection.vendor == "sqlite" and not in_memory and not os.path.exists(name):
        return False
    from ..models import DeploymentHost  # as above

    return DeploymentHost._meta.db_table in connection.introspection.table_names()
