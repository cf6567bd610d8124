"""django.tasks and its backport django-tasks: the worker of the database's backend, and the tasks that wait there."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import Count
from django.utils.module_loading import import_string

from .found import NOTHING, Found, Looked, Remark, unlimited

DATABASE = ("django_tasks_db", "django_tasks.backends.database")
RQ = ("django_tasks_rq", "django_tasks.backends.rq")
WITHOUT_WORKER = ("django.tasks.backends", "django_tasks.backends")
"""Modules of backends: those whose worker takes tasks from the database, those of RQ, and those that need none."""


def backends() -> dict[str, type]:
    """The class of each backend of TASKS by its alias."""
    configured: dict[str, Any] = getattr(settings, "TASKS", None) or {}
    return {alias: import_string(one["BACKEND"]) for alias, one in configured.items() if "BACKEND" in one}


def is_of(backend: type, modules: tuple[str, ...]) -> bool:
    """Whether the backend, or what it is made from, is in one of the modules."""
    return any(f"{kind.__module__}.".startswith(f"{name}.") for kind in backend.__mro__ for name in modules)


def find() -> Looked:
    """A worker for each backend in the database; those of RQ are found with RQ."""
    found, remarks = [], []
    for alias, backend in backends().items():
        if is_of(backend, DATABASE):
            found.append(_worker(alias))
        elif not is_of(backend, (*RQ, *WITHOUT_WORKER)):
            path = f"{backend.__module__}.{backend.__qualname__}"
            text = f"Of the backend {path!r} in TASKS nothing is known, so no worker is started for it."
            remarks.append(Remark("selfdeploy.W099", text, "If it has one, name its command in PROCESSES."))
    if not found and not remarks:
        return NOTHING
    return Looked(tuple(found), (*remarks, *((unlimited("django.tasks"),) if found else ())))


def _worker(alias: str) -> Found:
    name = "tasks" if alias == "default" else f"tasks_{alias}".lower().replace("-", "_")[:32]
    chosen = () if alias == "default" else ("--backend", alias)
    command = ("python", "manage.py", "db_worker", "--queue-name", "*", *chosen)
    return Found(name, command, ("db_worker", *chosen[1:]), f"TASKS[{alias!r}] keeps its tasks in the database.")


def unknown() -> Counter[str]:
    """How many tasks wait under each name that cannot be imported."""
    if not any(is_of(backend, DATABASE) for backend in backends().values()):
        return Counter()
    model = next((model for model in apps.get_models() if model.__name__ == "DBTaskResult"), None)
    if model is None:
        return Counter()
    rows = model._default_manager.filter(status="READY").order_by().values_list("task_path").annotate(Count("pk"))
    return Counter({path: count for path, count in rows if not is_there(path)})


def is_there(path: str) -> bool:
    """Whether something can be imported by the dotted path."""
    try:
        import_string(path)
    except ImportError:
        return False
    return True
