"""Backups, made where the databases are known: in the Django process of a release."""

from __future__ import annotations

import os
import re
import shutil
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connections

from ..core.backups import media as media_files
from ..core.backups import mysql, postgres, programs, sqlite, store, streams
from ..core.errors import BackupFailed
from . import databases

ENDINGS = {"postgresql": ".dump", "mysql": ".sql", "sqlite": ".sqlite3"}
MARGIN = 1.5
"""How much larger than foretold by the last one a dump may get before the disk is called too small."""


@dataclass(frozen=True)
class Wanted:
    """What a backup shall be: kept in `folder`, made for `reason`, of the databases `aliases`, none for all.

    `must_exist` is a folder that is not made: one that is not mounted would not be missed. `level` is gzip's, and
    `reserve` the bytes that stay free. `keep`, `keep_days` and `spare`, a backup that stays, say which go.
    """

    folder: str
    must_exist: str
    reason: str
    aliases: list[str]
    media: bool
    level: int
    keep: int
    keep_days: float
    spare: str
    reserve: int


def backup(**asked: Any) -> dict[str, Any]:
    """Make the backup that is `asked` for (see Wanted), read it back, and let older ones go; its id, "" where there is
    nothing to back up.

    Raises BackupFailed, OSError, with no trace left in the folder.
    """
    wanted = Wanted(**asked)
    if wanted.must_exist and not os.path.isdir(wanted.must_exist):
        raise BackupFailed(f"The folder {wanted.must_exist!r} is not there.", hint="Mount it, or make it.")
    aliases = [alias for alias in _chosen(wanted.aliases) if not databases.is_empty(alias)]
    media = str(settings.MEDIA_ROOT) if wanted.media and os.path.isdir(settings.MEDIA_ROOT) else ""
    if not aliases and not (media and os.listdir(media)):
        return {"id": "", "folder": "", "note": "nothing there yet to back up"}
    _judge_disk(wanted.folder, aliases, media, wanted.reserve)
    partial = store.begin(wanted.folder)
    try:
        made = _made(partial, wanted, aliases, media)
        final = store.finish(partial, made)
    except BaseException:
        with suppress(OSError):
            shutil.rmtree(partial)
        raise
    gone = store.superseded(
        store.listed(wanted.folder), keep=wanted.keep, keep_days=wanted.keep_days, now=time.time(), spare=wanted.spare
    )
    store.remove(wanted.folder, gone)
    return {"id": made.id, "folder": final, "note": _note(made, gone)}


def _made(partial: str, wanted: Wanted, aliases: list[str], media: str) -> store.Backup:
    """Everything written to the folder `partial`, and read back."""
    dumps = tuple(_dump(alias, partial, wanted.level) for alias in aliases)
    before = _with_media(wanted.folder)
    copy = media_files.store(media, partial, before=before) if media else None
    made = store.Backup(
        id=store.new_id(wanted.folder),
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        release=_live(),
        reason=wanted.reason,
        host=socket.gethostname(),
        dumps=dumps,
        media=copy,
    )
    verify(partial, made, whole=False)
    return made


def _with_media(folder: str) -> str:
    """The newest backup that has uploaded files; "" for none."""
    return next((f"{folder}/{one.id}" for one in reversed(store.listed(folder)) if one.media), "")


def _chosen(aliases: list[str]) -> tuple[str, ...]:
    """Raises BackupFailed for an alias that is none, and for a database that we cannot dump."""
    for alias in aliases:
        if alias not in connections:
            raise BackupFailed(f"DATABASES has no {alias!r}.", hint=f"It has: {', '.join(connections)}.")
    chosen = tuple(aliases) or databases.own_aliases()
    for alias in chosen:
        if connections[alias].vendor not in databases.SUPPORTED:
            raise BackupFailed(
                f"A database of the kind {connections[alias].vendor!r} ({alias!r}) cannot be backed up from here.",
                hint='Leave it out: "BACKUP": {"DATABASES": [...]}, or set "WHEN": "never".',
            )
    return tuple(alias for alias in chosen if connections[alias].vendor != "sqlite" or databases.is_file(alias))


def _dump(alias: str, folder: str, level: int) -> store.Dump:
    """Dump one database into `folder`. The migrations are read before: none is said to be in it that is not."""
    connection, database = connections[alias], databases.described(alias)
    had = databases.applied(alias)
    version, size = databases.server(alias), databases.size(alias)
    mariadb = databases.is_mariadb(alias)
    connection.close()
    ending = streams.GZIP if level and database.vendor != "postgresql" else ""
    name = re.sub(r"[^\w.-]", "_", alias)
    path = f"{folder}/{name}{ENDINGS[database.vendor]}{ending}"
    if database.vendor == "postgresql":
        done = postgres.dump(database, path, programs=programs.postgres(int(version.split(".")[0])), level=level)
    elif database.vendor == "mysql":
        done = mysql.dump(database, path, program=programs.mysql(mariadb=mariadb)[0], level=level)
    else:
        done = sqlite.dump(database, path, level=level)
    apps = {app: tuple(name for owner, name in had if owner == app) for app, _ in had}
    return store.Dump(alias, database.vendor, version, done.name, done.size, done.sha256, size, apps)


def verify(folder: str, made: store.Backup, *, whole: bool) -> None:
    """Read every file back: its checksum first, then by the program that would restore it. Unless `whole`, uploaded
    files that earlier backups have too are not read again. Raises BackupFailed.
    """
    parts: list[store.Dump | store.MediaCopy] = [*made.dumps, *([made.media] if made.media else [])]
    for part in parts:
        path = f"{folder}/{part.file}"
        try:
            found = streams.stored(path)
        except FileNotFoundError as error:
            raise streams.damaged(path, "it is not there") from error
        if found.sha256 != part.sha256:
            raise streams.damaged(path, f"it has {found.size} bytes, and not those that were written")
    for dump in made.dumps:
        _verify_dump(f"{folder}/{dump.file}", dump)
    if made.media:
        media_files.verify(folder, made.media, whole=whole)


def _verify_dump(path: str, dump: store.Dump) -> None:
    if dump.vendor == "postgresql":
        postgres.verify(path, programs=programs.postgres(int(dump.server.split(".")[0])))
    elif dump.vendor == "mysql":
        mysql.verify(path)
    else:
        sqlite.verify(path, scratch=f"{path}.check")


def _live() -> str:
    """The release that is live, whose data these are; before the first switch the one that is being deployed."""
    try:
        return os.path.basename(os.readlink(f"{os.environ.get('SELFDEPLOY_ROOT', '')}/current"))
    except OSError:
        return os.environ.get("SELFDEPLOY_RELEASE", "")


def _judge_disk(folder: str, aliases: list[str], media: str, reserve: int) -> None:
    """Raise BackupFailed where a backup would not fit: judged by the last one, or by the size of the databases."""
    last = {dump.alias: dump for made in store.listed(folder) for dump in made.dumps}
    needed = reserve + (media_files.growth(media, _with_media(folder)) if media else 0)
    for alias in aliases:
        size = databases.size(alias)
        before = last.get(alias)
        share = before.size / before.database_size if before and before.database_size else 1.0
        copies = size if connections[alias].vendor == "sqlite" else 0
        needed += copies + int(size * min(1.0, MARGIN * share))
    place = folder
    while not os.path.exists(place):
        place = os.path.dirname(place)
    free = shutil.disk_usage(place).free
    if free < needed:
        raise BackupFailed(
            f"{folder!r} has {megabytes(free)} free, and a backup may need {megabytes(needed)}.",
            hint='Make room, lower "KEEP" of BACKUP, or choose another "DIRECTORY" for it.',
        )


def _note(made: store.Backup, gone: tuple[str, ...]) -> str:
    older = f", {len(gone)} older removed" if gone else ""
    return f"{made.id}, {megabytes(made.size)}{older}"


def megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
