"""The journals of a deployment written to the database: the rows are a copy that can be made again at any time.

Hosts that share a database write to it at the same time, each what its own journal says: whoever comes, makes the row
of the whole deployment again from the rows of all hosts, and holds a lock on it until then.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import DEFAULT_DB_ALIAS, OperationalError, models, transaction

from ..core.journal import encoded
from ..models import Deployment, DeploymentHost, DeploymentStep
from .rows import Told, deployment_of, rows_of
from .strangers import cleaned

ROWS, STEP_ROWS = 20, 200
"""Rows per INSERT: statements of long outputs stay below the 16 MB of MySQL's max_allowed_packet."""

AT_ONCE = 100
"""Journals whose rows are in memory and in the conditions of one query."""

TRIES, PAUSE = 10, 0.1
"""InnoDB ends one of two transactions that wait for each other, PostgreSQL at "repeatable read" the second of two that
change a row: both expect it to begin again, best not together. At most PAUSE seconds longer are between two tries
each time.
"""


@dataclass(frozen=True)
class Imported:
    """How many journals are new in the database and how many have changed, and the names of what is no journal."""

    created: int
    updated: int
    skipped: tuple[str, ...]


def import_journals(folder: Path, *, using: str = DEFAULT_DB_ALIAS) -> Imported:
    """Write every new or changed journal of `folder` to the database `using`; rows are never deleted.

    A folder that is not there has no journals. One query when nothing changed. Raises OSError for a folder
    that cannot be listed and DatabaseError, with nothing written.
    """
    known = _known(using)
    found: list[Told] = []
    skipped: list[str] = []
    for path in _journals(folder):
        try:
            found += _read(path, known=known)
        except (OSError, ValueError, OverflowError, RecursionError):
            skipped.append(cleaned(path.name))
    return _write(found, skipped, using)


def import_stories(stories: Iterable[dict[str, Any]], *, using: str = DEFAULT_DB_ALIAS) -> Imported:
    """Write stories, as journal.newest reads them on the hosts, to the database `using`.

    The rows are those that import_journals makes of the files on each host. Raises DatabaseError, with nothing written.
    """
    known = _known(using)
    found: list[Told] = []
    skipped: list[str] = []
    for story in stories:
        digest = hashlib.sha256(encoded(story)).hexdigest()
        try:
            found += [] if (str(story.get("id")), digest) in known else [rows_of(story, digest=digest)]
        except (ValueError, OverflowError, RecursionError):
            skipped.append(cleaned(str(story.get("id"))))
    return _write(found, skipped, using)


def _known(using: str) -> set[tuple[str, str]]:
    """Ids with the digests of the journals that the database has."""
    rows = DeploymentHost.objects.using(using).order_by()
    return set(rows.values_list("deployment__identity", "digest"))


def _journals(folder: Path) -> list[Path]:
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    return [folder / name for name in names if name.endswith(".json") and not name.startswith(".")]


def _read(path: Path, *, known: set[tuple[str, str]]) -> Iterator[Told]:
    """The rows for a journal that is not among the `known`. Raises ValueError for what is none."""
    data = path.read_bytes() if path.is_file() else b""
    digest = hashlib.sha256(data).hexdigest()
    if (path.stem, digest) in known:
        return
    told = rows_of(json.loads(data), digest=digest)
    if told.identity != path.stem:
        raise ValueError(f"{path.name!r} is another one's copy.")
    yield told


# writing


def _write(found: list[Told], skipped: list[str], using: str) -> Imported:
    """In the order of the ids, so that two who write do not wait for each other."""
    last = {(told.identity, told.row.host): told for told in found}
    told = [last[key] for key in sorted(last)]
    if not told:
        return Imported(0, 0, tuple(skipped))
    for number in range(1, TRIES):
        try:
            return Imported(*_written(told, using), tuple(skipped))
        except OperationalError:
            time.sleep(random.uniform(0, PAUSE * number))  # noqa: S311 - nothing is to be kept secret
    return Imported(*_written(told, using), tuple(skipped))


def _written(told: Sequence[Told], using: str) -> tuple[int, int]:
    """How many rows of hosts were made, and how many changed, in one transaction."""
    created = updated = 0
    with transaction.atomic(using=using):
        for begin in range(0, len(told), AT_ONCE):
            chunk = told[begin : begin + AT_ONCE]
            deployments = _locked(chunk, using)
            hosts = _hosts(deployments, using)
            fresh = [one for one in chunk if _is_news(one, deployments, hosts)]
            before = len(hosts)
            for one in fresh:
                hosts[one.row.deployment_id, one.row.host] = one.row
            created += len(hosts) - before
            updated += len(fresh) - (len(hosts) - before)
            _write_hosts(fresh, using)
            _write_deployments(fresh, deployments, hosts, using)
    return created, updated


def _locked(told: Sequence[Told], using: str) -> dict[str, Deployment]:
    """The rows of the deployments by id; those that are not there are made, with what one host says.

    An insert that becomes an update of what is there locks it in every database. And it is a write: SQLite waits for
    its turn when a transaction begins with one, but not after a read.
    """
    rows = {one.identity: deployment_of(one.identity, one.same, [one.row]) for one in told}
    for row in rows.values():
        row.log = ""
    _upsert(Deployment, list(rows.values()), ("identity",), using, changes=("identity",))
    found: dict[str, Deployment] = Deployment.objects.using(using).defer("log").in_bulk(rows, field_name="identity")
    return found


Hosts = dict[tuple[int, str], DeploymentHost]


def _hosts(deployments: dict[str, Deployment], using: str) -> Hosts:
    rows = DeploymentHost.objects.using(using).filter(deployment__in=deployments.values())
    return {(row.deployment_id, row.host): row for row in rows}


def _is_news(told: Told, deployments: dict[str, Deployment], hosts: Hosts) -> bool:
    """Whether nobody else has written it in the meantime; its rows learn to which deployment they belong, and forget
    the keys of a try before this one.
    """
    rows: tuple[DeploymentHost | DeploymentStep, ...] = (told.row, *told.steps)
    for row in rows:
        row.pk, row.deployment = None, deployments[told.identity]
    there = hosts.get((told.row.deployment_id, told.row.host))
    return there is None or there.digest != told.row.digest


def _write_hosts(told: Sequence[Told], using: str) -> None:
    """Steps of deployments without rows of hosts are replaced too: the release before this one made them."""
    if not told:
        return
    _upsert(DeploymentHost, [one.row for one in told], ("deployment", "host"), using)
    former = models.Q(*(models.Q(deployment=one.row.deployment_id, host=one.row.host) for one in told), _connector="OR")
    steps = DeploymentStep.objects.using(using)
    steps.filter(former).delete()
    steps.bulk_create([step for one in told for step in one.steps], batch_size=STEP_ROWS)


def _write_deployments(told: Sequence[Told], before: dict[str, Deployment], hosts: Hosts, using: str) -> None:
    rows = {}
    for one in told:
        known = before[one.identity]
        same = {key: value or getattr(known, key) for key, value in one.same.items()}
        every = [row for (deployment, _), row in hosts.items() if deployment == known.pk]
        rows[one.identity] = deployment_of(one.identity, same, every)
    _upsert(Deployment, list(rows.values()), ("identity",), using)


def _upsert(
    model: type[models.Model], rows: list[Any], unique: tuple[str, ...], using: str, *, changes: tuple[str, ...] = ()
) -> None:
    """MySQL knows by itself what is unique, and takes no names for it."""
    manager = model._default_manager.using(using)
    others = [field.name for field in model._meta.concrete_fields if not field.primary_key]
    named = transaction.get_connection(using).features.supports_update_conflicts_with_target
    manager.bulk_create(
        rows,
        batch_size=ROWS,
        update_conflicts=True,
        update_fields=changes or [name for name in others if name not in unique],
        unique_fields=unique if named else None,
    )
