"""The database goes along: fixtures once, a backup before migrations, a way back with the code and one by a backup."""

from __future__ import annotations

import json
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

from .conftest import MakeSite
from .controller import Controller
from .databases import Server
from .order import expect_in_order
from .site import Site

MIGRATION = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("pages", "{before}")]
    operations = [{operation}]
"""
PINNED = "models.BooleanField(default=False, db_default=False)"
COMPATIBLE = f'migrations.AddField("notice", "pinned", {PINNED})'
REVERSIBLE = 'migrations.RunSQL("CREATE TABLE extra (a integer)", "DROP TABLE extra")'
IRREVERSIBLE = 'migrations.RunSQL("DELETE FROM pages_notice")'
FIXTURE = [{"model": "pages.notice", "pk": 77, "fields": {"title": "Loaded", "text": "Once", "published": "{moment}"}}]


def test_the_database_goes_along(make_site: MakeSite) -> None:
    site = make_site(WATCH=0, FIXTURES=["first"])
    site.write("pages/fixtures/first.json", json.dumps(FIXTURE).replace("{moment}", "never"))
    site.commit("Begin with a notice")
    failed = site.deploy(check=False)
    assert (failed.returncode, "The fixtures cannot be loaded." in failed.stderr) == (9, True)
    site.write("pages/fixtures/first.json", json.dumps(FIXTURE).replace("{moment}", "2026-01-01T00:00:00Z"))
    one = _deployed(site, "one")
    assert _rows(site, "SELECT title FROM pages_notice WHERE id = 77") == [("Loaded",)]
    assert _listed(site) == []  # there was nothing to lose

    _rows(site, "DELETE FROM pages_notice WHERE id = 77")
    site.append("pages/models.py", f'\nNotice.add_to_class("pinned", {PINNED})\n')
    two = _deployed(site, "two", "0006_pinned", "0005_notice_title_unique", COMPATIBLE)
    assert _rows(site, "SELECT title FROM pages_notice WHERE id = 77") == []
    [backup] = _listed(site)
    assert (backup["reason"], backup["release"]) == ("before migrations", one)
    assert backup["dumps"][0]["migrations"]["pages"][-1] == "0005_notice_title_unique"

    site.manage("deploy_rollback")  # at once, the column harms nobody
    expect_in_order(site, live=one, status="succeeded")
    site.manage("deploy_rollback", "--to", two)
    expect_in_order(site, live=two, status="succeeded")

    three = _deployed(site, "three", "0007_extra", "0006_pinned", REVERSIBLE)
    _refused_without_a_word_about_the_database(site, live=three, to=two)
    shown = site.manage("deploy_rollback", "--migrations", "--dry-run").stdout
    assert shown.endswith("Migrations taken back:\n  pages.0007_extra\n")
    assert "take the migrations back" in shown
    unasked = site.manage("deploy_rollback", "--migrations", check=False)
    assert (unasked.returncode, "Add --yes." in unasked.stderr) == (3, True)
    assert _has_extra(site)
    site.manage("deploy_rollback", "--migrations", "--yes")
    expect_in_order(site, live=two, status="succeeded")
    assert not _has_extra(site)
    assert _rows(site, "SELECT name FROM django_migrations WHERE app = 'pages'")[-1] == ("0006_pinned",)
    assert _listed(site)[0]["reason"] == f"before a rollback to {two}"
    ahead = site.manage("deploy_rollback", "--to", three, check=False)
    assert (ahead.returncode, f"{three} needs migrations that were taken back: pages.0007_extra." in ahead.stderr) == (
        18,
        True,
    )


def _refused_without_a_word_about_the_database(site: Site, *, live: str, to: str) -> None:
    message = f"{to} may not work with the database as it is now: of the migrations since, not compatible are"
    for refused in (site.manage("deploy_rollback", check=False), site.by_hand("rollback", check=False)):
        assert refused.returncode == 18, refused
        assert f"{message} pages.0007_extra." in refused.stdout + refused.stderr
        assert "`deploy_rollback --migrations` takes them back" in refused.stdout + refused.stderr
    assert site.serving == live


def test_what_cannot_be_taken_back_is_restored(make_site: MakeSite, controller: Controller, postgres: Server) -> None:
    """On PostgreSQL, whose role and database the first deployment makes; no password is told or kept."""
    controller.install("psycopg[binary]")
    name, words = f"t{uuid.uuid4().hex[:12]}", ("word-of-the-role", "word-of-the-admin")
    place = f"127.0.0.1:{postgres.port}"
    own, admin = f"postgres://{name}:{words[0]}@{place}/{name}", f"postgres://postgres:{words[1]}@{place}/postgres"
    site = make_site(WATCH=0, env={"DATABASE_URL": own, "DATABASE_ADMIN_URL": admin})
    site.append("requirements.txt", "psycopg[binary]\n")
    try:
        site.change("one")
        told = site.deploy("--dry-run").stdout
        missing = f"a deployment makes the role {name!r} and the database {name!r}."
        assert f"note: The database 'default' cannot be used yet; {missing}" in told
        assert "migration pages.0001_initial on 'default': expand, before the switch" in told
        assert postgres.execute(f"SELECT 1 FROM pg_roles WHERE rolname = '{name}'") == []
        told += site.deploy("-v2").stdout
        assert f"made the role {name!r} and the database {name!r}" in told
        told += _there_and_back(site, postgres, name)
        kept = told + "".join(path.read_text() for path in (site.root / "journal").glob("*.json"))
        assert [word for word in words if word in kept] == []
    finally:
        postgres.drop(name)
        postgres.execute(f"DROP ROLE IF EXISTS {name}")


def _there_and_back(site: Site, postgres: Server, name: str) -> str:
    """A migration that loses data, back by code alone, back by a backup; what was told."""
    one, notices = site.current, postgres.execute("SELECT * FROM pages_notice", database=name)
    assert notices
    picture = site.root / "shared/media/a/picture.txt"
    picture.parent.mkdir()
    picture.write_text("as it was")
    two = _deployed(site, "two", "0006_gone", "0005_notice_title_unique", IRREVERSIBLE)
    [backup] = _listed(site)
    refused = site.manage("deploy_rollback", "--migrations", "--yes", check=False)
    assert refused.returncode == 18
    assert "pages.0006_gone cannot be taken back: Raw SQL operation." in refused.stderr
    assert f"`deploy_restore {backup['id']}`" in refused.stderr
    assert (site.serving, site.journals[0]["status"]) == (two, "failed")

    told = site.manage("deploy_rollback", "--code-only", "-v2").stdout
    expect_in_order(site, live=one, status="succeeded")
    options = site.journals[0]["options"]
    assert (options["code_only"], options["overruled"]) == (True, ["pages.0006_gone"])
    by_hand = json.loads(site.manage("deploy_backup", "--media", "--json").stdout.splitlines()[-1])["backup"]
    picture.write_text("changed")
    _refused_because_it_is_damaged(site, by_hand, live=one)

    postgres.execute(f"SET ROLE {name}", "CREATE TABLE since (a integer)", database=name)
    told += site.manage("deploy_restore", "default", backup["id"], "--yes", "-v2").stdout
    expect_in_order(site, live=one, status="succeeded")
    assert postgres.execute("SELECT * FROM pages_notice", database=name) == notices
    assert postgres.execute("SELECT to_regclass('since')", database=name) == [(None,)]
    assert picture.read_text() == "changed"
    assert _listed(site)[0]["reason"] == f"before the restore of {backup['id']}"

    ahead = site.manage("deploy_restore", by_hand, "--media", "--yes", check=False)
    assert (ahead.returncode, "migrations that the live release does not have: pages.0006_gone" in ahead.stderr) == (
        17,
        True,
    )
    site.manage("deploy_rollback", "--to", two, "--code-only")
    told += site.manage("deploy_restore", by_hand, "--media", "--yes", "--no-backup", "-v2").stdout
    expect_in_order(site, live=two, status="succeeded")
    assert picture.read_text() == "as it was"
    assert postgres.execute("SELECT * FROM pages_notice", database=name) == []
    return told


def _refused_because_it_is_damaged(site: Site, identity: str, *, live: str) -> None:
    path = site.root / "backups" / identity / "default.dump"
    data = path.read_bytes()
    path.write_bytes(data[:-9])
    damaged = site.manage("deploy_restore", identity, "--yes", check=False)
    assert (damaged.returncode, "is damaged" in damaged.stderr) == (17, True)
    expect_in_order(site, live=live, status="failed")
    path.write_bytes(data)


def _deployed(site: Site, message: str, name: str = "", before: str = "", operation: str = "") -> str:
    if name:
        site.write(f"pages/migrations/{name}.py", MIGRATION.format(before=before, operation=operation))
    site.change(message)
    site.deploy()
    return site.current


def _listed(site: Site) -> list[dict[str, Any]]:
    return list(json.loads(site.manage("deploy_backup", "--list", "--json").stdout))


def _has_extra(site: Site) -> bool:
    return bool(_rows(site, "SELECT 1 FROM sqlite_master WHERE name = 'extra'"))


def _rows(site: Site, statement: str) -> list[Any]:
    path = Path(site.root, "shared/db.sqlite3")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(statement).fetchall()
