"""A deployment that waits in its tests until it is let on: time for others to come."""

from __future__ import annotations

from .running import Running
from .site import Site

TEST = """
import time
from pathlib import Path

from django.test import SimpleTestCase


class Gate(SimpleTestCase):
    def test_it_opens(self):
        deadline = time.monotonic() + 120
        while not Path({gate!r}).exists():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
"""


def held(site: Site) -> Running:
    """A deployment of a new commit that stands at its tests."""
    (site.folder / "gate").unlink(missing_ok=True)
    site.write("pages/tests/test_gate.py", TEST.format(gate=str(site.folder / "gate")))
    site.target["TESTS"] = ["pages.tests.test_gate"]
    site.change("Wait")
    running = site.begin("deploy")
    running.until_step("run the tests", action=1)
    return running


def let_on(site: Site) -> None:
    (site.folder / "gate").touch()
