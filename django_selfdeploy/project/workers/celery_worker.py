"""Celery: its worker, its beat, and the tasks that wait in Redis."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.conf import settings

from .found import GRACE, NOTHING, UNLIMITED, Found, Looked, Remark, unlimited

DATABASE_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"

VISIBILITY = 3600.0
"""Seconds after which Redis gives out again what was not acknowledged, unless the project says otherwise (kombu)."""

PRIORITY = "\x06\x16"
"""What kombu puts between the name of a queue and a priority."""

MOST = 10_000
"""Messages that are looked at in a queue."""


def find() -> Looked:
    """The worker, and beat where something is scheduled."""
    places = _places()
    if not places:
        return NOTHING
    if len(places) > 1:
        text = f"There are several Celery apps: {', '.join(places)}."
        return Looked(remarks=(Remark("selfdeploy.W099", text, "Name the one to run in PROCESSES, with its command."),))
    [(where, app)] = places.items()
    if app.conf.task_always_eager:
        return NOTHING
    app.loader.import_default_modules()
    limits = _limits(app)
    longest = max(limits) if limits else UNLIMITED
    found = (_worker(where, app, longest), *_beat(where, app))
    return Looked(found, (*(() if limits else (unlimited("Celery"),)), *_repeats(app, longest), *_schedule(app)))


def _places() -> dict[str, Any]:
    """The Celery apps of the project, by what `celery --app` wants: those of its package, else all in its folder."""
    if find_spec("celery") is None:
        return {}
    from celery import Celery

    package = (os.environ.get("SELFDEPLOY_SETTINGS") or str(settings.SETTINGS_MODULE or "")).partition(".")[0]
    for name in (package, f"{package}.celery", f"{package}.celery_app"):
        if package and _is_module(name):
            import_module(name)
            if found := _apps_in(name, Celery):
                return found
    folder = os.path.join(os.path.realpath(os.getcwd()), "")
    own = [name for name, module in tuple(sys.modules.items()) if _is_below(folder, module)]
    found = {where: app for name in own for where, app in _apps_in(name, Celery).items()}
    return {where: app for where, app in found.items() if app is not None and _first(found, app) == where}


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _is_below(folder: str, module: Any) -> bool:
    """Whether the module is one of the project: a virtualenv may be in its folder too."""
    path = os.path.realpath(getattr(module, "__file__", None) or "/")
    return path.startswith(folder) and f"{os.sep}site-packages{os.sep}" not in path


def _apps_in(name: str, kind: type) -> dict[str, Any]:
    found = {f"{name}:{key}": value for key, value in vars(sys.modules[name]).items() if issubclass(type(value), kind)}
    return {where: app for where, app in found.items() if _first(found, app) == where}


def _first(found: dict[str, Any], app: Any) -> str:
    return next(where for where, other in found.items() if other is app)


def _limits(app: Any) -> tuple[float, ...]:
    """Seconds that each task may take; none where one may take any."""
    found = []
    for task in _own(app):
        hard = task.time_limit or app.conf.task_time_limit
        soft = task.soft_time_limit or app.conf.task_soft_time_limit
        if not hard and not soft:
            return ()
        found.append(float(hard or soft + GRACE))
    return tuple(found)


def _own(app: Any) -> tuple[Any, ...]:
    return tuple(task for name, task in sorted(app.tasks.items()) if not name.startswith("celery."))


def _worker(where: str, app: Any, longest: float) -> Found:
    release = os.environ.get("SELFDEPLOY_RELEASE", "release")
    queues = _queues(app)
    # old and new work side by side for a while: two nodes of one name would take each other's orders
    words = ("celery", "--app", where, "worker", "--loglevel", "INFO", "--hostname", f"celery-{release}@%h")
    listened = ("--queues", ",".join(queues)) if queues else ()
    reason = f"{where} is a Celery app with {len(_own(app))} tasks."
    at_once = int(app.conf.worker_concurrency or os.cpu_count() or 1)
    return Found("celery", (*words, *listened), ("celery", "worker"), reason, longest + GRACE, at_once=at_once)


def _queues(app: Any) -> tuple[str, ...]:
    """The queues to listen to; none where those that Celery takes by itself are all there are."""
    configured = tuple(app.amqp.queues)
    routes = app.conf.task_routes
    rules = [routes] if isinstance(routes, dict) else [one for one in routes or () if isinstance(one, dict)]
    named = [route for rule in rules for route in rule.values()]
    named += [entry.get("options") for entry in (app.conf.beat_schedule or {}).values()]
    wanted = [route if isinstance(route, str) else (route or {}).get("queue") for route in named]
    wanted += [getattr(task, "queue", None) for task in _own(app)]
    names = tuple(dict.fromkeys((*configured, *(str(getattr(name, "name", name)) for name in wanted if name))))
    return names if len(names) > len(configured) else ()


def _beat(where: str, app: Any) -> tuple[Found, ...]:
    in_database = apps.is_installed("django_celery_beat")
    if not in_database and not app.conf.beat_schedule:
        return ()
    words: tuple[str, ...] = ("celery", "--app", where, "beat", "--loglevel", "INFO", "--pidfile=")
    if in_database:
        words += ("--scheduler", DATABASE_SCHEDULER)
    else:
        words += ("--schedule", f"{os.environ.get('SELFDEPLOY_ROOT', '.')}/run/celerybeat-schedule")
    reason = "django_celery_beat is installed." if in_database else f"beat_schedule has {len(app.conf.beat_schedule)}."
    return (Found("beat", words, ("celery", "beat"), reason, 60.0, role="beat", one_host=True, alone=True),)


def _repeats(app: Any, longest: float) -> Iterator[Remark]:
    late = app.conf.task_acks_late or any(task.acks_late for task in _own(app))
    visible = float((app.conf.broker_transport_options or {}).get("visibility_timeout", VISIBILITY))
    if late and _is_redis(app) and visible < longest:
        yield Remark(
            "selfdeploy.W092",
            f"A task that is acknowledged late may run for {longest:.0f} seconds, and Redis gives it out again after "
            f"{visible:.0f}: it would run twice.",
            'Set "visibility_timeout" in CELERY_BROKER_TRANSPORT_OPTIONS to more than the longest task takes.',
        )


def _is_redis(app: Any) -> bool:
    url = app.conf.broker_read_url or app.conf.broker_url or ""
    return str(url).startswith(("redis", "rediss", "sentinel"))


def _schedule(app: Any) -> Iterator[Remark]:
    """Entries of beat that name a task which there is not."""
    named = [str(entry.get("task")) for entry in (app.conf.beat_schedule or {}).values()]
    yield from (_unscheduled(name) for name in dict.fromkeys(named) if name not in app.tasks)


def _unscheduled(name: str) -> Remark:
    return Remark(
        "selfdeploy.W094",
        f"The schedule of Celery's beat names the task {name!r}, which there is not.",
        "Mend its name.",
    )


def in_tables() -> Iterator[Remark]:
    """The same of the schedule in the database."""
    places = _places()
    if len(places) != 1 or not apps.is_installed("django_celery_beat"):
        return
    [app] = places.values()
    app.loader.import_default_modules()
    model = apps.get_app_config("django_celery_beat").get_model("PeriodicTask")
    enabled = model._default_manager.filter(enabled=True)
    names = enabled.order_by("task").values_list("task", flat=True).distinct()
    yield from (_unscheduled(name) for name in names if name not in app.tasks)


def unknown() -> Counter[str]:
    """How many tasks wait under each name that this project does not have. Raises LookupError for a broker that
    cannot be looked into, and what its client raises for one that does not answer.
    """
    places = _places()
    if len(places) != 1:
        return Counter()
    [app] = places.values()
    app.loader.import_default_modules()
    if not _is_redis(app):
        raise LookupError("only a broker in Redis can be looked into without taking anything out")
    names = (*app.amqp.queues, *_queues(app))
    with app.connection_for_read(connect_timeout=2) as connection:
        channel = connection.default_channel
        found = Counter(_names(channel, dict.fromkeys(names)))
    return Counter({name: count for name, count in found.items() if name not in app.tasks})


def _names(channel: Any, queues: dict[str, None]) -> Iterator[str]:
    """The names of the tasks that wait in the queues, or, with a time to begin, at a worker."""
    prefix, client = getattr(channel, "global_keyprefix", "") or "", channel.client
    for queue in queues:
        steps = [step for step in channel.priority_steps if step]
        for key in (queue, *(f"{queue}{channel.sep or PRIORITY}{step}" for step in steps)):
            for message in client.lrange(f"{prefix}{key}", 0, MOST - 1):
                yield _name(json.loads(message))
    for held in client.hvals(f"{prefix}{channel.unacked_key}")[:MOST]:
        yield _name(json.loads(held)[0])


def _name(message: dict[str, Any]) -> str:
    """The task of a message: in its headers, or, in Celery's first protocol, in its body."""
    if "task" in message.get("headers", {}):
        return str(message["headers"]["task"])
    return str(json.loads(base64.b64decode(message["body"])).get("task", "?"))
