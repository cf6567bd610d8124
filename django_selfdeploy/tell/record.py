"""The journals of a root, written to the database: the rows are a copy that can be made again at any time."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, models, transaction
from django.utils.dateparse import parse_datetime
from django.utils.timezone import make_naive

from ..core.text import plain
from ..models import Deployment, DeploymentStep

DEPTH = 12
"""How deep lists and dictionaries of a story may be nested; what lies deeper becomes "…"."""

LONGEST = 1e9
"""In seconds, thirty years; more is no duration."""

ROWS, STEP_ROWS = 20, 200
"""Rows per INSERT: statements of long outputs stay below the 16 MB of MySQL's max_allowed_packet."""

_identity = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]*")


@dataclass(frozen=True)
class Imported:
    """How many rows were made and how many changed, and the names of the files that are no journal."""

    created: int
    updated: int
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """A journal that the database does not have, or has as it was before."""

    row: Deployment
    steps: tuple[DeploymentStep, ...]


def import_journals(folder: Path, *, using: str = DEFAULT_DB_ALIAS) -> Imported:
    """Write every new or changed journal of `folder` to the database `using`; rows are never deleted.

    A folder that is not there has no journals. One query when nothing changed. Raises OSError for a folder
    that cannot be listed and DatabaseError, with nothing written.
    """
    known = {
        identity: (pk, digest)
        for identity, pk, digest in Deployment.objects.using(using).values_list("identity", "pk", "digest")
    }
    found, skipped = _changed(folder, {identity: digest for identity, (_, digest) in known.items()})
    new = [item for item in found if item.row.identity not in known]
    old = [item for item in found if item.row.identity in known]
    for item in old:
        item.row.pk = known[item.row.identity][0]
    if found:
        _write(new, old, using)
    return Imported(len(new), len(old), tuple(skipped))


def _changed(folder: Path, digests: dict[str, str]) -> tuple[list[Found], list[str]]:
    """The journals whose digest is not the one in `digests` (identity to digest), and the names skipped."""
    found, skipped = [], []
    for path in _journals(folder):
        try:
            item = _read(path, known=digests.get(path.stem, ""))
        except (OSError, ValueError, OverflowError, RecursionError):
            skipped.append(_clean(path.name))
        else:
            found += [item] if item else []
    return found, skipped


def _journals(folder: Path) -> list[Path]:
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    return [folder / name for name in names if name.endswith(".json") and not name.startswith(".")]


def _write(new: list[Found], old: list[Found], using: str) -> None:
    """One transaction that begins with a write: SQLite waits for its turn then, but not after a read."""
    with transaction.atomic(using=using):
        Deployment.objects.using(using).bulk_create([item.row for item in new], batch_size=ROWS)
        for item in old:
            item.row.save(using=using, force_update=True)
        DeploymentStep.objects.using(using).filter(deployment__in=[item.row.pk for item in old]).delete()
        _learn_keys(new, using)
        steps = [step for item in (*new, *old) for step in _steps_of(item)]
        DeploymentStep.objects.using(using).bulk_create(steps, batch_size=STEP_ROWS)


def _learn_keys(new: list[Found], using: str) -> None:
    """MySQL does not tell the keys of rows inserted in bulk."""
    unknown = [item.row.identity for item in new if item.row.pk is None]
    rows = Deployment.objects.using(using).only("identity").in_bulk(unknown, field_name="identity")
    for item in new:
        item.row.pk = item.row.pk or rows[item.row.identity].pk


def _steps_of(item: Found) -> Iterator[DeploymentStep]:
    for step in item.steps:
        step.deployment = item.row
        yield step


# from a story to rows


def _read(path: Path, *, known: str) -> Found | None:
    """The rows for a journal; None when its digest is the `known` one. Raises ValueError for what is none."""
    data = path.read_bytes() if path.is_file() else b""
    digest = hashlib.sha256(data).hexdigest()
    if digest == known:
        return None
    story = _clean(json.loads(data))
    if not isinstance(story, dict) or story.get("id") != path.stem or not _fits(path.stem):
        raise ValueError(f"{path.name!r} is no journal, or another one's copy.")
    steps = tuple(_steps(story))
    row = _deployment(story)
    row.digest, row.log = digest, _log(row, steps)
    return Found(row, steps)


def _fits(identity: str) -> bool:
    return bool(_identity.fullmatch(identity)) and len(identity) <= _longest(Deployment, "identity")


def _deployment(story: dict[str, Any]) -> Deployment:
    started = _moment(story.get("started"))
    if started is None:
        raise ValueError(f"{story['id']!r} does not say when it started.")
    error = story.get("error")
    error = error if isinstance(error, dict) else {"message": error}
    texts = ("kind", "target", "release", "previous", "commit", "subject", "who", "host", "status")
    tables = ("versions", "configuration", "options")
    warnings = story.get("warnings")
    migrations = story.get("migrations")
    return Deployment(
        identity=story["id"],
        **{key: _text(story.get(key), _longest(Deployment, key)) for key in texts},
        **{key: table if isinstance(table := story.get(key), dict) else {} for key in tables},
        started=started,
        finished=_moment(story.get("finished")),
        live_after=_seconds(story.get("live_after")),
        duration=_seconds(story.get("seconds")),
        error=_text(error.get("error"), _longest(Deployment, "error")),
        error_message=_text(error.get("message")),
        error_hint=_text(error.get("hint")),
        error_code=_whole_number(error.get("exit_code")),
        migrations=migrations if isinstance(migrations, list) else [],
        warnings=[_text(warning) for warning in warnings] if isinstance(warnings, list) else [],
    )


def _steps(story: dict[str, Any]) -> Iterator[DeploymentStep]:
    listed = story.get("steps")
    for number, step in enumerate(listed if isinstance(listed, list) else [], start=1):
        if isinstance(step, dict):
            yield _step(step, number, host=story.get("host"))


def _step(step: dict[str, Any], number: int, *, host: Any) -> DeploymentStep:
    given = _whole_number(step.get("number"))
    texts = ("phase", "name", "status")
    return DeploymentStep(
        number=number if given is None or given < 0 else given,
        host=_text(step.get("host") or host, _longest(DeploymentStep, "host")),
        **{key: _text(step.get(key), _longest(DeploymentStep, key)) for key in texts},
        at=_seconds(step.get("at")),
        seconds=_seconds(step.get("seconds")),
        note=_text(step.get("note")),
        tail=_text(step.get("tail")),
    )


def _log(row: Deployment, steps: Iterable[DeploymentStep]) -> str:
    parts = [_section(step) for step in steps]
    parts += [f"warning: {warning}\n" for warning in row.warnings]
    if row.error_message:
        parts.append(f"error: {row.error_message}\n{row.error_hint}".rstrip("\n") + "\n")
    return "\n".join(parts)


def _section(step: DeploymentStep) -> str:
    took = "" if step.seconds is None else f", {step.seconds:.3f} s"
    lines = [
        f"== {step.number} {step.phase}: {step.name} ({step.status}{took})",
        step.note,
        step.tail.rstrip("\n"),
    ]
    return "\n".join(line for line in lines if line) + "\n"


# values of strangers


def _clean(value: Any, depth: int = DEPTH) -> Any:
    """`value` with every text fit for a page and for PostgreSQL, and every number one that JSON knows."""
    if isinstance(value, str):
        return plain(value).encode("utf-8", "replace").decode()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if not isinstance(value, (dict, list)):
        return value
    if depth == 0:
        return "…"
    if isinstance(value, list):
        return [_clean(item, depth - 1) for item in value]
    return {_clean(key): _clean(item, depth - 1) for key, item in value.items()}


def _text(value: Any, longest: int | None = None) -> str:
    return ("" if value is None else str(value))[:longest]


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value <= LONGEST else None


def _whole_number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31 else None


def _moment(value: Any) -> datetime | None:
    """The moment in UTC, or in the project's own zone without one where it has USE_TZ = False."""
    moment = parse_datetime(value) if isinstance(value, str) else None
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return aware.astimezone(timezone.utc) if settings.USE_TZ else make_naive(aware)


def _longest(model: type[models.Model], name: str) -> int:
    field = cast("models.CharField[str, str]", model._meta.get_field(name))
    return cast("int", field.max_length)
