"""What is wrong with migrations, each by an id of its own."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.core import checks
from django.db import connection, models
from django.db.migrations import AddField, Migration
from django.db.migrations.exceptions import NodeNotFoundError
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import override_settings

from django_selfdeploy.project import history
from django_selfdeploy.project.facts import Message

OURS = "django_selfdeploy"


def ids() -> list[str]:
    return [one.id for one in history.messages()]


@pytest.fixture
def loaded(db: None) -> None:
    """A database that has everything, and nothing else."""
    assert ids() == []


def test_a_change_without_a_migration_is_an_error_in_code_of_the_project_only(
    loaded: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    change = Migration("0009_x", OURS)
    change.operations = [AddField("deployment", "mood", models.IntegerField(null=True))]
    monkeypatch.setattr(history.MigrationAutodetector, "changes", lambda self, graph: {OURS: [change]})
    [found] = history.messages()
    assert (found.level, found.id) == (checks.ERROR, "selfdeploy.E018")
    assert found.text.startswith("The models of 'django_selfdeploy' have changes without a migration: Add field mood")
    with override_settings(SILENCED_SYSTEM_CHECKS=["selfdeploy.E018"]):
        assert history.messages() == ()
    monkeypatch.setenv("SELFDEPLOY_CODE", str(tmp_path))
    assert [(one.level, one.id) for one in history.messages()] == [(checks.WARNING, "selfdeploy.W018")]


def test_what_the_release_lacks_is_an_error_unless_another_release_has_it(
    loaded: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    MigrationRecorder(connection).record_applied(OURS, "0099_later")
    MigrationRecorder(connection).record_applied("gone", "0001_initial")
    (tmp_path / "releases/20261122-101112-1c1c1c1c").mkdir(parents=True)
    code = Path(history.__file__).parents[2]
    monkeypatch.setenv("SELFDEPLOY_ROOT", str(tmp_path))
    monkeypatch.setenv("SELFDEPLOY_CODE", str(code))
    [found] = history.messages()
    assert (found.level, found.id) == (checks.ERROR, "selfdeploy.E019")
    assert found.text == f"The database 'default' has migrations that this release lacks: {OURS}.0099_later."
    assert f"manage.py migrate {OURS} --prune" in found.hint
    kept = tmp_path / "releases/20261122-101112-1c1c1c1c/source" / OURS / "migrations"
    kept.mkdir(parents=True)
    (kept / "0099_later.py").write_text("")
    assert [(one.level, one.id) for one in history.messages()] == [(checks.WARNING, "selfdeploy.W019")]
    monkeypatch.setenv("SELFDEPLOY_ROOT", str(tmp_path / "elsewhere"))
    assert ids() == ["selfdeploy.W019"]


def test_a_migration_without_what_it_depends_on_is_an_error(loaded: None) -> None:
    MigrationRecorder(connection).record_unapplied("auth", "0001_initial")
    assert "selfdeploy.E020" in ids()


def test_migrations_that_do_not_fit_together_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise NodeNotFoundError("Nobody knows 0007", ("shop", "0007"))

    monkeypatch.setattr(history, "MigrationLoader", broken)
    assert history.messages() == (
        Message(
            checks.ERROR,
            "selfdeploy.E021",
            "The migrations do not fit together: Nobody knows 0007.",
            "Add what is missing, or mend the dependencies, and deploy again.",
        ),
    )


def test_a_kind_that_there_is_not_is_an_error(monkeypatch: pytest.MonkeyPatch, loaded: None) -> None:
    last = max(name for app, name in MigrationLoader(None).disk_migrations if app == OURS)
    original = MigrationLoader.load_disk

    def load(self: MigrationLoader) -> None:
        original(self)
        self.disk_migrations[OURS, last].selfdeploy = "exand"  # type: ignore[attr-defined]

    monkeypatch.setattr(MigrationLoader, "load_disk", load)
    [found] = history.messages()
    assert (found.id, found.text) == ("selfdeploy.E022", f"{OURS}.{last} declares selfdeploy = 'exand'.")


def test_an_index_that_is_built_concurrently_in_a_transaction_is_an_error(
    monkeypatch: pytest.MonkeyPatch, loaded: None
) -> None:
    known = MigrationLoader(None).disk_migrations
    last = max(name for app, name in known if app == OURS)
    original, atomic = MigrationLoader.load_disk, True

    def load(self: MigrationLoader) -> None:
        original(self)
        changed = self.disk_migrations[OURS, last] = Migration(last, OURS)
        changed.dependencies, changed.atomic = list(known[OURS, last].dependencies), atomic
        changed.operations = [AddIndexConcurrently("deployment", models.Index(fields=["kind"], name="by_kind"))]

    monkeypatch.setattr(MigrationLoader, "load_disk", load)
    [found] = history.messages()
    assert (found.id, found.hint) == ("selfdeploy.E026", "Write `atomic = False` into the migration.")
    atomic = False
    assert "selfdeploy.E026" not in ids()
