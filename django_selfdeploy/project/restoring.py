"""The way back from a backup, where the databases are known: in the Django process of a release."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import connections

from ..core.backups import media as media_files
from ..core.backups import mysql, postgres, programs, sqlite, store
from ..core.backups.database import Database
from ..core.errors import BackupFailed
from . import databases
from .backups import megabytes, verify

ATOMIC = ("postgresql", "sqlite")
"""Vendors of which a restore that fails changes nothing."""


def verify_backup(*, folder: str, identity: str, media: bool) -> dict[str, Any]:
    """Whether a backup is whole, and of databases that this release knows. Raises BackupFailed, NothingThere."""
    found = store.find(folder, identity)
    if media and found.media is None:
        raise BackupFailed(f"The backup {identity!r} has no media.", hint="Restore it without --media.")
    verify(f"{folder}/{identity}", found, whole=media)
    for dump in found.dumps:
        _judge_origin(dump)
    return {"note": f"{identity} is whole, {megabytes(found.size)}"}


def restore(*, folder: str, identity: str, media: bool, aliases: list[str] | None = None) -> dict[str, Any]:
    """Put databases, of `aliases` only where there are, and with `media` uploaded files back to what they were.

    `touched` of the answer are the aliases of what is not as it was before, `media` whether that is so of files, of a
    restore that fails too; `failure` says why it does, "" when it does not.
    """
    found, touched, files, failure = store.find(folder, identity), list[str](), False, ""
    try:
        for dump in found.dumps:
            if aliases is None or dump.alias in aliases:
                touched += [] if dump.vendor in ATOMIC else [dump.alias]
                _restore(databases.described(dump.alias), dump, f"{folder}/{identity}/{dump.file}")
                touched += [dump.alias] if dump.vendor in ATOMIC else []
        if media and found.media:
            files = True
            media_files.restore(f"{folder}/{identity}", str(settings.MEDIA_ROOT))
    except BackupFailed as error:
        failure = str(error)
    except OSError as error:
        failure = f"{error.strerror or error}: {error.filename!r}."
    return {"touched": touched, "media": files, "failure": failure, "note": f"as of {found.created}"}


def _judge_origin(dump: store.Dump) -> None:
    """Raise BackupFailed for a dump of another kind of database, and of one that has what this release lacks."""
    from django.db.migrations.loader import MigrationLoader

    if dump.alias not in connections or connections[dump.alias].vendor != dump.vendor:
        raise BackupFailed(
            f"The backup is of a database {dump.alias!r} of the kind {dump.vendor!r}, and this release has none.",
            hint="Restore it with a release whose DATABASES has it.",
        )
    loader = MigrationLoader(None, ignore_no_migrations=True)
    known = set(loader.disk_migrations) | {key for one in loader.disk_migrations.values() for key in one.replaces}
    strange = [
        f"{app}.{name}"
        for app, names in dump.migrations.items()
        for name in names
        if app in loader.migrated_apps and (app, name) not in known
    ]
    if strange:
        raise BackupFailed(
            f"The backup has migrations that the live release does not have: {', '.join(strange)}.",
            hint="Go to the release that has them first, by `deploy_rollback --to`; `deploy_backup --list` names it.",
        )


def _restore(database: Database, dump: store.Dump, path: str) -> None:
    mariadb = databases.is_mariadb(dump.alias) if dump.vendor == "mysql" else False
    version = databases.server(dump.alias) if dump.vendor == "postgresql" else ""
    connections.close_all()
    if dump.vendor == "postgresql":
        postgres.restore(database, path, programs=programs.postgres(int(version.split(".")[0])))
    elif dump.vendor == "mysql":
        mysql.restore(database, path, client=programs.mysql(mariadb=mariadb)[1])
    else:
        sqlite.restore(database, path)
