"""Real Celery with Redis: deployments in the middle of tasks lose none and repeat none, and beat never runs twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .brokers import redis
from .celery_site import GONE, CelerySite, Watcher
from .controller import Controller
from .site import Site
from .waiting import until

PROCESSES = {"clock": {"COMMAND": ["python", "manage.py", "clock"], "OVERLAP": False}, "huey": None}


@pytest.fixture(scope="module")
def celery(controller: Controller) -> Iterator[CelerySite]:
    """A live site, whose worker and beat were found."""
    site = Site(controller, FIND_PROCESSES=True, PROCESSES=PROCESSES)
    try:
        with redis() as broker:
            site.lay_down()
            made = CelerySite(site, broker)
            made.write_tasks("one", GONE)
            told = site.deploy().stdout
            assert "The process 'celery' runs `celery --app website.celery:app worker" in told
            assert "The process 'beat' runs `celery --app website.celery:app beat" in told
            yield made
    finally:
        site.close()


def test_deployments_and_a_rollback_lose_no_task_and_repeat_none(celery: CelerySite) -> None:
    site = celery.site
    first = site.current
    celery.give_later("pages.tasks.gone")
    with Watcher(celery) as watcher, celery.at_work():
        assert celery.code_of(celery.give(0.1)) == "one"
        over = celery.give(8)
        until((celery.marks / f"begun-{over}").exists, what="the long task has begun")
        celery.write_tasks("two")
        told = site.deploy().stdout
        assert (
            "(selfdeploy.W090) 1 task waits in Celery that this release does not have: 'pages.tasks.gone' (1)." in told
        )
        assert celery.code_of(over) == "one"
        assert celery.code_of(celery.give(0.1)) == "two"
        site.manage("deploy_rollback")
        assert site.current == first
        assert celery.code_of(celery.give(0.1)) == "one"
    celery.expect_all_done_once()
    celery.expect_one_beat_at_a_time()
    assert (watcher.most, watcher.looks > 100) == (1, True)


@pytest.mark.parametrize(
    ("step", "action", "fault"),
    [
        ("let the old workers take nothing more", 1, {"REFUSE": ["security.W004"]}),
        ("start the new workers", 2, {"PROCESSES": {**PROCESSES, "broken": {"COMMAND": ["false"]}}}),
    ],
)
def test_a_runner_that_is_killed_leaves_no_second_beat_and_the_next_one_brings_it_back(
    celery: CelerySite, step: str, action: int, fault: dict[str, Any]
) -> None:
    """The next one fails by a fault of its own, once before it begins with the workers, once when it has."""
    site, target = celery.site, dict(celery.site.target)
    with Watcher(celery) as watcher, celery.at_work():
        site.change()
        running = site.begin("deploy")
        running.until_step(step, action=action)
        running.kill_runner()
        assert running.end() == 13, running.story()
        site.target = {**target, **fault}
        assert site.deploy(check=False).returncode == (7 if "REFUSE" in fault else 11)
        site.target = target
        expected = {f"website-{site.current}-{name}" for name in ("web", "celery", "beat", "clock")}
        until(lambda: set(site.groups) == {*expected, "website-front"}, what="the live release's programs are back")
        until(lambda: set(site.groups.values()) == {"RUNNING"}, what="all of them run")
        assert len(celery.beats()) == 1
    celery.expect_all_done_once()
    celery.expect_one_beat_at_a_time()
    assert watcher.most == 1
