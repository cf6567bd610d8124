"""Settings that say where a site is, and files that it writes: as visitors, nginx and the database server see them."""

from __future__ import annotations

import http.client
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from django_selfdeploy.project.consistency import looking
from django_selfdeploy.project.consistency.surroundings import Sight
from tests.comparing import ids

from .databases import Server
from .site import Site
from .test_backups import configured

ELSEWHERE = """
ALLOWED_HOSTS = ["example.com", "www.example.com", "localhost"]
PREPEND_WWW = True
FORCE_SCRIPT_NAME = "/app"
STATIC_URL = "assets/v1/static/"
MEDIA_URL = "assets/v1/static/media/"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "kept"}}
LOGGING["handlers"]["file"] = {
    "class": "logging.handlers.RotatingFileHandler",
    "filename": BASE_DIR / "logs/site.log",
    "maxBytes": 1000,
    "backupCount": 9,
}
LOGGING["root"]["handlers"].append("file")
"""
COUNTING = """
from django.core.cache import cache
from django.http import HttpResponse
from django.urls import path as _path


def _count(request):
    cache.add("count", 0)
    return HttpResponse(str(cache.incr("count")))


urlpatterns = [_path("count/", _count), *urlpatterns]
"""
WWW = "www.example.com"


def test_a_site_below_a_path_with_files_of_its_own(site: Site) -> None:
    site.append("website/settings.py", ELSEWHERE)
    site.append("website/urls.py", COUNTING)
    site.write("logs/.gitignore", "*.log*\n")
    site.commit("Move below a path")
    done = site.deploy()
    try:
        assert f"http://{WWW}:{site.port}/app/" in done.stdout
        _is_below_the_path(site)
        _has_both_names(site)
        _writes_its_log(site)
        counted = [int(site.get("/app/count/", host=WWW).text) for _ in range(6)]
        assert counted == [counted[0] + number for number in range(6)]  # the workers share one table
    finally:
        site.undo_commit()
        site.change("Move back")
        site.deploy()
    assert site.get("/").status == 200
    assert (site.root / "log/project/site.log").exists()  # it outlives every release
    shutil.rmtree(site.root / "log/project")


def _is_below_the_path(site: Site) -> None:
    front = site.get("/app/", host=WWW)
    [sheet] = re.findall(r'href="(/app/assets/v1/static/pages/site\.[0-9a-f]{12}\.css)"', front.text)
    assert site.get(sheet, host=WWW).headers["cache-control"].endswith("immutable")
    (site.root / "shared/media/letter.txt").write_text("dear visitor\n")
    assert site.get("/app/assets/v1/static/media/letter.txt", host=WWW).text == "dear visitor\n"
    assert site.get("/app/admin/", host=WWW).headers["location"].startswith("/app/admin/login/")
    assert site.get("/", host=WWW).headers["location"] == "/app/"
    for path in ("/about/", "/static/pages/site.css", "/apple/"):
        assert site.get(path, host=WWW).status == 404


def _has_both_names(site: Site) -> None:
    sent = site.get("/app/about/?a=b", host="example.com")
    assert (sent.status, sent.headers["location"]) == (301, f"http://{WWW}/app/about/?a=b")
    with pytest.raises((http.client.BadStatusLine, ConnectionError)):
        site.get("/app/", host="evil.example")


def _writes_its_log(site: Site) -> None:
    asked = [f"/app/nothing-{number:03}/" for number in range(60)]
    assert {site.get(path, host=WWW).status for path in asked} == {404}
    kept = site.root / "log/project"
    written = "".join(path.read_text() for path in kept.iterdir())
    assert [path for path in asked if path not in written] == []
    assert len(list(kept.iterdir())) > 1
    assert asked[-1] in site.manage("deploy_logs", "-n", "200", "site").stdout
    assert not (site.root / "releases" / site.current / "source/logs/site.log").exists()


LIMITED = {
    "postgresql": ("CREATE ROLE tight LOGIN", "ALTER ROLE tight CONNECTION LIMIT {}", "DROP ROLE tight"),
    "mysql": (
        "CREATE USER tight@'127.0.0.1'",
        "ALTER USER tight@'127.0.0.1' WITH MAX_USER_CONNECTIONS {}",
        "DROP USER tight@'127.0.0.1'",
    ),
}


@pytest.fixture(params=["postgres", "mariadb"])
def limit(request: pytest.FixtureRequest) -> Iterator[Callable[[int], dict[str, Any]]]:
    """Gives a role of a real server so many connections; how Django reaches the server as that role."""
    server: Server = request.getfixturevalue(request.param)
    kind = "postgresql" if server.vendor == "postgresql" else "mysql"
    create, alter, drop = LIMITED[kind]
    name = server.create()
    server.execute(create, *(() if kind == "postgresql" else (f"GRANT ALL ON {name}.* TO tight@'127.0.0.1'",)))

    def give(count: int) -> dict[str, Any]:
        server.execute(alter.format(count))
        return {**server.settings(name), "USER": "tight"}

    yield give
    server.drop(name)
    server.execute(drop)


def test_a_server_refuses_what_is_above_the_limit_that_is_told(limit: Callable[[int], dict[str, Any]]) -> None:
    for count, told in ((16, ["W089"]), (17, [])):
        reached = limit(count)
        with configured(tight=reached):
            found = looking.limit_of("tight")
            connections["tight"].close()
            assert found is not None
            assert found.count == count
            seen = Sight(shows_errors=True, limits=(("tight", found),))
            assert ids(seen=seen, DATABASES={"tight": reached}) == told
            with ExitStack() as stack:
                for _ in range(count):
                    stack.callback(_opened().close)
                with pytest.raises(OperationalError, match=r"too many connections for role|max_user_connections"):
                    _opened()


def _opened() -> BaseDatabaseWrapper:
    connection = connections["tight"].copy()
    connection.ensure_connection()
    return connection
