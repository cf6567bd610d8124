"""SIGKILL to the runner, and to the controller of the next deployment, at every step: visitors notice nothing.

A case strikes when a step, or one of its actions (from 1), is told to begin; a step of a millisecond may be over by
then, and the next one is struck. All cases share one site; each leaves it in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from . import processes
from .controller import Controller
from .order import expect_in_order
from .probing import no_request_lost
from .running import Running
from .site import Site
from .waiting import until

BEFORE_THE_SWITCH = [
    ("lay the source down", 0),
    ("lay the source down", 3),
    ("set the environment variables", 0),
    ("look at the release", 1),
    ("run the tests", 1),
    ("write the configuration", 0),
    ("check the configuration", 2),
    ("collect the static files", 2),
    ("migrate the database", 1),
    ("start the processes", 0),
    ("start the processes", 2),
    ("wait until they answer", 1),
]
FROM_THE_SWITCH_ON = [
    ("switch", 0),
    ("switch", 2),
    ("smoke test", 0),
    ("watch", 1),
    ("drain and stop the previous release", 1),
    ("drain and stop the previous release", 2),
    ("tidy up", 0),
]


@pytest.fixture(scope="module")
def site(controller: Controller) -> Iterator[Site]:
    """Two releases are kept, so that each deployment removes one."""
    site = Site(controller, KEEP=2, WATCH=0.2)
    try:
        site.lay_down()
        for message in ("one", "two"):
            site.change(message)
            site.deploy()
        yield site
    finally:
        site.close()


def change(site: Site, step: str) -> None:
    """Another release, that has this step to do, and takes its time for it."""
    site.change()
    site.target["TESTS"] = ["pages.tests.test_worker"] if step == "run the tests" else False
    if step == "tidy up":
        oldest = site.root / "releases" / site.releases[0]
        for number in range(10_000):
            (oldest / f"{number}").touch()
    if step == "migrate the database":
        number = 100 + len(site.git("log", "--format=%h").split())
        [before] = sorted(path.stem for path in (site.project / "pages/migrations").glob("0*.py"))[-1:]
        site.write(f"pages/migrations/0{number}_nothing.py", MIGRATION.format(before=before))
        site.commit("Migrate nothing, slowly")


@pytest.mark.parametrize(("step", "action"), BEFORE_THE_SWITCH)
def test_what_is_killed_before_the_switch_is_taken_back(site: Site, step: str, action: int) -> None:
    """What a killed runner left, the next one does; what its own controller left, a runner does by itself."""
    old, before = site.current, site.releases
    with no_request_lost(site):
        killed = kill_runner(site, step, action)
        assert site.serving == old
        kill_controller(site, step, action)
    expect_in_order(site, live=old, status="cancelled")
    assert site.journals[0]["error"]["message"] == "The controller went away before the switch."
    assert site.releases == before, "nobody may go back to what was killed"
    expect_closed(site, killed)


@pytest.mark.parametrize(("step", "action"), FROM_THE_SWITCH_ON)
def test_what_is_killed_from_the_switch_on_is_finished(site: Site, step: str, action: int) -> None:
    """What a killed runner left, the next one does; when its own controller is killed, a runner goes on by itself."""
    old = site.current
    with no_request_lost(site):
        killed = kill_runner(site, step, action)
        assert site.serving in (old, killed["release"])
        kill_controller(site, step, action)
    assert site.current > killed["release"]
    expect_in_order(site, live=site.current, status="succeeded")
    expect_closed(site, killed)


def test_the_next_deployment_succeeds(site: Site) -> None:
    killed = kill_runner(site, "collect the static files", 1)
    site.deploy()
    expect_in_order(site, live=site.current, status="succeeded")
    assert site.current > killed["release"]
    expect_closed(site, killed)


@pytest.mark.parametrize(("step", "action"), [("look at the release", 1), ("wait until they answer", 1)])
def test_ctrl_c_before_the_switch_takes_everything_back(site: Site, step: str, action: int) -> None:
    old = site.current
    with no_request_lost(site):
        running = begin(site, step, action)
        running.interrupt()
        assert running.end() == 130, running.story()
    assert running.error["message"] == "The deployment was called off."
    expect_in_order(site, live=old, status="cancelled")


def test_ctrl_c_after_the_switch_waits_for_the_end(site: Site) -> None:
    with no_request_lost(site):
        running = begin(site, "watch", 0)
        running.interrupt()
        assert running.end() == 0, running.story()
    expect_in_order(site, live=site.current, status="succeeded")


def begin(site: Site, step: str, action: int) -> Running:
    """A deployment of another release, which has just begun the step or its action."""
    change(site, step)
    running = site.begin("deploy")
    running.until_step(step, action=action)
    return running


def kill_runner(site: Site, step: str, action: int) -> dict[str, Any]:
    """The journal that the runner leaves, which nobody has closed."""
    running = begin(site, step, action)
    running.kill_runner()
    assert running.end() == 13, running.story()
    assert running.error["message"] == "The runner ended without a word."
    killed = site.journals[0]
    assert killed["status"] == "running"
    return killed


def kill_controller(site: Site, step: str, action: int) -> None:
    """Returns when the runner has ended too."""
    running = begin(site, step, action)
    runner = running.runner
    running.kill()
    until(lambda: not processes.is_alive(runner), what="the runner ends by itself")


def expect_closed(site: Site, killed: dict[str, Any]) -> None:
    """The next runner has written into the journal of the killed one that it was."""
    [closed] = [story for story in site.journals if story["id"] == killed["id"]]
    assert closed["status"] == "interrupted"
    assert closed["error"]["message"] == f"The runner was killed in {killed['steps'][-1]['name']!r}."


MIGRATION = """
import time
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("pages", "{before}")]
    operations = [migrations.RunPython(lambda apps, editor: time.sleep(0.3), migrations.RunPython.noop)]
"""
