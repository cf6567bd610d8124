"""RQ by django-rq: a worker for all queues of one Redis, and the jobs that wait there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings

from .found import GRACE, NOTHING, UNLIMITED, Found, Looked, unlimited
from .tasks_worker import RQ, backends, is_of, is_there

LIMIT = 180
"""Seconds that a job may take where nothing is said (RQ)."""

NO_CONNECTION = ("DEFAULT_TIMEOUT", "DEFAULT_RESULT_TTL", "ASYNC", "AUTOCOMMIT", "COMMIT_MODE")
"""Options of a queue that do not say where it is."""

MOST = 10_000
"""Jobs that are looked at in a queue."""


def find() -> Looked:
    """A worker for the queues of each Redis; RQ's own scheduler runs in it, in one worker of all at a time."""
    if not apps.is_installed("django_rq"):
        return NOTHING
    queues = _queues()
    places: dict[str, list[str]] = {}
    for name, options in queues.items():
        where = repr(sorted((key, repr(value)) for key, value in options.items() if key not in NO_CONNECTION))
        places.setdefault(where, []).append(name)
    limits = [float(options.get("DEFAULT_TIMEOUT") or LIMIT) for options in queues.values()]
    seconds = UNLIMITED if min(limits, default=0.0) <= 0 else max(limits) + GRACE
    found = tuple(_worker(number, names, seconds) for number, names in enumerate(places.values(), start=1))
    return Looked(found, (unlimited("RQ"),) if found and min(limits) <= 0 else ())


def _queues() -> dict[str, dict[str, Any]]:
    configured: dict[str, dict[str, Any]] = getattr(settings, "RQ_QUEUES", None) or {}
    return {name: options for name, options in configured.items() if options.get("ASYNC", True)}


def _worker(number: int, queues: list[str], seconds: float) -> Found:
    job = ("--job-class", "django_tasks_rq.Job") if any(is_of(one, RQ) for one in backends().values()) else ()
    command = ("python", "manage.py", "rqworker", "--with-scheduler", *job, *queues)
    reason = f"RQ_QUEUES has {', '.join(queues)}."
    return Found("rq" if number == 1 else f"rq_{number}", command, ("rqworker",), reason, seconds)


def unknown() -> Counter[str]:
    """How many jobs wait under each name that cannot be imported, those for later included."""
    if not apps.is_installed("django_rq") or not _queues():
        return Counter()
    names = Counter(_names())
    return Counter({name: count for name, count in names.items() if not is_there(name)})


def _names() -> Iterator[str]:
    from django_rq import get_queue
    from rq.job import Job

    for name in _queues():
        queue = get_queue(name)
        ids = (*queue.get_job_ids(0, MOST), *queue.scheduled_job_registry.get_job_ids(0, MOST - 1))
        for job in Job.fetch_many(list(ids), connection=queue.connection):
            if job is not None:
                yield str(job.func_name)
