"""Queues in a real Redis are looked into, and stay as they are."""

import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from django_selfdeploy.project.workers import celery_worker, looking, rq_worker
from tests.integration.brokers import redis

pytestmark = pytest.mark.programs

APP = """
from celery import Celery

app = Celery("shop", broker="{broker}", set_as_current=False)
app.conf.task_queue_max_priority = 3
app.conf.broker_transport_options = {{"queue_order_strategy": "priority", "global_keyprefix": "shop:"}}
app.conf.task_routes = {{"shop.slow": {{"queue": "slow"}}}}


@app.task(name="shop.mail", shared=False)
def mail(): ...
"""


def test_celerys_tasks_are_counted_by_name_in_every_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"queued{time.monotonic_ns()}"
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("SELFDEPLOY_SETTINGS", f"{name}.settings")
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()
    with redis() as broker:
        (tmp_path / name / "celery.py").write_text(APP.format(broker=broker))
        assert celery_worker.unknown() == Counter()
        app: Any = sys.modules[f"{name}.celery"].app
        for task, more in (
            ("shop.mail", {}),
            ("shop.old", {}),
            ("shop.old", {"priority": 9}),
            ("shop.slow", {}),
        ):
            app.send_task(task, **more)
        for _ in range(2):
            assert celery_worker.unknown() == Counter({"shop.old": 2, "shop.slow": 1}), "nothing is taken out"
        app.pool.force_close_all()


def test_a_redis_that_is_not_there_is_told_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"queued{time.monotonic_ns()}"
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("SELFDEPLOY_SETTINGS", f"{name}.settings")
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()
    (tmp_path / name / "celery.py").write_text(APP.format(broker="redis://127.0.0.1:1/0"))
    answer = looking.queued_tasks()
    assert answer["messages"] == []
    assert answer["note"].startswith("(selfdeploy.I097) not looked into: Celery (Error 111 connecting to 127.0.0.1:1.")


def test_jobs_of_rq_are_counted_where_their_function_is_gone() -> None:
    from django.conf import settings

    with redis() as broker:
        queues = {"default": {"URL": broker}, "high": {"URL": broker}}
        apps = [*settings.INSTALLED_APPS, "django_rq"]
        with override_settings(RQ_QUEUES=queues), override_settings(INSTALLED_APPS=apps):
            from django_rq import get_queue

            get_queue("default").enqueue("os.getpid")
            get_queue("default").enqueue("shop.old")
            get_queue("high").enqueue("shop.old")
            assert rq_worker.unknown() == Counter({"shop.old": 2})
