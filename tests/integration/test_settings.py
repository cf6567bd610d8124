"""Settings that say where a site is, and files that it writes: as visitors, nginx and the database server see them."""

from __future__ import annotations

import http.client
import re
import sys
from contextlib import ExitStack

import pytest

from .conftest import MakeSite
from .databases import Server
from .site import Site

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
    before = site.current
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
        counted = {site.get("/app/count/", host=WWW).text for _ in range(6)}
        assert counted == {"1", "2", "3", "4", "5", "6"}  # the workers share one table
    finally:
        site.manage("deploy_rollback", "--code-only")
    assert (site.current, site.get("/").status) == (before, 200)


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
    assert not (site.root / "releases" / site.current / "source/logs").exists()


def _rehearsed(site: Site) -> str:
    """What a dry run says, by the interpreter of the tests: it has the driver."""
    return site.call(sys.executable, "manage.py", "deploy", "--dry-run", check=True).stdout


def test_connections_are_counted_against_the_limit_of_the_server(make_site: MakeSite, postgres: Server) -> None:
    import psycopg

    name = postgres.create()
    postgres.execute("CREATE ROLE tight LOGIN CONNECTION LIMIT 12")
    site = make_site(env={"DATABASE_URL": f"postgres://tight@127.0.0.1:{postgres.port}/{name}"})
    told = (
        "(selfdeploy.W089) The server of 'default' takes 12 connections (CONNECTION LIMIT of the role), and 17 may be "
        "open: 2 workers with 4 threads, make 8, twice while two releases overlap, and 1 to deploy."
    )
    try:
        assert told in _rehearsed(site)
        with ExitStack() as stack:
            about = {"host": "127.0.0.1", "port": postgres.port, "user": "tight", "dbname": name}
            for _ in range(12):
                stack.enter_context(psycopg.connect(**about))  # type: ignore[arg-type]
            with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
                psycopg.connect(**about)  # type: ignore[arg-type]
        postgres.execute("ALTER ROLE tight CONNECTION LIMIT 17")
        assert "W089" not in _rehearsed(site)
    finally:
        postgres.drop(name)
        postgres.execute("DROP ROLE tight")
