"""What lies between the databases of two releases, told from what each wrote when it went live: no Django is asked."""

from __future__ import annotations

from dataclasses import dataclass

from .backups import applied, store
from .backups.applied import Applied
from .codec import record
from .layout import Layout


@record
@dataclass(frozen=True)
class Distance:
    """What lies between the databases of two releases: `since` are the migrations that the newer one has more,
    `missing` those that it does not have; None where one of the two is not known. `backup` is the id of the newest
    backup from before all of them, "" for none.
    """

    since: tuple[Applied, ...] | None
    missing: tuple[Applied, ...] | None
    backup: str


def distance(layout: Layout, *, to: str, live: str, folder: str) -> Distance:
    """From the release `live` to the release `to`; `folder` is that of the backups."""
    old, new = applied.read(layout.migrations(to)), applied.read(layout.migrations(live))
    since = applied.since(old, new)
    return Distance(since, applied.since(new, old), _before(store.listed(folder), since or ()))


def _before(backups: tuple[store.Backup, ...], since: tuple[Applied, ...]) -> str:
    return next((backup.id for backup in reversed(backups) if not _has_any(backup, since)), "") if since else ""


def _has_any(backup: store.Backup, since: tuple[Applied, ...]) -> bool:
    """Whether it has one of the migrations, or lacks a database that has."""
    dumps = {dump.alias: dump.migrations for dump in backup.dumps}
    return any(one.alias not in dumps or one.name in dumps[one.alias].get(one.app, ()) for one in since)
