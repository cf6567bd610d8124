"""The least that can be: `startproject`, and the app added. No git, no requirements, no variables."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from .conftest import MakeSite
from .controller import Controller, run
from .order import included
from .site import QUICK, Site


@pytest.fixture
def plain(controller: Controller) -> Iterator[Site]:
    """Only where it is to be deployed is set: the usual place and port may be somebody's."""
    site = Site(controller, NAME="plain")
    run(controller.python, "-m", "django", "startproject", "plain", str(_made(site)))
    place = {key: site.target[key] for key in ("ROOT", "PORT", "BIND", "START_AT_BOOT")}
    assert set(place) - {"ROOT", "PORT"} < set(QUICK)
    settings = (site.project / "plain/settings.py").read_text()
    settings = settings.replace("INSTALLED_APPS = [", 'INSTALLED_APPS = [\n    "django_selfdeploy",')
    site.write("plain/settings.py", f'{settings}\nSELFDEPLOY = {{"default": {place!r}}}\n')
    yield site
    site.close()


def _made(site: Site) -> str:
    site.project.mkdir()
    return str(site.project)


def test_it_deploys_with_nothing_else(plain: Site) -> None:
    done = plain.deploy()
    assert f"http://localhost:{plain.port}/admin/login/" in done.stdout
    for part in ("DEBUG is on", "SECRET_KEY", "ALLOWED_HOSTS is empty"):
        assert part in done.stdout
    login = plain.get("/admin/login/")
    assert (login.status, "Django administration" in login.text) == (200, True)
    [sheet] = re.findall(r'href="(/static/admin/css/base\.css)"', login.text)
    assert plain.get(sheet).headers["content-type"] == "text/css"
    _debug_is_off(plain)
    with closing(sqlite3.connect(plain.root / "shared/db.sqlite3")) as database:
        [(count,)] = database.execute("SELECT count(*) FROM django_selfdeploy_deployment")
    assert count == 1
    assert not (plain.project / "db.sqlite3").exists()
    assert plain.status()["healthy"]
    _a_second_deployment(plain)


def _debug_is_off(plain: Site) -> None:
    nothing = plain.get("/")
    assert nothing.status == 404
    assert "DEBUG" not in nothing.text
    assert "URLconf" not in nothing.text
    key = "from django.conf import settings; print(settings.SECRET_KEY, settings.DEBUG, settings.ALLOWED_HOSTS)"
    told = plain.manage("deploy_run", "shell", "--no-imports", "-c", key).stdout
    assert re.fullmatch(r"[A-Za-z0-9]{50,} False \[.*'localhost'.*\]\n", told), told


def _a_second_deployment(plain: Site) -> None:
    first = plain.current
    assert f"{first} is live already" in plain.deploy().stdout
    plain.append("plain/urls.py", "\n# another release\n")
    plain.deploy()
    assert plain.current > first
    assert included(plain) == {f"plain-{plain.current}.conf", "plain-front.conf"}
    plain.manage("deploy_rollback")
    assert plain.current == first


def test_a_folder_that_is_no_project(make_site: MakeSite) -> None:
    site = make_site()
    (site.project / "manage.py").unlink()
    done = site.call(site.controller.python, "-m", "django_selfdeploy", "deploy", check=False)
    assert (done.returncode, done.stderr.splitlines()[0]) == (3, "There is no manage.py here.")
