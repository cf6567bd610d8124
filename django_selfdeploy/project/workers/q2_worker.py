"""django-q2: its cluster, and the tasks and schedules in its tables."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings

from .found import GRACE, NOTHING, UNLIMITED, Found, Looked, Remark, unlimited
from .tasks_worker import is_there

MOST = 1_000
"""Rows of the queue that are looked at: each is unpacked."""


def find() -> Looked:
    """The cluster, which has its scheduler with it."""
    if not apps.is_installed("django_q"):
        return NOTHING
    options = _options()
    if options.get("sync"):
        return NOTHING
    limit = options.get("timeout")
    seconds = float(limit) + GRACE if limit else UNLIMITED
    at_once = int(options.get("workers") or os.cpu_count() or 1)
    command = ("python", "manage.py", "qcluster")
    cluster = Found("qcluster", command, ("qcluster",), "django_q is installed.", seconds, at_once=at_once)
    return Looked((cluster,), () if limit else (unlimited("django-q2"),))


def _options() -> dict[str, Any]:
    return getattr(settings, "Q_CLUSTER", None) or {}


def unknown() -> Counter[str]:
    """How many tasks wait under each name that cannot be imported. Raises LookupError for another broker than the
    database.
    """
    if not apps.is_installed("django_q"):
        return Counter()
    if not _options().get("orm"):
        raise LookupError("only a queue in the database can be looked into")
    queued: Any = _model("OrmQ")._default_manager.using(_options()["orm"])
    return Counter(filter(None, (_name(row.task) for row in queued.all()[:MOST])))


def _model(name: str) -> Any:
    return apps.get_app_config("django_q").get_model(name)


def _name(task: dict[str, Any]) -> str:
    """The function of a task where it is not there; "" where it is."""
    function = task.get("func", f"one that cannot be read ({task.get('id')})")
    return function if isinstance(function, str) and not is_there(function) else ""


def in_tables() -> Iterator[Remark]:
    """Schedules that name a function which there is not."""
    if not apps.is_installed("django_q"):
        return
    schedules = _model("Schedule")._default_manager.exclude(repeats=0)
    for name in schedules.order_by("func").values_list("func", flat=True).distinct():
        if not is_there(name):
            yield Remark(
                "selfdeploy.W094", f"A schedule of django-q2 names {name!r}, which there is not.", "Mend its name."
            )
