"""What a root in order is: the one thing that every test of a fault asserts at its end."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from .standing import Standing
from .waiting import until

HALF = (".tmp-", ".del-")
"""Beginnings of the names of half-written files and half-removed folders."""


def expect_in_order(site: Standing, *, live: str, status: str | None = None) -> None:
    """`live` answers and is all that runs, nothing half-done is left, and the newest journal has `status`."""
    assert site.current == live
    assert site.serving == live
    assert site.groups == {f"{site.name}-{live}-web": "RUNNING", f"{site.name}-front": "RUNNING"} or until(
        lambda: _running(site) == expected_groups(site, live), what=f"only {live} runs; there is {site.groups}"
    )
    assert site.lock_is_free
    assert [
        release for release in site.releases if not (site.root / "releases" / release / "release.json").exists()
    ] == []
    assert list(_half_done(site.root)) == []
    assert included(site) == {f"{site.name}-{live}.conf", f"{site.name}-front.conf"}
    assert [j["id"] for j in site.journals if j["status"] == "running"] == []
    if status is not None:
        assert site.journals[0]["status"] == status, json.dumps(site.journals[0], indent=1)


def expected_groups(site: Standing, live: str) -> set[str]:
    return {f"{site.name}-{live}-web", f"{site.name}-front"}


def included(site: Standing) -> set[str]:
    """The files that supervisord includes."""
    return set(os.listdir(site.root / "etc/programs"))


def _running(site: Standing) -> set[str]:
    """Groups, if all of them run."""
    groups = site.groups
    return set(groups) if set(groups.values()) == {"RUNNING"} else set()


def half_environments(site: Standing) -> list[str]:
    """Virtualenvs that an interrupted or failed installation left; nothing uses them, and the next one removes them."""
    return [env.name for env in (site.root / "envs").iterdir() if not (env / ".complete").exists()]


def _half_done(root: Path) -> Iterator[str]:
    for folder in (root, *(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())):
        yield from (f"{folder}/{name}" for name in os.listdir(folder) if name.startswith(HALF))
