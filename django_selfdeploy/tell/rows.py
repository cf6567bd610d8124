"""The rows of a deployment, from what its hosts tell of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.db import models

from ..models import Deployment, DeploymentHost, DeploymentStep
from .strangers import cleaned, moment, seconds, text, whole_number
from .whole import Story, merged

LONGEST_LOG = 1_000_000
"""In characters, of all hosts together: four times as many bytes stay below MySQL's max_allowed_packet."""

_identity = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]*")


@dataclass(frozen=True)
class Told:
    """One host's journal as rows that no deployment has yet; `same` are the fields that all hosts tell alike."""

    identity: str
    same: dict[str, Any]
    row: DeploymentHost
    steps: tuple[DeploymentStep, ...]


def rows_of(story: Any, *, digest: str) -> Told:
    """The rows for a story, whatever is in it. Raises ValueError or OverflowError for what is no story."""
    story = cleaned(story)
    if not isinstance(story, dict) or not _fits(story.get("id")):
        raise ValueError("It has no id that could be one.")
    started = moment(story.get("started"))
    if started is None:
        raise ValueError(f"{story['id']!r} does not say when it started.")
    ended = moment(story.get("finished"))
    row = DeploymentHost(**_fields(story, DeploymentHost), started=started, finished=ended, digest=digest)
    steps = tuple(_steps(story, row.host))
    row.log = _log(row, steps)
    return Told(story["id"], _same(story), row, steps)


def deployment_of(identity: str, same: dict[str, Any], hosts: Sequence[DeploymentHost]) -> Deployment:
    """The row of the deployment, from the rows of all its hosts and what is the same on each."""
    story = merged(map(_story, hosts))
    return Deployment(
        identity=identity,
        **same,
        **_fields(story, Deployment),
        started=story["started"],
        finished=story["finished"],
        log=_whole_log(hosts),
        digest=_whole_digest(hosts),
    )


# from a story to rows


def _fits(identity: Any) -> bool:
    longest = _longest(Deployment, "identity")
    return isinstance(identity, str) and bool(_identity.fullmatch(identity)) and len(identity) <= longest


def _same(story: Story) -> dict[str, Any]:
    texts, tables = ("kind", "target", "commit", "subject", "who"), ("configuration", "options")
    return {
        **{key: text(story.get(key), _longest(Deployment, key)) for key in texts},
        **{key: _table(story.get(key)) for key in tables},
        "migrations": migrations if isinstance(migrations := story.get("migrations"), list) else None,
    }


def _fields(story: Story, model: type[models.Model]) -> dict[str, Any]:
    error = story.get("error")
    error = error if isinstance(error, dict) else {"message": error}
    warnings = story.get("warnings")
    return {
        **{key: text(story.get(key), _longest(model, key)) for key in ("release", "previous", "host", "status")},
        "live_after": seconds(story.get("live_after")),
        "duration": seconds(story.get("seconds")),
        "error": text(error.get("error"), _longest(model, "error")),
        "error_message": text(error.get("message")),
        "error_hint": text(error.get("hint")),
        "error_code": whole_number(error.get("exit_code")),
        "warnings": [text(warning) for warning in warnings] if isinstance(warnings, list) else [],
        "versions": _table(story.get("versions")),
    }


def _steps(story: Story, host: str) -> Iterator[DeploymentStep]:
    listed = story.get("steps")
    for number, step in enumerate(listed if isinstance(listed, list) else [], start=1):
        if isinstance(step, dict):
            yield _step(step, number, host)


def _step(step: dict[str, Any], number: int, host: str) -> DeploymentStep:
    given = whole_number(step.get("number"))
    texts = ("phase", "name", "status")
    return DeploymentStep(
        number=number if given is None or given < 0 else given,
        host=host,
        **{key: text(step.get(key), _longest(DeploymentStep, key)) for key in texts},
        at=seconds(step.get("at")),
        seconds=seconds(step.get("seconds")),
        note=text(step.get("note")),
        tail=text(step.get("tail")),
    )


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _longest(model: type[models.Model], name: str) -> int:
    field = cast("models.CharField[str, str]", model._meta.get_field(name))
    return cast("int", field.max_length)


# from the rows of all hosts to one


def _story(row: DeploymentHost) -> Story:
    same = ("host", "status", "release", "previous", "started", "finished", "live_after", "warnings", "versions")
    error = {
        "error": row.error,
        "message": row.error_message,
        "hint": row.error_hint,
        "exit_code": row.error_code,
    }
    return {**{key: getattr(row, key) for key in same}, "seconds": row.duration, "error": error}


def _whole_digest(hosts: Sequence[DeploymentHost]) -> str:
    if len(hosts) == 1:
        return hosts[0].digest
    return hashlib.sha256("".join(sorted(row.digest for row in hosts)).encode()).hexdigest()


# logs


def _log(row: DeploymentHost, steps: Iterable[DeploymentStep]) -> str:
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


def _whole_log(hosts: Sequence[DeploymentHost]) -> str:
    if len(hosts) == 1:
        return hosts[0].log
    told = sorted(hosts, key=lambda row: row.host)
    return "\n".join(f"#### {row.host} ({row.status})\n\n{_cut(row.log, LONGEST_LOG // len(told))}" for row in told)


def _cut(log: str, longest: int) -> str:
    more = len(log) - longest
    return log if more <= 0 else f"{log[:longest]}\n[... {more} characters left out ...]\n"
