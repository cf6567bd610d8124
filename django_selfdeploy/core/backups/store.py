"""The folder of backups: one folder each, with a manifest, named only when it is complete and was read back."""

from __future__ import annotations

import calendar
import os
import re
import secrets
import shutil
import time
from dataclasses import dataclass

from .. import atomic, codec
from ..codec import record
from ..errors import NothingThere

MANIFEST = "manifest.json"
PARTIAL = ".partial-"
DAY = 86400.0

_identity = re.compile(r"\d{8}-\d{6}(-\d+)?\Z")


@record
@dataclass(frozen=True)
class Dump:
    """One database of a backup. Sizes are in bytes, `database_size` that of the database at the time.

    `migrations` are the names of those that were applied, by app; `server` is the version of the server.
    """

    alias: str
    vendor: str
    server: str
    file: str
    size: int
    sha256: str
    database_size: int
    migrations: dict[str, tuple[str, ...]]


@record
@dataclass(frozen=True)
class MediaCopy:
    """The uploaded files of a backup: how many, of how many bytes, and the file that lists them, with its SHA-256.

    `added` are the bytes that this backup took of the disk; the others it has in common with those before.
    """

    file: str
    size: int
    sha256: str
    files: int
    added: int


@record
@dataclass(frozen=True)
class Backup:
    """What is in the folder `id`. `release` was live, `reason` says what it was made for; `created` is UTC."""

    id: str
    created: str
    release: str
    reason: str
    host: str
    dumps: tuple[Dump, ...]
    media: MediaCopy | None = None

    @property
    def size(self) -> int:
        """Bytes that it took of the disk when it was made."""
        return sum(dump.size for dump in self.dumps) + (self.media.added if self.media else 0)


def listed(folder: str) -> tuple[Backup, ...]:
    """The complete backups, oldest first; none where there is no such folder."""
    try:
        names = sorted(name for name in os.listdir(folder) if _identity.match(name))
    except OSError:
        return ()
    return tuple(found for name in names if (found := _read(f"{folder}/{name}")) is not None)


def find(folder: str, identity: str) -> Backup:
    """The backup `identity`. Raises NothingThere, and names those that there are."""
    known = {backup.id: backup for backup in listed(folder)}
    if identity not in known:
        there = ", ".join(known) or "none"
        raise NothingThere(f"There is no backup {identity!r} in {folder!r}.", hint=f"There are: {there}.")
    return known[identity]


def begin(folder: str) -> str:
    """A new folder for a backup that is being made; what a killed run left is removed. Raises OSError."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    for name in os.listdir(folder):
        if name.startswith(PARTIAL):
            shutil.rmtree(f"{folder}/{name}")
    partial = f"{folder}/{PARTIAL}{secrets.token_hex(4)}"
    os.mkdir(partial, 0o700)
    return partial


def new_id(folder: str) -> str:
    """For example "20261122-101112": ids sort by time, and none is given twice."""
    identity = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    number, chosen = 1, identity
    while os.path.exists(f"{folder}/{chosen}"):
        number += 1
        chosen = f"{identity}-{number}"
    return chosen


def finish(partial: str, backup: Backup) -> str:
    """Write the manifest and give the folder its name, by one rename; its path. Raises OSError."""
    atomic.write(f"{partial}/{MANIFEST}", codec.dumps(backup, indent=1).encode(), mode=0o600)
    folder = os.path.dirname(partial)
    final = f"{folder}/{backup.id}"
    os.rename(partial, final)
    atomic.sync_directory(folder)
    return final


def superseded(
    backups: tuple[Backup, ...], *, keep: int, keep_days: float, now: float, spare: str = ""
) -> tuple[str, ...]:
    """The ids that may go: all but the `keep` newest, and of those the ones older than `keep_days` days, 0 for any.

    `backups` are oldest first and good; the newest, the newest with media, and `spare` stay whatever their age.
    `now` is in seconds since the epoch.
    """
    last_with_media = [backup.id for backup in backups if backup.media][-1:]
    sacred = {backup.id for backup in backups[-1:]} | {*last_with_media, spare}
    newest = {backup.id for backup in backups[-keep:]}
    return tuple(
        backup.id
        for backup in backups
        if backup.id not in sacred and (backup.id not in newest or (keep_days and _age(backup, now) > keep_days))
    )


def remove(folder: str, identities: tuple[str, ...]) -> None:
    """Remove backups; each vanishes from the list first. Raises OSError."""
    for identity in identities:
        doomed = f"{folder}/{PARTIAL}{identity}"
        os.rename(f"{folder}/{identity}", doomed)
        shutil.rmtree(doomed)


def _age(backup: Backup, now: float) -> float:
    """In days, by its id."""
    return (now - calendar.timegm(time.strptime(backup.id[:15], "%Y%m%d-%H%M%S"))) / DAY


def _read(folder: str) -> Backup | None:
    try:
        with open(f"{folder}/{MANIFEST}", encoding="utf-8") as file:
            found = codec.loads(file.read())
    except (OSError, ValueError, TypeError):
        return None
    return found if isinstance(found, Backup) else None
