"""Releases that break once they are live: the old one, which still runs, is brought back."""

from __future__ import annotations

import pytest

from .order import expect_in_order
from .site import Site

ONCE_LIVE = """

import os
import time
from django.http import HttpRequest as _Request, HttpResponse as _Response

_live_since = []


def _live_for() -> float:
    root, release = os.environ["SELFDEPLOY_ROOT"], os.environ["SELFDEPLOY_RELEASE"]
    if not os.readlink(f"{{root}}/current").endswith(release):
        return -1.0
    _live_since.append(time.monotonic())
    return _live_since[-1] - _live_since[0]


def home(request: _Request) -> _Response:
    seconds = _live_for()
    {statement}
    return _Response("fair weather")
"""


@pytest.mark.parametrize(
    ("statement", "message", "step"),
    [
        (
            "if seconds >= 0: raise RuntimeError('storm')",
            "The new release failed behind the front server; the old one is back. GET / was answered with 500.",
            "smoke test",
        ),
        (
            "if seconds > 0: raise RuntimeError('storm')",
            "The new release failed while it was watched; the old one is back. GET / was answered with 500.",
            "watch",
        ),
        (
            "if seconds > 0: os.kill(os.getppid(), 9)",
            "The new release failed while it was watched; the old one is back.",
            "watch",
        ),
    ],
    ids=["at-once", "after-a-while", "it-dies"],
)
def test_the_old_release_is_brought_back(site: Site, statement: str, message: str, step: str) -> None:
    old, before = site.current, site.releases
    site.target["WATCH"] = 6
    site.append("pages/views.py", ONCE_LIVE.format(statement=statement))
    site.commit("Break it later")
    running = site.begin("deploy")
    assert running.end() == 12, running.story()
    assert running.error["error"] == "SwitchedBack"
    assert running.error["message"].startswith(message), running.error
    assert any(event["event"] == "live" for event in running.heard)
    assert [s["name"] for s in site.journals[0]["steps"] if s["status"] == "failed"] == [step]
    expect_in_order(site, live=old, status="switched back")
    assert site.releases == before


def test_the_next_deployment_succeeds(site: Site) -> None:
    before = site.current
    site.change()
    site.deploy()
    assert site.current > before
    expect_in_order(site, live=site.current, status="succeeded")
