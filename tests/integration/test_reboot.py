"""After a power cut, and when the project itself does not load any more."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from . import processes
from .order import expect_in_order
from .probing import no_request_lost
from .site import Site
from .waiting import until


def power_cut(site: Site) -> None:
    """Every process of the site ends at once, with no chance to remove its socket or pid file."""
    pids = processes.belonging_to(site.root)
    for pid in pids:
        processes.kill(pid)
    until(lambda: not any(map(processes.is_alive, pids)), what="everything ends")
    with pytest.raises(ConnectionRefusedError):
        site.get("/")


def test_the_site_starts_again_after_a_power_cut(site: Site) -> None:
    live = site.current
    power_cut(site)
    assert site.by_hand("status", check=False).returncode == 1
    site.by_hand("start")
    until(lambda: site.is_well, what="the site answers")
    expect_in_order(site, live=live)
    assert site.by_hand("status").returncode == 0


def test_a_deployment_after_a_power_cut_starts_everything(site: Site) -> None:
    power_cut(site)
    site.change()
    site.deploy()
    expect_in_order(site, live=site.current, status="succeeded")


def test_a_power_cut_in_the_middle_of_a_deployment(site: Site) -> None:
    old = site.current
    site.change()
    running = site.begin("deploy")
    running.until_step("wait until they answer")
    power_cut(site)
    running.kill()
    site.by_hand("start")
    until(lambda: site.is_well, what="the site answers")
    assert site.serving == old
    site.deploy()
    assert site.current > old
    expect_in_order(site, live=site.current, status="succeeded")


def test_status_and_rollback_by_hand_need_no_settings(site: Site) -> None:
    one = site.current
    site.change()
    site.deploy()
    two = site.current
    for project in (site.project, site.root / "releases" / one / "source", site.root / "releases" / two / "source"):
        replace(project / "website/settings.py", "this is no Python\n")
    assert site.manage("deploy_status", check=False).returncode == 1
    told = site.by_hand("status").stdout
    assert (f"release   {two}" in told, "healthy   yes" in told) == (True, True), told
    replace(site.root / "releases" / one / "source/website/settings.py", (site.git("show", "HEAD:website/settings.py")))
    with no_request_lost(site):
        site.by_hand("rollback")
    expect_in_order(site, live=one, status="succeeded")
    words = (site.controller.python, "-m", "django_selfdeploy", "status", "--root", str(site.root))
    assert f"release   {one}" in site.call(*words, check=True).stdout


def replace(path: Path, text: str) -> None:
    """Put another file there: releases share files that did not change."""
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)
