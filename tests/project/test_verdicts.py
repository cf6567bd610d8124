"""What of the migrations applied code gets along with that does not know them; a history in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
from django.test import override_settings

from django_selfdeploy.core.backups.applied import Applied, read
from django_selfdeploy.project import applied
from django_selfdeploy.project.verdicts import compatible

MODULE = """
from django.db import migrations, models

def change(apps, editor):
    pass

class Migration(migrations.Migration):
    dependencies = [{dependencies}]
    {more}
    operations = [{operations}]
"""
TABLE = """migrations.CreateModel("session", [
    ("session_key", models.CharField(max_length=40, primary_key=True)), ("note", models.TextField(null=True)),
])"""
SPARE = 'migrations.AddField("session", "spare", models.IntegerField(null=True))'
WITHOUT_NOTE = 'migrations.RemoveField("session", "note")'
WITHOUT_SPARE = 'migrations.RemoveField("session", "spare")'
OWN = "migrations.RunPython(change)"

Write = Callable[..., tuple[str, str]]


@pytest.fixture
def write(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Adds a migration to the history of sessions, after the last one, and gives its key; it counts as applied."""
    package = f"history_{tmp_path.name}"
    folder = tmp_path / package
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    recorder, written = MigrationRecorder(connections["default"]), [""]
    recorder.migration_qs.filter(app="sessions").delete()

    def add(name: str, *operations: str, more: str = "") -> tuple[str, str]:
        last = f'("sessions", "{written[-1]}")' if written[-1] and "replaces" not in more else ""
        text = MODULE.format(dependencies=last, more=more, operations=", ".join(operations))
        (folder / f"{name}.py").write_text(text)
        recorder.record_applied("sessions", name)
        written.append(name)
        return ("sessions", name)

    with override_settings(MIGRATION_MODULES={"sessions": package}):
        yield add


def judged(*new: tuple[str, str], known: Any, **overrules: str) -> list[str]:
    given = {name.replace("__", "."): kind for name, kind in overrules.items()}
    return sorted(name for _, name in compatible("default", new, known=known, overrules=given))


def test_what_expands_or_locks_is_compatible_and_what_contracts_is_not(write: Write) -> None:
    table = write("0001", TABLE)
    spare, locks = write("0002", SPARE), write("0003", 'migrations.AlterField("session", "note", models.TextField())')
    gone = write("0004", WITHOUT_NOTE)
    index = write("0005", 'migrations.AddIndex("session", models.Index(fields=["spare"], name="by_spare"))')
    assert judged(spare, locks, gone, index, known=[table]) == ["0002", "0005"]
    assert judged(index, known=[table, spare, locks, gone]) == ["0005"]


def test_what_code_that_runs_never_knew_may_go(write: Write) -> None:
    table, spare, gone = write("0001", TABLE), write("0002", SPARE), write("0003", WITHOUT_SPARE)
    assert judged(spare, gone, known=[table]) == ["0002", "0003"]
    assert judged(gone, known=[table, spare]) == []


def test_a_migration_that_waited_is_judged_though_later_ones_came_before_it(write: Write) -> None:
    table, gone, spare = write("0001", TABLE), write("0002", WITHOUT_NOTE), write("0003", SPARE)
    assert judged(gone, known=[table, spare]) == []


def test_a_function_is_not_compatible_unless_it_says_so_or_somebody_says_so(write: Write) -> None:
    table, silent = write("0001", TABLE), write("0002", OWN)
    declared = write("0003", OWN, more='selfdeploy = "expand"')
    refusing = write("0004", SPARE, more='selfdeploy = "contract"')
    new = (silent, declared, refusing)
    assert judged(*new, known=[table]) == ["0003"]
    assert judged(*new, known=[table], sessions__0002="locking", sessions__0003="contract") == ["0002"]
    assert compatible("default", new, known=[table], overrules={"sessions.*": "expand"}) == set(new)


def test_no_code_runs_on_a_database_that_is_new(write: Write) -> None:
    everything = (write("0001", TABLE), write("0002", OWN), write("0003", WITHOUT_NOTE))
    assert judged(*everything, known=[]) == ["0001", "0002", "0003"]


def test_what_stands_for_migrations_that_were_there_did_nothing(write: Write) -> None:
    known = [write("0001", TABLE), write("0002", OWN)]
    more = 'replaces = [("sessions", "0001"), ("sessions", "0002")]'
    squashed, gone = write("0001_squashed", TABLE, OWN, more=more), write("0003", WITHOUT_NOTE)
    assert judged(squashed, gone, known=known) == ["0001", "0001_squashed", "0002"]


def test_what_stands_for_more_than_was_there_is_not_known(write: Write) -> None:
    table, gone = write("0001", TABLE), write("0002", WITHOUT_NOTE)
    more = 'replaces = [("sessions", "0001"), ("sessions", "0002")]'
    squashed = write("0001_squashed", TABLE, WITHOUT_NOTE, more=more)
    assert judged(squashed, gone, known=[table]) == []


def test_a_history_that_was_changed_by_hand_is_not_judged(write: Write) -> None:
    table, put_between, gone = write("0001", TABLE), write("0002", SPARE), write("0003", WITHOUT_SPARE)
    assert judged(put_between, known=[table, gone]) == []


# what is written


def remembered(path: Path, before: Path | str = "", **overrules: str) -> dict[str, Applied]:
    """Those of sessions that are in the file, by name."""
    applied.remember_migrations(path=str(path), before=str(before), overrules=overrules)
    return {one.name: one for one in read(str(path)) or () if one.app == "sessions"}


def test_each_release_judges_what_the_one_before_it_did_not_have(write: Write, tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("first.json", "second.json", "third.json"))
    write("0001", TABLE)
    assert [one.compatible for one in remembered(first).values()] == [False]
    write("0002", SPARE)
    write("0003", OWN)
    assert {name: (one.compatible, one.irreversible) for name, one in remembered(second, first).items()} == {
        "0001": (False, ""),
        "0002": (True, ""),
        "0003": (False, "Raw Python operation"),
    }
    write("0004", WITHOUT_SPARE)
    later = remembered(third, second)
    assert {name: one.compatible for name, one in later.items()} == {
        "0001": False,
        "0002": True,
        "0003": False,
        "0004": False,
    }
    write("0005", WITHOUT_NOTE)
    assert remembered(third, third, **{"sessions.0005": "expand"}) == {
        **later,
        "0005": Applied("default", "sessions", "0005"),
    }


def test_where_nothing_is_new_nothing_is_judged(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("0001", TABLE)
    first = remembered(tmp_path / "first.json")
    monkeypatch.setattr(applied, "compatible", None)
    assert remembered(tmp_path / "second.json", tmp_path / "first.json") == first


def test_a_migration_that_the_release_lacks_keeps_the_verdict_of_the_one_that_had_it(
    write: Write, tmp_path: Path
) -> None:
    write("0001", TABLE)
    before = tmp_path / "before.json"
    remembered(before)
    recorder = MigrationRecorder(connections["default"])
    recorder.record_applied("sessions", "0002_of_a_newer_release")
    first = remembered(tmp_path / "first.json", before)["0002_of_a_newer_release"]
    assert first == Applied("default", "sessions", "0002_of_a_newer_release")
    kept = Applied("default", "sessions", "0002_of_a_newer_release", compatible=False)
    before.write_text(applied.codec.dumps((kept,)))
    assert remembered(tmp_path / "second.json", before)[kept.name] == kept
