"""huey: its consumer, and the tasks that wait in its storage."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

from django.apps import apps
from django.utils.module_loading import autodiscover_modules

from .found import NOTHING, Found, Looked, Remark, unlimited

MOST = 10_000
"""Tasks that are looked at."""


def find() -> Looked:
    """The consumer; on one host only where it has periodic tasks, since each consumer begins all of them."""
    queue = _queue()
    if queue is None or queue.immediate:
        return NOTHING
    autodiscover_modules("tasks")
    periodic = bool(queue._registry.periodic_tasks)
    reason = "huey.contrib.djhuey is installed" + (", and there are periodic tasks." if periodic else ".")
    command = ("python", "manage.py", "run_huey")
    # TERM would cut off what runs: huey finishes its tasks after INT
    consumer = Found("huey", command, ("run_huey",), reason, stop_signal="INT", one_host=periodic)
    return Looked((consumer,), (unlimited("huey"), *_file(queue)))


def _queue() -> Any:
    if not apps.is_installed("huey.contrib.djhuey"):
        return None
    from huey.contrib.djhuey import HUEY

    return HUEY


def _file(queue: Any) -> tuple[Remark, ...]:
    """A queue that a new release would leave behind."""
    path = getattr(queue.storage, "filename", None) or getattr(queue.storage, "path", None)
    if not isinstance(path, str) or path.startswith((":", "file:")):
        return ()
    whole = os.path.realpath(path)
    code = os.path.realpath(os.environ.get("SELFDEPLOY_CODE") or os.getcwd())
    if os.path.commonpath((whole, code)) != code:
        return ()
    return (
        Remark(
            "selfdeploy.W096",
            f"huey keeps its tasks in {path!r}, in the folder that a new release replaces: they would be left behind.",
            "Keep it in the folder that the variable SELFDEPLOY_SHARED names.",
        ),
    )


def unknown() -> Counter[str]:
    """How many tasks wait under each name that this project does not have."""
    queue = _queue()
    if queue is None or queue.immediate:
        return Counter()
    autodiscover_modules("tasks")
    items = (*queue.storage.enqueued_items(MOST), *queue.storage.scheduled_items(MOST))
    names = Counter(str(queue.serializer.deserialize(item).name) for item in items)
    return Counter({name: count for name, count in names.items() if name not in queue._registry._registry})
