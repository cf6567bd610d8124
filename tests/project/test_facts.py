"""The facts of the project whose settings are loaded; its answers in a process of their own."""

import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from django.conf import settings
from django.core import checks
from django.db.migrations.state import ProjectState
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path

from django_selfdeploy.core.errors import ReleaseError
from django_selfdeploy.core.secret import Secret
from django_selfdeploy.project import agent, applying, creating, dry, history, pending, reading
from django_selfdeploy.project.adjustment import Adjustment
from django_selfdeploy.project.facts import Message, Pending, ProjectFacts
from django_selfdeploy.project.limits import Limits
from django_selfdeploy.project.safety.findings import harmless, judgement
from tests.making import facts


def page(request: HttpRequest) -> HttpResponse:
    if request.GET.get("fail"):
        raise ZeroDivisionError("division by zero")
    return HttpResponse(request.scheme)


urlpatterns: list[Any] = []

WITH_ADMIN = settings.ROOT_URLCONF


@pytest.fixture
def read(db: None) -> Iterator[ProjectFacts]:
    yield reading.read()


def test_the_facts_of_the_tests_own_project(read: ProjectFacts) -> None:
    assert (read.application, read.allowed_hosts, read.prepend_www, read.ssl_redirect) == (
        "",
        tuple(settings.ALLOWED_HOSTS),
        False,
        False,
    )
    assert (read.static_url, read.serves_static, read.media_url, read.serves_media) == ("/static/", True, "", False)
    assert (read.probe_path, read.databases, read.pending) == ("/admin/login/", {"default": "sqlite"}, ())
    assert read.versions["django"] == django.get_version()
    assert read.test_runner == "pytest"
    assert {message.id.partition(".")[0] for message in read.messages} == {"security"}


def test_facts_travel_as_json_and_come_back_equal() -> None:
    made = facts(messages=(Message(logging.WARNING, "security.W004", "HSTS is off.", "Set it."),))
    assert ProjectFacts.from_json(json.loads(json.dumps(made.to_json()))) == made


@pytest.mark.parametrize(
    ("given", "application"),
    [("mysite.wsgi.application", "mysite.wsgi:application"), ("a.b.c.d", "a.b.c:d"), (None, ""), ("", "")],
)
def test_the_application_is_named_as_servers_want_it(given: str | None, application: str) -> None:
    with override_settings(WSGI_APPLICATION=given):
        assert reading._application() == application


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ([path("", page, name="home"), path("admin/", page)], "/"),
        ([path("b/", page, name="b"), path("a/", page, name="a")], "/a/"),
        ([path("<int:number>/", page, name="a"), path("z/", page, name="z")], "/z/"),
        ([path("unnamed/", page)], ""),
        ([], ""),
    ],
)
def test_the_probe_asks_for_a_page_without_parameters(
    patterns: list[Any], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "urlpatterns", patterns)
    with override_settings(ROOT_URLCONF=_fresh(patterns)):
        assert reading._probe_path() == expected


def _fresh(patterns: list[Any]) -> Any:
    """A URLconf: a tuple is one too, and is never cached under the name of a module."""
    return tuple(patterns)


@pytest.mark.parametrize(
    ("changes", "serves"),
    [
        ({}, True),
        ({"STATIC_URL": None}, False),
        ({"STATIC_URL": "https://cdn.example/"}, False),
        ({"INSTALLED_APPS": ["django.contrib.contenttypes"]}, False),
        ({"MIDDLEWARE": ["whitenoise.middleware.WhiteNoiseMiddleware"]}, False),
    ],
)
def test_static_files_are_served_here_where_they_are_files_of_ours(changes: dict[str, Any], serves: bool) -> None:
    with override_settings(**changes):
        assert reading._serves_static() is serves


@pytest.mark.parametrize(
    ("url", "media_url", "serves"),
    [("media/", "/media/", True), ("https://cdn.example/m/", "https://cdn.example/m/", False), ("", "", False)],
)
def test_media_are_served_here_where_the_project_has_any(db: None, url: str, media_url: str, serves: bool) -> None:
    with override_settings(MEDIA_URL=url, MEDIA_ROOT="/srv/media"):
        found = reading.read()
    assert (found.media_url, found.serves_media, found.media_root) == (media_url, serves, "/srv/media")


ADJUSTED = tuple(Adjustment(number, f"found {number}.", f"instead {number}.", "hint", {}) for number in (0, 1, 3, 4))


def test_what_was_put_right_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with override_settings(SELFDEPLOY_ADJUSTMENTS=ADJUSTED):
        assert reading._adjusted() == (
            Message(checks.WARNING, "selfdeploy.W001", "found 1. instead 1.", "hint"),
            Message(checks.WARNING, "selfdeploy.W003", "found 3. instead 3.", "hint"),
            Message(checks.INFO, "selfdeploy.I004", "found 4. instead 4.", "hint"),
        )
        monkeypatch.setenv("SELFDEPLOY_ADJUST", "0")
        assert reading._adjusted()[2] == Message(checks.ERROR, "selfdeploy.E004", "found 4.", "hint")


def test_checks_are_told_unless_they_are_silenced_or_our_own(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    told = [
        checks.Error("broken", hint="mend", id="shop.E001"),
        checks.Warning("odd", id="shop.W001"),
        checks.Error("ours", id="selfdeploy.E001"),
        checks.Info("no id"),
    ]
    monkeypatch.setattr(reading.checks, "run_checks", lambda **options: told)
    with override_settings(SILENCED_SYSTEM_CHECKS=["shop.W001"]):
        assert reading._checked() == (
            Message(checks.ERROR, "shop.E001", "broken", "mend"),
            Message(checks.INFO, "", "no id", ""),
        )


def test_conflicting_migrations_are_an_error_and_none_are_pending(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    conflicts = {"pages": ["0002_a", "0002_b"]}
    monkeypatch.setattr(history.MigrationLoader, "detect_conflicts", lambda self: conflicts)
    found = reading.read()
    assert [one for one in found.messages if one.id == "selfdeploy.E007"] == [
        Message(
            checks.ERROR,
            "selfdeploy.E007",
            "The migrations of 'pages' have more than one last one: 0002_a, 0002_b.",
            "Run `manage.py makemigrations --merge`, commit, and deploy again.",
        ),
    ]
    assert found.pending == ()


def test_pending_migrations_are_told_with_what_they_do(_tables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending.MigrationExecutor, "migration_plan", _everything_of("sessions"))
    monkeypatch.setattr(pending, "is_new", lambda alias: False)
    monkeypatch.setattr(pending, "_state", lambda executor: ProjectState())
    [plain] = pending.read_pending(sql=False)
    known = "No code that runs knows the table."
    judged = (judgement("Create model Session", (harmless(known),)),)
    assert plain == Pending("default", "sessions", "0001_initial", ("Create model Session",), True, judgements=judged)
    [told] = pending.read_pending(sql=True)
    assert any("CREATE TABLE" in line for line in told.sql)


def _everything_of(app: str) -> Any:
    def plan(self: Any, targets: Any, clean_start: bool = False) -> Any:
        return [(one, False) for key, one in self.loader.disk_migrations.items() if key[0] == app]

    return plan


def test_a_sqlite_database_that_is_not_there_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = reading.connections["default"]
    monkeypatch.setitem(connection.settings_dict, "NAME", f"{tmp_path}/new.db")
    assert history.is_new("default")
    apps = {one.app for one in pending.read_pending(sql=True)}
    assert {"auth", "sessions", "django_selfdeploy"} <= apps
    assert os.listdir(tmp_path) == []


def test_packages_that_are_not_there_have_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise reading.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(reading.importlib.metadata, "version", missing)
    assert (list(reading._versions()), reading._test_runner()) == (["python"], "")


# the process that answers


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Asks a process of its own, which is what the answers are forked from."""

    def asked(*questions: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
        reading_end, writing_end = os.pipe()
        lines = [json.dumps(question) for question in questions]
        monkeypatch.setattr(agent.connections, "close_all", lambda: None)
        agent.serve(writing_end, lines, more)  # type: ignore[arg-type]
        with os.fdopen(reading_end) as stream:
            return [json.loads(line) for line in stream]

    return asked


def test_each_question_has_one_answer(ask: Any) -> None:
    questions = [{"question": "double", "number": number} for number in (2, 3)]
    assert ask(*questions, double=lambda number: 2 * number) == [{"answer": 4}, {"answer": 6}]


def test_an_answer_that_fails_harms_nobody(ask: Any) -> None:
    def fail() -> None:
        raise KeyError("x")

    first, second = ask({"question": "fail"}, {"question": "fine"}, fail=fail, fine=lambda: "yes")
    assert (first["error"], second) == ("KeyError: 'x'", {"answer": "yes"})
    assert "in fail\n" in first["output"]


def test_an_answer_that_ends_the_process_is_told(ask: Any) -> None:
    first, second = ask({"question": "exit"}, {"question": "die"}, exit=lambda: sys.exit("no more"), die=_die)
    assert first["error"] == "SystemExit: no more"
    assert second == {"error": "The process ended with status 7."}


def _die() -> None:
    os._exit(7)


def test_facts_are_asked_in_the_process_itself(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "read", lambda sql, **more: facts(probe_path=f"/{os.getpid()}/{sql}/"))
    [answer] = ask({"question": "facts", "sql": True})
    assert answer["answer"]["probe_path"] == f"/{os.getpid()}/True/"


def test_facts_that_cannot_be_read_are_an_error(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**arguments: Any) -> None:
        raise ImportError("No module named 'shop'")

    monkeypatch.setattr(reading, "read", broken)
    [answer] = ask({"question": "facts"})
    assert answer["error"] == "ImportError: No module named 'shop'"


def test_why_a_page_fails_is_explained(db: None) -> None:
    with override_settings(ROOT_URLCONF=_fresh([path("", page)])):
        failing = agent.explain(path="/?fail=1", host="localhost", https=False)
        assert "ZeroDivisionError: division by zero\n" in failing["why"]
        fine = agent.explain(path="/", host="localhost", https=True)
        gone = agent.explain(path="/none/", host="localhost", https=False)
        refused = agent.explain(path="/", host="evil.example", https=False)
    assert fine == {"why": "Asked within Django, / answers with 200."}
    assert gone == {"why": "Asked within Django, /none/ answers with 404."}
    assert refused == {"why": "Asked within Django, / answers with 400."}


def test_a_servers_own_check_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    (tmp_path / "made_up_server.py").write_text("import sys\nsys.exit(int(sys.argv[1]))\n")
    assert agent.check_server(argv=["made_up_server", "0"]) == {}
    with pytest.raises(agent.Refused) as caught:
        agent.check_server(argv=["made_up_server", "3"])
    assert str(caught.value) == "`made_up_server` ended with status 3 when it checked its configuration."


def test_the_folder_of_a_sqlite_file_that_is_kept_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = agent.connections["default"]
    monkeypatch.setitem(connection.settings_dict, "NAME", f"{tmp_path}/shared/data/db.sqlite3")
    creating.create_databases(admin="", wait=0, tests=False)
    assert os.listdir(tmp_path) == []
    monkeypatch.setenv("SELFDEPLOY_SHARED", f"{tmp_path}/shared")
    creating.create_databases(admin="", wait=0, tests=False)
    assert os.listdir(tmp_path / "shared") == ["data"]


# before anything is on the host


def test_a_project_that_does_not_load_is_told_with_its_last_lines(tmp_path: Path) -> None:
    (tmp_path / "manage.py").write_text("import nothing_of_this_name\n")
    constants = {"SELFDEPLOY_SHARED": str(tmp_path)}
    with pytest.raises(ReleaseError) as caught:
        dry.facts(constants, code=tmp_path, project=tmp_path, variables=None, admin="", sql=False)
    lines = caught.value.message.splitlines()
    assert (lines[0], lines[-1]) == (
        "The project does not load: It says nothing.",
        "    ModuleNotFoundError: No module named 'nothing_of_this_name'",
    )
    assert caught.value.hint == "Mend what the last lines name; variables belong into the target's .env."


ANSWERING = """
import json, os, sys
question = json.loads(sys.stdin.readline())
seen = {name: os.environ.get(name) for name in ("SELFDEPLOY_PROJECT", "SELFDEPLOY_CODE", "COLOUR")}
fields = json.loads(open("facts.json").read())
fields["databases"] = {**{k: str(v) for k, v in seen.items()}, "question": json.dumps(question)}
os.write(int(sys.argv[2]), json.dumps({"answer": fields}).encode() + b"\\n")
"""


def test_the_facts_of_a_work_tree_are_read_under_the_targets_environment(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/manage.py").write_text(ANSWERING)
    (tmp_path / "site/facts.json").write_text(json.dumps(facts().to_json()))
    found = dry.facts(
        {"SELFDEPLOY_SHARED": str(tmp_path)},
        code=tmp_path,
        project=tmp_path / "site",
        variables=Secret("COLOUR=green\n"),
        admin="",
        sql=True,
    )
    assert found.databases == {
        "SELFDEPLOY_PROJECT": f"{tmp_path}/site",
        "SELFDEPLOY_CODE": str(tmp_path),
        "COLOUR": "green",
        "question": '{"question": "facts", "sql": true}',
    }
    assert ProjectFacts(**{**found.__dict__, "databases": {"default": "sqlite"}}) == facts()


def test_what_is_asked_for_is_applied_within_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []
    monkeypatch.setattr(os, "umask", lambda mask: 0)
    monkeypatch.setattr(applying, "apply", lambda *asked: called.append(asked) or {"applied": []})
    only = {"default": ["pages.0001_initial"]}
    assert agent.migrate(only=only, lock_timeout=1.0, statement_timeout=60.0, tries=2) == {"applied": []}
    assert called == [(only, Limits(1.0, 60.0, 2))]
