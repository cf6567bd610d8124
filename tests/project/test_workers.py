"""What each task queue's library, the real one, says of the processes that a project needs."""

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.test import override_settings

from django_selfdeploy.project.workers import (
    celery_worker,
    channels_worker,
    huey_worker,
    looking,
    q2_worker,
    rq_worker,
    tasks_worker,
)
from django_selfdeploy.project.workers.found import NOTHING, Found, Looked, Remark, unlimited

Installed = Any


@pytest.fixture
def installed() -> Iterator[Installed]:
    """Install apps and settings for one test; the tables of those apps are made, and go with the test."""
    with override_settings():

        def install(*names: str, **more: Any) -> None:
            # some read their settings when they are imported
            for change in (more, {"INSTALLED_APPS": [*settings.INSTALLED_APPS, *names]}):
                changed = override_settings(**change)
                changed.enable()
                entered.append(changed)

        entered: list[override_settings] = []
        yield install
        for changed in reversed(entered):
            changed.disable()


@pytest.fixture
def tables() -> Iterator[Any]:
    made: list[Any] = []

    def make(label: str) -> None:
        with connection.schema_editor() as editor:
            for model in (one for one in apps.get_app_config(label).get_models() if not one._meta.proxy):
                editor.create_model(model)
                made.append(model)

    yield make
    with connection.schema_editor() as editor:
        for model in reversed(made):
            editor.delete_model(model)


# Celery


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Write a project's package with a module `celery`, in which `celery` is the library.

    Tasks of no app in particular, of other tests, are none of it.
    """
    monkeypatch.setattr("celery._state._on_app_finalizers", set())
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SELFDEPLOY_RELEASE", "release-1")
    monkeypatch.setenv("SELFDEPLOY_ROOT", "/srv/shop")

    def write(text: str, *, start: str = "") -> str:
        name = f"shop{time.monotonic_ns()}"
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text(start)
        (folder / "celery.py").write_text(f"from celery import Celery\n{text}\n")
        monkeypatch.setenv("SELFDEPLOY_SETTINGS", f"{name}.settings")
        return name

    return write


APP = """
app = Celery("shop", set_as_current=False, broker="redis://127.0.0.1:1/0")
app.conf.task_time_limit = 300

@app.task(name="shop.mail", shared=False)
def mail(): pass
"""


def worker_of(name: str, *more: str, tasks: int = 1, seconds: float = 310.0, where: str = "celery:app") -> Found:
    words = ("worker", "--loglevel", "INFO", "--hostname", "celery-release-1@%h")
    place = f"{name}{'.' if '.' not in where and where.startswith('celery:') else ':'}{where}"
    reason = f"{place} is a Celery app with {tasks} tasks."
    command = ("celery", "--app", place, *words, *more)
    return Found("celery", command, ("celery", "worker"), reason, seconds, at_once=os.cpu_count() or 1)


def test_celery_is_found_by_the_app_of_the_projects_package(package: Any) -> None:
    name = package(APP)
    assert celery_worker.find() == Looked((worker_of(name),), ())


def test_an_app_that_the_package_itself_names_comes_first(package: Any) -> None:
    name = package(APP, start="from .celery import app as celery_app\n")
    assert celery_worker.find().found == (worker_of(name, where="celery_app"),)


def test_a_package_without_an_app_needs_nothing(package: Any) -> None:
    package("")
    assert celery_worker.find() == NOTHING


def test_tasks_that_are_done_at_once_need_no_worker(package: Any) -> None:
    package(f"{APP}\napp.conf.task_always_eager = True")
    assert celery_worker.find() == NOTHING


def test_of_several_apps_none_is_guessed(package: Any) -> None:
    name = package(f'{APP}\nother = Celery("other", set_as_current=False)')
    looked = celery_worker.find()
    assert (looked.found, [one.id for one in looked.remarks]) == ((), ["selfdeploy.W099"])
    assert looked.remarks[0].text == f"There are several Celery apps: {name}.celery:app, {name}.celery:other."


def test_beat_is_found_where_something_is_scheduled_and_runs_alone(package: Any) -> None:
    name = package(f'{APP}\napp.conf.beat_schedule = {{"a": {{"task": "shop.mial", "schedule": 60}}}}')
    looked = celery_worker.find()
    words = ("celery", "--app", f"{name}.celery:app", "beat", "--loglevel", "INFO", "--pidfile=")
    words += ("--schedule", "/srv/shop/run/celerybeat-schedule")
    reason = "beat_schedule has 1."
    beat = Found("beat", words, ("celery", "beat"), reason, 60.0, role="beat", one_host=True, alone=True)
    assert looked.found == (worker_of(name), beat)
    text = "The schedule of Celery's beat names the task 'shop.mial', which there is not."
    assert looked.remarks == (Remark("selfdeploy.W094", text, "Mend its name."),)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="django-celery-beat does not go with Django 6.1 yet")
def test_a_schedule_in_the_database_is_read_from_there(package: Any, installed: Installed, tables: Any) -> None:
    package(APP)
    installed("django_celery_beat")
    tables("django_celery_beat")
    beat = celery_worker.find().found[1]
    assert beat.command[-2:] == ("--scheduler", "django_celery_beat.schedulers:DatabaseScheduler")
    assert list(celery_worker.in_tables()) == []
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    every = IntervalSchedule.objects.create(every=1, period="hours")
    PeriodicTask.objects.create(name="a", task="shop.mail", interval=every)
    PeriodicTask.objects.create(name="b", task="shop.old", interval=every)
    assert [one.text for one in celery_worker.in_tables()] == [
        "The schedule of Celery's beat names the task 'shop.old', which there is not."
    ]


def test_a_worker_listens_to_every_queue_that_is_named_anywhere(package: Any) -> None:
    name = package(
        f"""{APP}
app.conf.task_routes = {{"shop.*": {{"queue": "mails"}}, "other.*": "slow"}}
app.conf.beat_schedule = {{"a": {{"task": "shop.mail", "schedule": 60, "options": {{"queue": "counts"}}}}}}
"""
    )
    expected = worker_of(name, "--queues", "celery,mails,slow,counts")
    assert celery_worker.find().found[0] == expected


def test_a_worker_has_the_time_that_its_longest_task_may_take(package: Any) -> None:
    package(
        """
app = Celery("shop", set_as_current=False)

@app.task(name="a", soft_time_limit=40, shared=False)
def a(): pass

@app.task(name="b", time_limit=900, shared=False)
def b(): pass
"""
    )
    assert celery_worker.find().found[0].stop_seconds == 910.0


def test_where_a_task_has_no_limit_that_is_told(package: Any) -> None:
    package('app = Celery("shop", set_as_current=False)\n\n@app.task(name="a", shared=False)\ndef a(): pass\n')
    looked = celery_worker.find()
    assert (looked.found[0].stop_seconds, looked.remarks) == (610.0, (unlimited("Celery"),))


def test_redis_must_not_give_out_again_what_still_runs(package: Any) -> None:
    package(f"{APP}\napp.conf.task_time_limit = 7200\napp.conf.task_acks_late = True")
    [remark] = celery_worker.find().remarks
    assert (remark.id, "7200 seconds, and Redis gives it out again after 3600" in remark.text) == (
        "selfdeploy.W092",
        True,
    )


def test_only_a_redis_is_looked_into(package: Any) -> None:
    package('app = Celery("shop", set_as_current=False, broker="amqp://127.0.0.1:1//")')
    with pytest.raises(LookupError, match="only a broker in Redis"):
        celery_worker.unknown()


# django.tasks


def backend(path: str) -> dict[str, Any]:
    return {"default": {"BACKEND": path}}


def test_tasks_in_the_database_have_a_worker(installed: Installed) -> None:
    installed("django_tasks_db", TASKS={**backend("django_tasks_db.DatabaseBackend"), "slow-ones": {"BACKEND": "x"}})
    settings.TASKS["slow-ones"]["BACKEND"] = "django_tasks_db.DatabaseBackend"
    command = ("python", "manage.py", "db_worker", "--queue-name", "*")
    assert tasks_worker.find() == Looked(
        (
            Found("tasks", command, ("db_worker",), "TASKS['default'] keeps its tasks in the database."),
            Found(
                "tasks_slow_ones",
                (*command, "--backend", "slow-ones"),
                ("db_worker", "slow-ones"),
                "TASKS['slow-ones'] keeps its tasks in the database.",
            ),
        ),
        (unlimited("django.tasks"),),
    )


@pytest.mark.parametrize("configured", [{}, backend("django_tasks.backends.immediate.ImmediateBackend")])
def test_tasks_that_run_at_once_need_no_worker(configured: dict[str, Any]) -> None:
    with override_settings(TASKS=configured):
        assert tasks_worker.find() == NOTHING


class Elsewhere:
    """A backend that nobody knows."""


def test_of_an_unknown_backend_no_worker_is_guessed() -> None:
    with override_settings(TASKS=backend(f"{__name__}.Elsewhere")):
        looked = tasks_worker.find()
    assert (looked.found, [one.id for one in looked.remarks]) == ((), ["selfdeploy.W099"])
    assert f"'{__name__}.Elsewhere'" in looked.remarks[0].text


def test_tasks_that_wait_in_the_database_are_counted_where_they_cannot_be_imported(
    installed: Installed, tables: Any
) -> None:
    installed("django_tasks_db", TASKS=backend("django_tasks_db.DatabaseBackend"))
    tables("django_tasks_database")
    model = apps.get_app_config("django_tasks_database").get_model("DBTaskResult")
    for path, status in (("shop.old", "READY"), ("shop.old", "READY"), ("os.path.join", "READY"), ("shop.x", "FAILED")):
        model.objects.create(
            task_path=path,
            status=status,
            args_kwargs={},
            queue_name="default",
            run_after="9999-01-01T00:00:00Z",
            backend_name="default",
        )
    assert tasks_worker.unknown() == Counter({"shop.old": 2})


# django-q2


def test_django_q2_has_a_cluster(installed: Installed) -> None:
    installed("django_q", Q_CLUSTER={"orm": "default", "timeout": 90, "retry": 120})
    command = ("python", "manage.py", "qcluster")
    cluster = Found("qcluster", command, ("qcluster",), "django_q is installed.", 100.0, at_once=os.cpu_count() or 1)
    with override_settings(Q_CLUSTER={"orm": "default", "timeout": 90, "retry": 120, "workers": 3}):
        assert [one.at_once for one in q2_worker.find().found] == [3]
    assert q2_worker.find() == Looked((cluster,), ())
    with override_settings(Q_CLUSTER={"orm": "default"}):
        assert q2_worker.find().remarks == (unlimited("django-q2"),)
    with override_settings(Q_CLUSTER={"sync": True}):
        assert q2_worker.find() == NOTHING


def test_tasks_and_schedules_of_django_q2_are_known_by_their_function(installed: Installed, tables: Any) -> None:
    installed("django_q", Q_CLUSTER={"orm": "default", "name": "tests", "timeout": 90, "retry": 120})
    tables("django_q")
    from django_q.models import OrmQ, Schedule
    from django_q.signing import SignedPackage

    for function in ("shop.old", "os.getpid", os.getpid):
        package = SignedPackage.dumps({"id": "1", "func": function, "args": (), "kwargs": {}})
        OrmQ.objects.create(key="tests", payload=package)
    assert q2_worker.unknown() == Counter({"shop.old": 1})
    Schedule.objects.create(func="os.getpid")
    Schedule.objects.create(func="shop.old")
    assert [one.text for one in q2_worker.in_tables()] == [
        "A schedule of django-q2 names 'shop.old', which there is not."
    ]
    with override_settings(Q_CLUSTER={"redis": {}}), pytest.raises(LookupError, match="in the database"):
        q2_worker.unknown()


# huey


@pytest.fixture
def huey(installed: Installed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A queue in a file, that djhuey knows as its own."""
    from huey import SqliteHuey

    installed("huey.contrib.djhuey", HUEY={"huey_class": "huey.MemoryHuey", "immediate": False})
    import huey.contrib.djhuey as djhuey

    queue = SqliteHuey("tests", filename=str(tmp_path / "huey.db"))
    monkeypatch.setattr(djhuey, "HUEY", queue)
    yield queue
    queue.storage.close()


def test_huey_is_stopped_by_the_signal_that_lets_it_finish(huey: Any) -> None:
    command, reason = ("python", "manage.py", "run_huey"), "huey.contrib.djhuey is installed."
    consumer = Found("huey", command, ("run_huey",), reason, stop_signal="INT")
    assert huey_worker.find() == Looked((consumer,), (unlimited("huey"),))


def test_a_consumer_with_periodic_tasks_runs_on_one_host(huey: Any) -> None:
    from huey import crontab

    huey.periodic_task(crontab(minute="0"))(lambda: None)
    assert huey_worker.find().found[0].one_host


def test_a_queue_that_a_new_release_would_leave_behind_is_told(
    huey: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SELFDEPLOY_CODE", str(tmp_path))
    assert [one.id for one in huey_worker.find().remarks] == ["selfdeploy.I093", "selfdeploy.W096"]


def test_tasks_of_huey_are_known_by_their_registry(huey: Any) -> None:
    def old() -> None: ...

    task = huey.task()(old)
    task()
    task.schedule(delay=600)
    assert huey_worker.unknown() == Counter()
    task.unregister()
    assert huey_worker.unknown() == Counter({f"{__name__}.old": 2})


def test_an_immediate_huey_needs_no_consumer(huey: Any) -> None:
    huey.immediate = True
    assert huey_worker.find() == NOTHING
    assert huey_worker.unknown() == Counter()


# RQ

QUEUES = {
    "default": {"HOST": "127.0.0.1", "PORT": 1, "DEFAULT_TIMEOUT": 360},
    "high": {"HOST": "127.0.0.1", "PORT": 1},
    "far": {"HOST": "10.0.0.1", "PORT": 1},
    "now": {"HOST": "127.0.0.1", "PORT": 1, "ASYNC": False},
}


def test_rq_has_a_worker_for_each_redis(installed: Installed) -> None:
    installed("django_rq", RQ_QUEUES=QUEUES)
    command = ("python", "manage.py", "rqworker", "--with-scheduler")
    assert rq_worker.find() == Looked(
        (
            Found("rq", (*command, "default", "high"), ("rqworker",), "RQ_QUEUES has default, high.", 370.0),
            Found("rq_2", (*command, "far"), ("rqworker",), "RQ_QUEUES has far.", 370.0),
        ),
        (),
    )


def test_an_rq_without_a_limit_tells_so_and_runs_the_jobs_of_django_tasks(
    installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    # django-tasks-rq itself cannot be installed beside django-celery-beat: each brings a module `crontab`
    module = ModuleType("django_tasks_rq")
    module.RQBackend = type("RQBackend", (), {"__module__": "django_tasks_rq.backend"})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "django_tasks_rq", module)
    queues = {"default": {"HOST": "127.0.0.1", "PORT": 1, "DEFAULT_TIMEOUT": -1}}
    installed("django_rq", RQ_QUEUES=queues, TASKS=backend("django_tasks_rq.RQBackend"))
    looked = rq_worker.find()
    assert looked.found[0].command[4:6] == ("--job-class", "django_tasks_rq.Job")
    assert (looked.found[0].stop_seconds, looked.remarks) == (600.0, (unlimited("RQ"),))
    assert tasks_worker.find() == NOTHING


# Channels


def asgi(**routes: Any) -> ModuleType:
    from channels.routing import ProtocolTypeRouter

    module = ModuleType("shop_asgi")
    module.application = ProtocolTypeRouter(routes)  # type: ignore[attr-defined]
    return module


def test_channels_has_a_worker_for_the_channels_that_are_routed(
    installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    from channels.routing import ChannelNameRouter

    monkeypatch.setitem(sys.modules, "shop_asgi", asgi(channel=ChannelNameRouter({"thumbnails": None}), websocket=None))
    installed("channels", ASGI_APPLICATION="shop_asgi.application")
    looked = channels_worker.find()
    assert [one.command for one in looked.found] == [("python", "manage.py", "runworker", "thumbnails")]
    assert [one.id for one in looked.remarks] == ["selfdeploy.W098"]


def test_a_project_that_only_speaks_http_needs_no_worker_of_channels(
    installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert channels_worker.find() == NOTHING
    monkeypatch.setitem(sys.modules, "shop_asgi", asgi(http=None))
    installed("channels", ASGI_APPLICATION="shop_asgi.application")
    assert channels_worker.find() == NOTHING


# all of them


def test_a_project_without_queues_needs_nothing_and_nothing_waits() -> None:
    assert looking.look() == ((), ())
    assert looking.queued_tasks() == {"messages": [], "note": ""}


def test_a_library_that_cannot_be_asked_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Looked:
        raise AttributeError("conf")

    monkeypatch.setitem(looking.FINDERS, "Celery", fail)
    found, [message] = looking.look()
    assert (found, message.id) == ((), "selfdeploy.W099")
    assert message.text == "What Celery needs could not be found out (AttributeError: conf)."


def test_tasks_that_wait_are_told_with_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(looking.QUEUES, "huey", lambda: Counter({"shop.old": 2, "shop.older": 1}))
    [message] = looking.queued_tasks()["messages"]
    assert message == {
        "id": "selfdeploy.W090",
        "level": 30,
        "text": "3 tasks wait in huey that this release does not have: 'shop.old' (2), 'shop.older' (1).",
    }


def test_a_queue_that_does_not_answer_is_told_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "PATIENCE", 0.05)
    monkeypatch.setattr(looking, "QUEUES", {"RQ": lambda: Counter(str(time.sleep(60)))})
    assert looking.queued_tasks() == {
        "messages": [],
        "note": "(selfdeploy.I097) not looked into: RQ (no answer in 0.05 s)",
    }


def test_what_the_settings_run_by_themselves_is_not_run_twice() -> None:
    worker = Found("celery", (), ("celery", "worker"), "")
    assert worker.is_done_by(("/srv/env/bin/celery", "-A", "shop", "worker"))
    assert not worker.is_done_by(("celery", "-A", "shop", "beat"))
