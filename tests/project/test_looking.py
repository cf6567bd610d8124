"""What is seen on a host beside the settings: nothing is sent, and what cannot be read is not known."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path, set_script_prefix

from django_selfdeploy.project import agent, cache_tables, reading, script_name
from django_selfdeploy.project.consistency import looking
from django_selfdeploy.project.consistency.mail import SMTP, Mailer
from django_selfdeploy.project.consistency.surroundings import Limit, Surroundings

TABLE = {
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "kept_cache"},
    "memory": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_mail_server_of_this_host_is_asked_whether_it_is_there(listening: int) -> None:
    assert looking._answers(Mailer(SMTP, "127.0.0.1", listening)) is True
    assert looking._answers(Mailer(SMTP, "localhost", 1)) is False
    assert looking._answers(Mailer(SMTP, "mail.example.com", 25)) is None
    assert looking._answers(None) is None


@pytest.mark.parametrize(("name", "resets"), [("password_reset", True), ("home", False)])
def test_a_view_that_mails_passwords_is_found_by_its_name(name: str, resets: bool) -> None:
    with override_settings(ROOT_URLCONF=(path("x/", page, name=name),)):
        assert looking.sight().resets_passwords is resets


def test_the_settings_are_those_that_are_loaded() -> None:
    with override_settings(STATIC_URL="assets/", SITE_ID=3):
        found = looking.values()
    assert (found["STATIC_URL"], found["MEDIA_URL"], found["SITE_ID"]) == ("assets/", "", 3)
    assert set(found) == {*looking.NAMES, *looking.WRITTEN}


def test_a_sqlite_file_has_no_limit_and_no_site_is_asked_for_without_the_app(db: None) -> None:
    found = looking.sight_on_host({"default"})
    assert (found.limits, found.site, found.lacking, found.as_deployed) == ((), None, (), True)


class Answers:
    """A cursor that has the answers."""

    def __init__(self, *rows: Any) -> None:
        self.rows = list(rows)

    def execute(self, sql: str) -> None:
        pass

    def fetchall(self) -> Any:
        return self.rows


@pytest.mark.parametrize(
    ("row", "limit"),
    [
        ((100, 3, 0, False, -1, -1), Limit(97, "max_connections 100 less 3 reserved")),
        ((100, 3, 2, False, -1, -1), Limit(95, "max_connections 100 less 5 reserved")),
        ((100, 3, 0, True, 5, 5), Limit(100, "max_connections 100 less 0 reserved")),
        ((100, 3, 0, False, 5, -1), Limit(5, "CONNECTION LIMIT of the role")),
        ((100, 3, 0, False, 5, 4), Limit(4, "CONNECTION LIMIT of the database")),
    ],
)
def test_the_least_limit_of_postgresql_counts(row: tuple[Any, ...], limit: Limit) -> None:
    assert min(looking._of_postgres(Answers(row)), key=lambda one: one.count) == limit


@pytest.mark.parametrize(
    ("row", "limit"),
    [((151, 0), Limit(151, "max_connections 151")), ((151, 20), Limit(20, "max_user_connections"))],
)
def test_the_least_limit_of_mariadb_counts(row: tuple[Any, ...], limit: Limit) -> None:
    assert min(looking._of_mysql(Answers(row)), key=lambda one: one.count) == limit


def test_a_limit_that_may_not_be_read_is_not_known(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(cursor: Any) -> list[Limit]:
        raise DatabaseError("permission denied")

    monkeypatch.setattr(looking, "_of_postgres", refused)
    monkeypatch.setattr(connection, "vendor", "postgresql")
    assert looking.limit_of("default") is None


def test_the_table_of_a_cache_is_missed_and_made(db: None) -> None:
    with override_settings(CACHES=TABLE):
        assert cache_tables.missing({"default"}) == ("default",)
        assert cache_tables.missing(()) == ("default",)
        assert cache_tables.create(databases=["default"]) == {"note": "1 cache table made"}
        assert cache_tables.missing({"default"}) == ()
        assert cache_tables.create(databases=["default"]) == {"note": "0 cache tables made"}
        caches["default"].set("a", 1)
        assert caches["default"].get("a") == 1
    assert cache_tables.missing({"default"}) == ()


def test_a_site_below_a_path_is_asked_for_pages_below_it(db: None) -> None:
    below = {"FORCE_SCRIPT_NAME": "/app", "ROOT_URLCONF": (path("", page, name="home"), path("about/", page))}
    set_script_prefix("/app")
    try:
        with override_settings(**below):
            found = reading.read()
            explained = agent.explain(path="/app/about/", host="localhost", https=False)
            outside = agent.explain(path="/apple/", host="localhost", https=False)
    finally:
        set_script_prefix("/")
    assert (found.probe_path, found.pages) == ("/app/", ("/app/", "/app/about/"))
    assert explained == {"why": "Asked within Django, /app/about/ answers with 200."}
    assert outside == {"why": "Beside /app/ there is no page of the site."}


@pytest.mark.parametrize(
    ("script", "asked", "rest"),
    [
        (None, "/a/", "/a/"),
        ("", "/a/", "/a/"),
        ("/app", "/app/a/", "/a/"),
        ("/app/", "/app/", "/"),
        ("/app", "/ap/", ""),
    ],
)
def test_what_is_below_the_script_name(script: str | None, asked: str, rest: str) -> None:
    with override_settings(FORCE_SCRIPT_NAME=script):
        assert script_name.below(asked) == rest


def test_the_facts_tell_what_does_not_fit_unless_it_is_silenced(db: None) -> None:
    wrong = {"ALLOWED_HOSTS": ["www.example.com:80"], "FORCE_SCRIPT_NAME": "/app/"}
    with override_settings(**wrong):
        found = reading.read(around=Surroundings())
        assert [one.id for one in found.messages if one.id.startswith("selfdeploy.")] == ["selfdeploy.E060"]
        assert [one for one in reading.read().messages if one.id.startswith("selfdeploy.")] == []
        assert found.script_name == "/app"
    with override_settings(**wrong, SILENCED_SYSTEM_CHECKS=["selfdeploy.E060"]):
        found = reading.read(around=Surroundings(), dry=True)
    assert [one for one in found.messages if one.id.startswith("selfdeploy.")] == []
