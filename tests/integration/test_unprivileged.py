"""No root needed: everything as an ordinary user, whose rights end where those of others begin."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .controller import make_controller, short_folder
from .order import expect_in_order
from .probing import no_request_lost
from .site import Site

USER = "nobody"
PYTHON = "/usr/bin/python3"

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user"),
    pytest.mark.skipif(not Path(PYTHON).exists(), reason=f"no {PYTHON}, which other users may run"),
]


@pytest.fixture(scope="module")
def site(wheel: Path) -> Iterator[Site]:
    """A site of a user who has a folder, and no other right."""
    folder = short_folder()
    site = Site(make_controller(folder, wheel, python=PYTHON), user=USER)
    site.group = pwd.getpwnam(USER).pw_gid
    site.variables.update(HOME=str(site.folder), USER=USER, LOGNAME=USER, UV_CACHE_DIR=str(site.folder / "cache"))
    site.lay_down()
    for path in (site.folder, *site.folder.rglob("*")):
        shutil.chown(path, USER, site.group)
    yield site
    site.close()
    shutil.rmtree(folder)


def test_an_ordinary_user_deploys(site: Site) -> None:
    site.deploy()
    first = site.current
    expect_in_order(site, live=first, status="succeeded")
    site.change()
    with no_request_lost(site):
        site.deploy()
    assert site.current > first
    expect_in_order(site, live=site.current, status="succeeded")


def test_a_file_that_may_not_be_read_is_named(site: Site) -> None:
    live = site.current
    secret = site.project / "pages/views.py"
    secret.chmod(0)
    shutil.chown(secret, "root")
    refused = site.deploy("--allow-dirty", check=False)
    shutil.chown(secret, USER)
    secret.chmod(0o644)
    assert refused.returncode == 5, refused.stderr
    assert "pages/views.py" in refused.stderr.splitlines()[0]
    expect_in_order(site, live=live)


def test_a_root_of_somebody_else_is_refused(site: Site) -> None:
    foreign = site.folder / "foreign"
    foreign.mkdir(mode=0o755)
    target = dict(site.target)
    site.target["ROOT"] = str(foreign)
    refused = site.deploy(check=False)
    site.target = target
    assert refused.returncode == 4, refused.stderr
    assert refused.stderr.splitlines()[0].startswith("CommandError: ")
    assert "Permission denied" in refused.stderr.splitlines()[0]
    assert str(foreign) in refused.stderr
    assert list(foreign.iterdir()) == []
    expect_in_order(site, live=site.current)


def test_a_root_made_by_another_user_is_refused(site: Site) -> None:
    """Root deployed there once by mistake: what it made cannot be changed, and that is said."""
    live = site.current
    releases = site.root / "releases"
    shutil.chown(releases, "root")
    refused = site.deploy("--force", check=False)
    shutil.chown(releases, USER)
    assert refused.returncode == 4, refused.stderr
    assert f"'{releases}" in refused.stderr
    assert "See who owns it with `ls -ld`, and deploy as the user that made the root." in refused.stderr
    expect_in_order(site, live=live, status="failed")
