"""SIGKILL to the runner, or to the controller, at every step: visitors notice nothing, and the next one heals.

A case strikes when a step, or one of its actions (from 1), is told to begin; a step of a millisecond may be over by
then, and the next one is struck. All cases share one site; each makes a release more, and leaves it in order.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import processes
from .controller import Controller
from .order import expect_in_order
from .probing import no_request_lost
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
EVERYWHERE = [*BEFORE_THE_SWITCH, *FROM_THE_SWITCH_ON]


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
        for number in range(10_000):
            (site.root / "releases" / site.releases[0] / f"{number}").touch()
    if step == "migrate the database":
        number = 100 + len(site.git("log", "--format=%h").split())
        [before] = sorted(path.stem for path in (site.project / "pages/migrations").glob("0*.py"))[-1:]
        site.write(f"pages/migrations/0{number}_nothing.py", MIGRATION.format(before=before))
        site.commit("Migrate nothing, slowly")


@pytest.mark.parametrize(("step", "action"), EVERYWHERE)
def test_the_runner_is_killed(site: Site, step: str, action: int) -> None:
    old = site.current
    change(site, step)
    with no_request_lost(site):
        running = site.begin("deploy")
        running.until_step(step, action=action)
        running.kill_runner()
        assert running.end() == 13, running.story()
        assert running.error["message"] == "The runner ended without a word."
        killed = site.journals[0]
        assert killed["status"] == "running"
        new = killed["release"]
        assert site.serving in (old, new)
        site.deploy("--force")
    expect_in_order(site, live=site.current, status="succeeded")
    assert site.current > new
    if (step, action) in BEFORE_THE_SWITCH:
        assert new not in site.releases, "nobody may go back to it"
    [closed] = [story for story in site.journals if story["id"] == killed["id"]]
    assert closed["status"] == "interrupted"
    assert closed["error"]["message"] == f"The runner was killed in {killed['steps'][-1]['name']!r}."


@pytest.mark.parametrize(("step", "action"), BEFORE_THE_SWITCH)
def test_the_controller_is_killed_before_the_switch(site: Site, step: str, action: int) -> None:
    """The runner takes everything back by itself."""
    old = site.current
    change(site, step)
    with no_request_lost(site):
        running = site.begin("deploy")
        running.until_step(step, action=action)
        runner = running.runner
        running.kill()
        until(lambda: not processes.is_alive(runner), what="the runner ends by itself")
    expect_in_order(site, live=old, status="cancelled")
    assert site.journals[0]["error"]["message"] == "The controller went away before the switch."


def test_the_next_deployment_succeeds(site: Site) -> None:
    site.deploy("--force")
    expect_in_order(site, live=site.current, status="succeeded")


@pytest.mark.parametrize(("step", "action"), FROM_THE_SWITCH_ON)
def test_the_controller_is_killed_from_the_switch_on(site: Site, step: str, action: int) -> None:
    """The runner goes on to the end by itself."""
    old = site.current
    change(site, step)
    with no_request_lost(site):
        running = site.begin("deploy")
        running.until_step(step, action=action)
        runner = running.runner
        running.kill()
        until(lambda: not processes.is_alive(runner), what="the runner ends by itself")
    assert site.current > old
    expect_in_order(site, live=site.current, status="succeeded")


@pytest.mark.parametrize(("step", "action"), [("look at the release", 1), ("wait until they answer", 1)])
def test_ctrl_c_before_the_switch_takes_everything_back(site: Site, step: str, action: int) -> None:
    old = site.current
    change(site, step)
    with no_request_lost(site):
        running = site.begin("deploy")
        running.until_step(step, action=action)
        running.interrupt()
        assert running.end() == 130, running.story()
    assert running.error["message"] == "The deployment was called off."
    expect_in_order(site, live=old, status="cancelled")


def test_ctrl_c_after_the_switch_waits_for_the_end(site: Site) -> None:
    change(site, "switch")
    with no_request_lost(site):
        running = site.begin("deploy")
        running.until_step("watch")
        running.interrupt()
        assert running.end() == 0, running.story()
    expect_in_order(site, live=site.current, status="succeeded")


MIGRATION = """
import time
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("pages", "{before}")]
    operations = [migrations.RunPython(lambda apps, editor: time.sleep(0.3), migrations.RunPython.noop)]
"""
