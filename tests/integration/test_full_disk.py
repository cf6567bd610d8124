"""A disk that is full: refused in time, or taken back in the middle, and the live release goes on."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress

import pytest

from .conftest import MakeSite
from .controller import Controller
from .order import expect_in_order
from .probing import no_request_lost
from .scratch import small_disk
from .site import Site

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")


def crowd(site: Site) -> None:
    """Let no more than SPACE bytes be free."""
    with open(site.root / "filler", "ab") as file:
        os.posix_fallocate(file.fileno(), 0, free_bytes(site) - SPACE)


def fill(site: Site) -> None:
    """Let nothing be free."""
    with open(site.root / "filler", "ab", buffering=0) as file, suppress(OSError):
        while free := free_bytes(site):
            file.write(bytes(free))
        file.write(bytes(1 << 20))  # blocks that were freed meanwhile


def free_bytes(site: Site) -> int:
    disk = os.statvfs(site.root)
    return disk.f_bavail * disk.f_frsize


def empty_again(site: Site) -> None:
    (site.root / "filler").unlink()


def test_too_little_space_is_refused_in_time(make_site: MakeSite) -> None:
    site = make_site()
    with small_disk(site.root, 64):
        done = site.deploy(check=False)
        assert done.returncode == 4
        told = rf"CommandError: '{site.root}' has 6\d MB free, and this deployment needs 500 MB\.\nMake room, .*\n"
        assert re.fullmatch(told, done.stderr), done.stderr
        assert site.current == ""
        assert site.lock_is_free
        assert not (site.root / "releases").exists()


BEFORE_THE_SWITCH = [
    ("lay the source down", 3),
    ("look at the release", 1),
    ("write the configuration", 0),
    ("collect the static files", 1),
    ("migrate the database", 1),
]
SPACE = 30_000_000
"""Bytes that are free at first: enough for a release, and filled up in an instant."""

LATER = ["start the processes", "switch", "watch", "drain and stop the previous release"]


@pytest.fixture(scope="module")
def crowded(controller: Controller) -> Iterator[Site]:
    """A live site on a small disk, to which other data comes."""
    site = Site(controller, DISK_RESERVE=0, WATCH=0.5, READY_TIMEOUT=20)
    site.lay_down()
    with small_disk(site.root, 700):
        try:
            site.deploy()
            yield site
        finally:
            site.by_hand("stop", check=False)
    site.close()


@pytest.mark.parametrize(("step", "action"), BEFORE_THE_SWITCH)
def test_the_disk_is_full_before_the_switch(crowded: Site, step: str, action: int) -> None:
    site, old, before = crowded, crowded.current, crowded.releases
    site.write("pages/migrations/0006_buoy.py", MIGRATION)
    site.append("pages/static/pages/site.css", f"\n.{step.split()[0]} {{ color: red }}\n")
    site.commit("A buoy")
    crowd(site)
    with no_request_lost(site):
        running = site.begin("deploy")
        running.until_step(step, action=action)
        fill(site)
        code = running.end()
    empty_again(site)
    site.undo_commit()
    assert code in (4, 7, 9, 10, 11), running.story()
    assert re.search("No space left on device|disk is full|unable to open database file", running.error["message"]), (
        running.error
    )
    assert site.releases == before
    expect_in_order(site, live=old, status="failed")


@pytest.mark.parametrize("step", LATER)
def test_the_disk_is_full_when_little_is_left_to_be_written(crowded: Site, step: str) -> None:
    """Either release may be live in the end, and is whole; the next deployment puts the rest right."""
    site, old = crowded, crowded.current
    site.change()
    crowd(site)
    with no_request_lost(site):
        running = site.begin("deploy")
        running.until_step(step)
        fill(site)
        running.end()
    empty_again(site)
    assert site.serving == site.current
    site.deploy("--force")
    expect_in_order(site, live=site.current, status="succeeded")
    assert site.current > old


MIGRATION = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("pages", "0005_notice_title_unique")]
    # in the database alone: the models of the site do not have it
    made = migrations.CreateModel("Buoy", [("id", models.BigAutoField(primary_key=True))])
    operations = [migrations.SeparateDatabaseAndState(database_operations=[made])]
"""
