"""The journals of a root become rows, once each, whatever strangers wrote into them."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, connections
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext, override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import django_selfdeploy
from django_selfdeploy.models import Deployment, DeploymentHost, DeploymentStep
from django_selfdeploy.tell.record import Imported, import_journals
from tests.stories import HARMLESS, HOSTILE, ID, STEPS, story, write

pytestmark = pytest.mark.usefixtures("db")

LOG = """\
== 1 stage: take the source (done, 0.200 s)
214 files
3 files sent

== 2 stage: load the release (done, 0.700 s)

== 3 activate: migrate (done, 0.300 s)
Applying pages.0005... OK

== 4 switch: switch (done, 0.003 s)

== 5 finish: remove old releases (done, 0.400 s)

warning: There is no backup.
"""


def rows() -> list[dict[str, Any]]:
    models = (Deployment, DeploymentHost, DeploymentStep)
    return [model_to_dict(row) for model in models for row in model._default_manager.all()]


def utc(*words: int) -> datetime:
    return datetime(*words, tzinfo=timezone.utc)


def test_a_journal_becomes_one_row_with_all_that_it_says(tmp_path: Path) -> None:
    write(tmp_path)
    assert import_journals(tmp_path) == Imported(created=1, updated=0, skipped=())
    row = model_to_dict(Deployment.objects.get(), exclude=("id", "digest"))
    assert row == {
        "identity": ID,
        "kind": "deploy",
        "target": "default",
        "release": ID,
        "previous": "20261121-164210-9f01c2aa",
        "commit": "4be1d0c7a1f0e2b3c4d5e6f708192a3b4c5d6e7f",
        "subject": "Keep the words of an entry",
        "who": "ada",
        "host": "web1.example.com",
        "status": "succeeded",
        "started": utc(2026, 11, 22, 10, 11, 12, 120000),
        "finished": utc(2026, 11, 22, 10, 11, 14, 120000),
        "live_after": 1.503,
        "duration": 2.0,
        "error": "",
        "error_message": "",
        "error_hint": "",
        "error_code": None,
        "warnings": ["There is no backup."],
        "versions": {"django": "5.2.19", "python": "3.12.1"},
        "configuration": {"KEEP": 5, "APP_SERVER": {"BACKEND": "gunicorn"}},
        "options": story()["options"],
        "migrations": None,
        "log": LOG,
    }


def test_the_steps_follow_in_their_order(tmp_path: Path) -> None:
    write(tmp_path)
    import_journals(tmp_path)
    steps = [model_to_dict(step, exclude=("id", "deployment")) for step in Deployment.objects.get().steps.all()]
    assert steps == [{**step, "host": "web1.example.com"} for step in STEPS]


def test_an_error_is_kept_with_what_to_do_next(tmp_path: Path) -> None:
    error = {"error": "NotReady", "message": "It answers 500.", "hint": "See its log.", "exit_code": 11}
    write(tmp_path, status="failed", error=error, warnings=[], steps=[])
    import_journals(tmp_path)
    row = Deployment.objects.get()
    assert (row.error, row.error_message, row.error_hint, row.error_code) == tuple(error.values())
    assert row.log == "error: It answers 500.\nSee its log.\n"


def test_a_second_import_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path)
    import_journals(tmp_path)
    before = rows()
    assert import_journals(tmp_path) == Imported(created=0, updated=0, skipped=())
    assert rows() == before


def test_what_was_running_is_brought_up_to_date_when_it_has_ended(tmp_path: Path) -> None:
    running = [{**STEPS[0], "status": "running", "seconds": None}]
    write(tmp_path, status="running", finished=None, seconds=None, live_after=None, steps=running)
    import_journals(tmp_path)
    first = Deployment.objects.get()
    write(tmp_path)
    assert import_journals(tmp_path) == Imported(created=0, updated=1, skipped=())
    row = Deployment.objects.get()
    assert (row.pk, row.status, row.duration, row.live_after) == (first.pk, "succeeded", 2.0, 1.503)
    assert list(row.steps.values_list("name", "status", "seconds")) == [
        (step["name"], "done", step["seconds"]) for step in STEPS
    ]


def test_rows_outlive_their_journals(tmp_path: Path) -> None:
    path = write(tmp_path)
    import_journals(tmp_path)
    path.unlink()
    assert import_journals(tmp_path) == Imported(created=0, updated=0, skipped=())
    assert Deployment.objects.count() == 1


def test_rows_that_a_restored_database_lacks_are_made_again(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, "20261122-101113-4be1d0c7")
    import_journals(tmp_path)
    Deployment.objects.get(identity=ID).delete()
    assert import_journals(tmp_path) == Imported(created=1, updated=0, skipped=())
    assert DeploymentStep.objects.count() == 2 * len(STEPS)


def test_a_folder_that_is_not_there_has_no_journals(tmp_path: Path) -> None:
    assert import_journals(tmp_path / "journal") == Imported(created=0, updated=0, skipped=())


def test_a_story_of_few_words_is_imported(tmp_path: Path) -> None:
    """The host's own script leaves keys out, and a later version may add some."""
    few = {"id": ID, "started": "2026-11-22T10:11:12Z", "steps": [{}, {}], "weather": "fine"}
    (tmp_path / f"{ID}.json").write_text(json.dumps(few))
    assert import_journals(tmp_path) == Imported(created=1, updated=0, skipped=())
    assert list(DeploymentStep.objects.values_list("number", "host", "name")) == [(1, "", ""), (2, "", "")]


DAMAGED = {
    "cut.json": json.dumps(story("cut"))[:300],
    "empty.json": "",
    "list.json": "[1, 2]",
    "nameless.json": '{"started": "2026-11-22T10:11:12Z"}',
    "copy.json": json.dumps(story()),
    "timeless.json": json.dumps(story("timeless", started=None)),
    "notime.json": json.dumps(story("notime", started="yesterday")),
    "badtime.json": json.dumps(story("badtime", started="2026-02-31T10:11:12Z")),
    "early.json": json.dumps(story("early", started="0001-01-01T00:00:00+05:00")),
    "deep.json": 100_000 * "[",
    "odd name.json": json.dumps(story("odd name")),
    f"{151 * 'a'}.json": json.dumps(story(151 * "a")),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_skipped_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(DAMAGED[name])
    write(tmp_path)
    assert import_journals(tmp_path) == Imported(created=1, updated=0, skipped=(name,))


def test_what_is_no_readable_file_is_skipped_by_name(tmp_path: Path) -> None:
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00{")
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "\x07bell.json").write_text("{")
    expected = ("\\x07bell.json", "binary.json", "folder.json", "pipe.json")
    assert import_journals(tmp_path) == Imported(created=0, updated=0, skipped=expected)


def test_half_written_and_other_files_are_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / ".tmp-1234-x.json").write_text("{")
    (tmp_path / "notes.txt").write_text("{")
    assert import_journals(tmp_path) == Imported(created=0, updated=0, skipped=())


def test_text_of_strangers_is_made_harmless(tmp_path: Path) -> None:
    texts = dict.fromkeys(("target", "subject", "who", "host", "release", "commit"), HOSTILE)
    tables = {key: {HOSTILE: [HOSTILE, float("inf")]} for key in ("versions", "configuration", "options")}
    hostile = [{**STEPS[0], "name": HOSTILE, "note": HOSTILE, "tail": HOSTILE}]
    error = {"error": HOSTILE, "message": HOSTILE, "hint": HOSTILE, "exit_code": HOSTILE}
    write(tmp_path, **texts, **tables, steps=hostile, error=error, warnings=[HOSTILE])
    assert import_journals(tmp_path) == Imported(created=1, updated=0, skipped=())
    row, step = Deployment.objects.get(), DeploymentStep.objects.get()
    assert {getattr(row, name) for name in texts} == {HARMLESS}
    assert {row.error, row.error_message, row.error_hint, *row.warnings} == {HARMLESS}
    assert row.versions == row.configuration == row.options == {HARMLESS: [HARMLESS, "inf"]}
    assert {step.name, step.note, step.tail} == {HARMLESS}
    assert row.log.count(HARMLESS) == 6
    assert row.error_code is None


def test_what_is_no_duration_is_not_known(tmp_path: Path) -> None:
    wrong = [{**STEPS[0], "at": 1e308, "seconds": 1e308}, {**STEPS[0], "at": -1, "seconds": True}]
    write(tmp_path, live_after="soon", seconds=10**400, steps=wrong)
    import_journals(tmp_path)
    row = Deployment.objects.get()
    assert (row.live_after, row.duration) == (None, None)
    assert list(row.steps.values_list("at", "seconds")) == [(None, None), (None, None)]


def test_texts_that_are_too_long_are_cut(tmp_path: Path) -> None:
    write(tmp_path, subject=1000 * "ä", who=1000 * "b", steps=[{**STEPS[0], "name": 1000 * "c"}])
    import_journals(tmp_path)
    row = Deployment.objects.get()
    assert (row.subject, row.who, row.steps.get().name) == (255 * "ä", 150 * "b", 255 * "c")


def test_tables_nested_too_deep_are_cut(tmp_path: Path) -> None:
    deep: Any = "bottom"
    for _ in range(100):
        deep = [deep]
    write(tmp_path, options={"deep": deep})
    import_journals(tmp_path)
    assert json.dumps(Deployment.objects.get().options, ensure_ascii=False) == '{"deep": [[[[[[[[[["…"]]]]]]]]]]}'


def test_a_project_without_time_zones_gets_its_own_time(tmp_path: Path) -> None:
    write(tmp_path)
    with override_settings(USE_TZ=False, TIME_ZONE="Europe/Berlin"):
        import_journals(tmp_path)
        assert Deployment.objects.get().started == datetime(2026, 11, 22, 11, 11, 12, 120000)


def test_five_hundred_unchanged_journals_cost_one_query(tmp_path: Path) -> None:
    for number in range(500):
        write(tmp_path, f"20261122-{number:06}-4be1d0c7")
    with CaptureQueriesContext(connection) as first:
        assert import_journals(tmp_path) == Imported(created=500, updated=0, skipped=())
    assert len(first) < 150
    with CaptureQueriesContext(connection) as second:
        assert import_journals(tmp_path) == Imported(created=0, updated=0, skipped=())
    assert len(second) == 1


def test_nothing_is_written_when_a_row_cannot_be(tmp_path: Path) -> None:
    write(tmp_path)

    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "INSERT" in sql and "deploymentstep" in sql:
            raise DatabaseError("The disk is full.")
        return execute(sql, params, many, context)

    with pytest.raises(DatabaseError, match="disk is full"), connection.execute_wrapper(refuse):
        import_journals(tmp_path)
    assert rows() == []


@pytest.fixture
def other_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": "file:other?mode=memory&cache=shared"}
    about = {**connections.databases["default"], **sqlite, "OPTIONS": {}}
    monkeypatch.setitem(connections.databases, "other", about)
    call_command("migrate", "django_selfdeploy", database="other", verbosity=0)
    yield "other"
    connections["other"].close()
    del connections["other"]


def test_the_rows_go_to_the_database_that_was_named(tmp_path: Path, other_database: str) -> None:
    write(tmp_path, status="running")
    import_journals(tmp_path, using=other_database)
    write(tmp_path)
    assert import_journals(tmp_path, using=other_database) == Imported(created=0, updated=1, skipped=())
    assert Deployment.objects.using(other_database).get().steps.count() == len(STEPS)
    assert rows() == []


def test_keys_that_the_database_does_not_tell_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As MySQL does not."""
    monkeypatch.setattr(type(connection.features), "can_return_rows_from_bulk_insert", False)
    write(tmp_path)
    write(tmp_path, "20261122-101113-4be1d0c7", steps=[])
    import_journals(tmp_path)
    assert Deployment.objects.get(identity=ID).steps.count() == len(STEPS)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.dictionaries(st.sampled_from(sorted(set(story()) - {"id"})), values, max_size=4),
    step=st.dictionaries(st.sampled_from(sorted(STEPS[0])), values),
)
def test_no_story_stops_the_import(tmp_path: Path, changes: dict[str, Any], step: dict[str, Any]) -> None:
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    Deployment.objects.all().delete()
    write(tmp_path, **{"steps": [step], **changes})
    imported = import_journals(tmp_path)
    assert imported.created + len(imported.skipped) == 1
    assert import_journals(tmp_path) == Imported(created=0, updated=0, skipped=imported.skipped)


def test_the_models_have_their_migration() -> None:
    call_command("makemigrations", "django_selfdeploy", check=True, dry_run=True, verbosity=0)


def test_a_row_says_what_it_is(tmp_path: Path) -> None:
    write(tmp_path)
    import_journals(tmp_path)
    row = Deployment.objects.get()
    assert (str(row), str(row.steps.first())) == (f"deploy {ID}", "1 stage: take the source")


def test_the_admin_knows_every_kind_of_journal() -> None:
    code = "".join(path.read_text() for path in Path(django_selfdeploy.__file__).parent.glob("*.py"))
    told = set(re.findall(r'about_deployment\(project, "(\w+)"', code)) | {"start", "stop"}  # operations.power
    assert told == set(Deployment.Kind.values)
