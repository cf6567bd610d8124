"""What is wrong with the migrations of a project, or with what its databases have of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.db import connections
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.exceptions import (
    BadMigrationError,
    CircularDependencyError,
    InconsistentMigrationHistory,
    NodeNotFoundError,
)
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from .creating import is_missing
from .databases import own_aliases
from .facts import Message
from .safety.schedule import is_kind


def messages() -> tuple[Message, ...]:
    """Everything that is wrong; the databases are asked for what they have, nothing in them is changed."""
    found = _of_graph()
    return tuple(one for one in found if one.id not in settings.SILENCED_SYSTEM_CHECKS)


def _of_graph() -> list[Message]:
    try:
        loader = MigrationLoader(None, ignore_no_migrations=True)
    except (NodeNotFoundError, CircularDependencyError, BadMigrationError) as error:
        hint = "Add what is missing, or mend the dependencies, and deploy again."
        return [Message(checks.ERROR, "selfdeploy.E021", f"The migrations do not fit together: {error}.", hint)]
    found = [*conflicts(loader), *_declared(loader), *_in_transaction(loader)]
    if not found:
        found = [
            *_changes(loader),
            *(one for alias in own_aliases() if not is_new(alias) for one in _of_database(alias)),
        ]
    return found


def is_new(alias: str) -> bool:
    """Whether it is not there yet: its server does not have it, or it is a SQLite database without a file. To connect
    would make that, and nothing may be changed.
    """
    if connections[alias].vendor != "sqlite":
        return is_missing(alias)
    name = str(connections[alias].settings_dict["NAME"])
    return not name.startswith("file:") and not os.path.exists(name)


def conflicts(loader: MigrationLoader) -> list[Message]:
    return [
        Message(
            checks.ERROR,
            "selfdeploy.E007",
            f"The migrations of {app!r} have more than one last one: {', '.join(names)}.",
            "Run `manage.py makemigrations --merge`, commit, and deploy again.",
        )
        for app, names in loader.detect_conflicts().items()
    ]


def _declared(loader: MigrationLoader) -> Iterator[Message]:
    for (app, name), migration in loader.disk_migrations.items():
        declared = getattr(migration, "selfdeploy", None)
        if declared is not None and not is_kind(str(declared)):
            text = f"{app}.{name} declares selfdeploy = {declared!r}."
            yield Message(checks.ERROR, "selfdeploy.E022", text, 'Write "expand", "locking" or "contract".')


def _in_transaction(loader: MigrationLoader) -> Iterator[Message]:
    """Django itself finds out when it applies them, with the deployment half done."""
    for (app, name), migration in loader.disk_migrations.items():
        for operation in migration.operations if migration.atomic else ():
            if any(kind.__name__ == "NotInTransactionMixin" for kind in type(operation).__mro__):
                text = f"{app}.{name} is one transaction, and {operation.describe()!r} can be in none."
                yield Message(checks.ERROR, "selfdeploy.E026", text, "Write `atomic = False` into the migration.")


def _changes(loader: MigrationLoader) -> Iterator[Message]:
    """What `makemigrations --check` finds: an error in an app of the project, a warning in an installed one."""
    detector = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps))
    for app, migrations in detector.changes(graph=loader.graph).items():
        described = "; ".join(one.describe() for migration in migrations for one in migration.operations)
        text = f"The models of {app!r} have changes without a migration: {described}."
        if _is_own(app):
            hint = "Run `manage.py makemigrations`, commit, and deploy again."
            yield Message(checks.ERROR, "selfdeploy.E018", text, hint)
        else:
            hint = "See whether a setting of yours changes its models, for example DEFAULT_AUTO_FIELD."
            yield Message(checks.WARNING, "selfdeploy.W018", text, hint)


def _is_own(app: str) -> bool:
    """Whether the app is part of the code that is deployed."""
    code = os.environ.get("SELFDEPLOY_CODE", "")
    return not code or Path(code).resolve() in Path(apps.get_app_config(app).path).resolve().parents


def _of_database(alias: str) -> Iterator[Message]:
    loader = MigrationLoader(connections[alias], ignore_no_migrations=True)
    try:
        loader.check_consistent_history(connections[alias])
    except InconsistentMigrationHistory as error:
        hint = "Apply or fake what is missing with `manage.py migrate`, on the host; see the how-to page on migrations."
        yield Message(checks.ERROR, "selfdeploy.E020", f"{error}", hint)
    for app, names in _strange(loader).items():
        yield from _unknown(alias, app, names)


def _strange(loader: MigrationLoader) -> dict[str, list[str]]:
    """Migrations that are applied and that the release does not have; those of apps that are gone do no harm."""
    known = {*loader.disk_migrations, *loader.graph.nodes}
    known |= {old for one in loader.disk_migrations.values() for old in one.replaces}
    found: dict[str, list[str]] = {}
    for app, name in sorted(set(loader.applied_migrations) - known):
        if app in loader.migrated_apps:
            found.setdefault(app, []).append(name)
    return found


def _unknown(alias: str, app: str, names: list[str]) -> Iterator[Message]:
    newer = {name: release for name in names if (release := _release_with(app, name)) is not None}
    if newer:
        text = f"The database {alias!r} has migrations of newer releases: {_listed(app, newer)}."
        hint = "That is so after a rollback; the code of this release must get along with them."
        yield Message(checks.WARNING, "selfdeploy.W019", text, hint)
    if strangers := [name for name in names if name not in newer]:
        text = f"The database {alias!r} has migrations that this release lacks: {_listed(app, strangers)}."
        hint = (
            "Deploy a commit that has them. If they were squashed or removed on purpose, "
            f"`manage.py migrate {app} --prune` on the host takes them out of the record."
        )
        yield Message(checks.ERROR, "selfdeploy.E019", text, hint)


def _listed(app: str, names: Any) -> str:
    return ", ".join(f"{app}.{name}" for name in names)


def _release_with(app: str, name: str) -> str | None:
    """The release on this host that has the migration; None for none. "" where no host's releases can be seen."""
    folder, code = _folder_of(app), os.environ.get("SELFDEPLOY_CODE", "")
    releases = Path(os.environ.get("SELFDEPLOY_ROOT", ""), "releases")
    if not releases.is_dir():
        return ""
    if not code or Path(code).resolve() not in folder.parents:
        return None
    inside = folder.relative_to(Path(code).resolve())
    found = sorted(releases.glob(f"*/source/{inside}/{name}.py"))
    return found[-1].relative_to(releases).parts[0] if found else None


def _folder_of(app: str) -> Path:
    module, _ = MigrationLoader.migrations_module(app)
    return Path(str(import_module(str(module)).__file__)).resolve().parent
