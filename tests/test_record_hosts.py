"""Hosts of one deployment write to one database, or send their stories: the rows are the same."""

import itertools
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, connections
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext

from django_selfdeploy.core import journal
from django_selfdeploy.models import Deployment, DeploymentHost, DeploymentStep
from django_selfdeploy.tell import record
from django_selfdeploy.tell import rows as making
from django_selfdeploy.tell.copies import keep
from django_selfdeploy.tell.record import Imported, import_journals, import_stories
from tests.stories import HARMLESS, HOSTILE, ID, STEPS, story, write

ERROR = {"error": "NotReady", "message": "It answers 500.", "hint": "See its log.", "exit_code": 11}
FLEET = (
    story(host="web1"),
    story(host="web2", status="failed", error=ERROR, seconds=1.0, live_after=None, steps=[STEPS[0]], warnings=[]),
    story(host="web3", previous="", seconds=3.0, live_after=2.5, finished="2026-11-22T10:11:15.120Z"),
)

with_db = pytest.mark.usefixtures("db")


def contents(using: str = "default") -> list[dict[str, Any]]:
    """All rows without their keys, which tell in which order they came."""
    models = (Deployment, DeploymentHost, DeploymentStep)
    found = [
        model_to_dict(row, exclude=("id", "deployment"))
        for model in models
        for row in model._default_manager.using(using)
    ]
    return sorted(found, key=str)


def on_hosts(folder: Path) -> list[Path]:
    """The folder of the journals on each host of the fleet."""
    folders = [folder / str(each["host"]) for each in FLEET]
    for path, each in zip(folders, FLEET, strict=True):
        path.mkdir()
        (path / f"{ID}.json").write_bytes(journal.encoded(each))
    return folders


@with_db
def test_hosts_that_share_a_database_have_a_row_each(tmp_path: Path) -> None:
    for folder in on_hosts(tmp_path):
        assert import_journals(folder) == Imported(created=1, updated=0, skipped=())
    whole = Deployment.objects.get()
    assert list(whole.hosts.values_list("host", "status", "previous", "duration", "live_after", "error_code")) == [
        ("web1", "succeeded", "20261121-164210-9f01c2aa", 2.0, 1.503, None),
        ("web2", "failed", "20261121-164210-9f01c2aa", 1.0, None, 11),
        ("web3", "succeeded", "", 3.0, 2.5, None),
    ]
    assert list(whole.steps.order_by("host", "number").values_list("host", "number")) == [
        *(("web1", number) for number in range(1, 6)),
        ("web2", 1),
        *(("web3", number) for number in range(1, 6)),
    ]


@with_db
def test_the_deployment_is_told_from_all_its_hosts(tmp_path: Path) -> None:
    for folder in on_hosts(tmp_path):
        import_journals(folder)
    whole = Deployment.objects.get()
    assert (whole.host, whole.status, whole.who) == ("web1, web2, web3", "failed", "ada")
    assert (whole.duration, whole.live_after) == (3.0, 2.5)
    assert (whole.error, whole.error_message, whole.error_hint, whole.error_code) == (
        *("NotReady", "web2: It answers 500.", "See its log.", 11),
    )
    assert whole.finished == whole.hosts.get(host="web3").finished
    assert whole.warnings == ["web1, web3: There is no backup."]
    assert whole.versions == {"django": "5.2.19", "python": "3.12.1"}
    assert [line for line in whole.log.splitlines() if line.startswith("####")] == [
        *("#### web1 (succeeded)", "#### web2 (failed)", "#### web3 (succeeded)"),
    ]


@with_db
def test_no_order_makes_a_difference(tmp_path: Path) -> None:
    folders, found = on_hosts(tmp_path), []
    for order in itertools.permutations(folders):
        Deployment.objects.all().delete()
        for folder in order:
            import_journals(folder)
        found.append(contents())
    assert all(rows == found[0] for rows in found)


@with_db
def test_hosts_do_not_write_over_each_other_again_and_again(tmp_path: Path) -> None:
    folders = on_hosts(tmp_path)
    for folder in folders:
        import_journals(folder)
    for folder in folders:
        with CaptureQueriesContext(connection) as queries:
            assert import_journals(folder) == Imported(created=0, updated=0, skipped=())
        assert len(queries) == 1


@with_db
def test_what_runs_on_one_host_has_not_finished() -> None:
    running = story(host="web2", status="running", finished=None, seconds=None)
    import_stories([story(host="web1"), running])
    whole = Deployment.objects.get()
    assert (whole.status, whole.finished, whole.duration) == ("running", None, None)
    assert import_stories([story(host="web2")]) == Imported(created=0, updated=1, skipped=())
    whole = Deployment.objects.get()
    assert (whole.status, whole.duration, whole.hosts.count()) == ("succeeded", 2.0, 2)
    assert whole.steps.count() == 2 * len(STEPS)


@with_db
def test_what_one_host_does_not_know_stays() -> None:
    import_stories([story(host="web1")])
    import_stories([story(host="web2", who="", commit=None, options={}, started="2026-11-22T10:00:00Z")])
    whole = Deployment.objects.get()
    assert (whole.who, whole.commit[:8], whole.options) == ("ada", "4be1d0c7", story()["options"])


@with_db
def test_the_logs_of_many_hosts_stay_short_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "LONGEST_LOG", 20)
    import_stories([story(host="web1"), story(host="web2")])
    whole, host = Deployment.objects.get(), DeploymentHost.objects.all()[0]
    left_out = f"[... {len(host.log) - 10} characters left out ...]"
    assert (
        whole.log
        == f"#### web1 (succeeded)\n\n== 1 stage\n{left_out}\n\n#### web2 (succeeded)\n\n== 1 stage\n{left_out}\n"
    )


# stories that were sent


@with_db
def test_stories_that_hosts_send_become_the_rows_of_their_journals(tmp_path: Path) -> None:
    folders = on_hosts(tmp_path)
    for folder in folders:
        import_journals(folder)
    by_journals = contents()
    sent = json.loads(json.dumps([journal.read(str(folder / f"{ID}.json")) for folder in folders]))
    assert import_stories(sent) == Imported(created=0, updated=0, skipped=())
    Deployment.objects.all().delete()
    assert import_stories(sent) == Imported(created=3, updated=0, skipped=())
    assert contents() == by_journals
    assert [import_journals(folder).updated for folder in folders] == [0, 0, 0]


@with_db
def test_a_story_that_is_sent_twice_is_kept_once() -> None:
    assert import_stories([story(), story(status="failed")]) == Imported(created=1, updated=0, skipped=())
    assert (Deployment.objects.get().status, DeploymentStep.objects.count()) == ("failed", len(STEPS))


@with_db
def test_what_is_no_story_is_named() -> None:
    strange = [story("odd name"), story(started=None), {"id": [HOSTILE]}, {}, story(HOSTILE)]
    skipped = ("odd name", ID, str([HOSTILE]).replace("\x1b", "\\x1b"), "None", HARMLESS)
    assert import_stories(strange) == Imported(created=0, updated=0, skipped=skipped)


@with_db
def test_stories_of_strangers_are_made_harmless() -> None:
    texts = dict.fromkeys(("target", "subject", "who", "release", "commit"), HOSTILE)
    error = dict.fromkeys(("error", "message", "hint"), HOSTILE)
    import_stories([story(**texts, host=f"{number}{HOSTILE}", error=error, warnings=[HOSTILE]) for number in (1, 2)])
    whole = Deployment.objects.get()
    assert {getattr(whole, name) for name in texts} == {HARMLESS}
    assert (whole.host, whole.warnings) == (f"1{HARMLESS}, 2{HARMLESS}", [HARMLESS])
    assert whole.error_message == f"1{HARMLESS}: {HARMLESS}"


@with_db
def test_steps_that_an_older_release_has_written_are_not_doubled() -> None:
    import_stories([story()])
    DeploymentHost.objects.all().delete()
    assert import_stories([story()]) == Imported(created=1, updated=0, skipped=())
    assert DeploymentStep.objects.count() == len(STEPS)


# at the same time


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database that each thread has a connection of its own to."""
    about = {**connections.databases["default"], "NAME": str(tmp_path / "shared.sqlite3"), "OPTIONS": {"timeout": 30}}
    monkeypatch.setitem(connections.databases, "shared", about)
    call_command("migrate", "django_selfdeploy", database="shared", verbosity=0)
    yield "shared"
    connections["shared"].close()
    del connections["shared"]


def test_hosts_that_write_at_the_same_time_lose_nothing(shared: str) -> None:
    count, troubles = 6, []
    together = threading.Barrier(count)

    def write_as(host: str) -> None:
        together.wait(30)
        try:
            import_stories([story(f"20261122-00000{number}-4be1d0c7", host=host) for number in range(5)], using=shared)
        except Exception as error:
            troubles.append(error)
        finally:
            connections[shared].close()

    threads = [threading.Thread(target=write_as, args=(f"web{number}",)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    assert set(Deployment.objects.using(shared).values_list("host", flat=True)) == {
        ", ".join(f"web{number}" for number in range(count))
    }
    assert DeploymentStep.objects.using(shared).count() == 5 * count * len(STEPS)


@with_db
def test_what_a_database_has_broken_off_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As InnoDB does with one of two that wait for each other; here the last statement is hit, twice."""
    monkeypatch.setattr(record, "PAUSE", 0.0)
    import_stories([story("20261122-101111-4be1d0c7")])
    broken = []

    def break_off(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("INSERT") and "deploymentstep" in sql and len(broken) < 2:
            execute(sql, params, many, context)
            broken.append(sql)
            raise OperationalError("Deadlock found when trying to get lock")
        return execute(sql, params, many, context)

    stories = [story("20261122-101111-4be1d0c7", status="failed"), story()]
    with connection.execute_wrapper(break_off):
        assert import_stories(stories) == Imported(created=1, updated=1, skipped=())
    assert (len(broken), DeploymentStep.objects.count()) == (2, 2 * len(STEPS))


@with_db
def test_what_somebody_else_has_written_meanwhile_is_left_alone() -> None:
    """The controller of a local target writes what the target writes too."""
    again = []

    def meanwhile(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if not again:
            again.append(sql)
            import_stories([story()])
        return result

    with connection.execute_wrapper(meanwhile):
        done = import_stories([story()])
    assert done == Imported(created=0, updated=0, skipped=())
    assert (DeploymentHost.objects.count(), DeploymentStep.objects.count()) == (1, len(STEPS))


# the copy of the machine that deploys


@with_db
def test_the_copy_is_kept() -> None:
    assert keep(FLEET) == ""
    assert Deployment.objects.get().hosts.count() == 3


@with_db
def test_a_damaged_story_is_told_and_the_others_are_kept() -> None:
    assert keep([story(), story("odd name")]) == "This machine has no copy of the record of odd name: it is damaged."
    assert Deployment.objects.count() == 1


def of_sqlite(monkeypatch: pytest.MonkeyPatch, path: Path) -> str:
    about = {**connections.databases["default"], "NAME": str(path)}
    monkeypatch.setitem(connections.databases, "copy", about)
    return "copy"


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "db.sqlite3"
    assert keep(FLEET, using=of_sqlite(monkeypatch, path)) == ""
    assert not path.exists()
    del connections["copy"]


def test_a_database_without_the_tables_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "db.sqlite3").touch()
    assert keep(FLEET, using=of_sqlite(monkeypatch, tmp_path / "db.sqlite3")) == ""
    assert (tmp_path / "db.sqlite3").stat().st_size == 0
    connections["copy"].close()
    del connections["copy"]


def test_a_database_that_may_only_be_read_has_no_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "PAUSE", 0.0)
    using = of_sqlite(monkeypatch, tmp_path / "db.sqlite3")
    call_command("migrate", "django_selfdeploy", database=using, verbosity=0)
    with connections[using].cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")
    why = keep(FLEET, using=using)
    assert why == "This machine has no copy of the record: attempt to write a readonly database."
    connections[using].close()
    del connections[using]


def test_a_project_without_a_database_has_no_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    about = {**connections.databases["default"], "ENGINE": "django.db.backends.dummy"}
    monkeypatch.setitem(connections.databases, "copy", about)
    assert keep(FLEET, using="copy").startswith("This machine has no copy of the record: settings.DATABASES is improp")
    del connections["copy"]


# from the tables as they were


def test_what_was_recorded_before_keeps_its_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    using = of_sqlite(monkeypatch, tmp_path / "db.sqlite3")
    call_command("migrate", "django_selfdeploy", database=using, verbosity=0)
    import_journals(tmp_path, using=using)
    now = contents(using)
    call_command("migrate", "django_selfdeploy", "0001", database=using, verbosity=0)
    assert "django_selfdeploy_deploymenthost" not in connections[using].introspection.table_names()
    call_command("migrate", "django_selfdeploy", database=using, verbosity=0)
    assert contents(using) == now
    assert import_journals(tmp_path, using=using) == Imported(created=0, updated=0, skipped=())
    connections[using].close()
    del connections[using]
