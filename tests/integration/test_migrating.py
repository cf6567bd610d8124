"""Migrations in deployments of a real site: before the switch, after the old code is gone, or while it is closed.

The tests share a site, and each leaves it in order.
"""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from typing import Any

from .order import expect_in_order
from .probing import no_request_lost
from .site import Site

LAST = "0005_notice_title_unique"
MODULE = """
import time
from django.db import migrations, models

def fail(apps, editor):
    raise ValueError("The tide is out.")

def dawdle(apps, editor):
    time.sleep(60)

class Migration(migrations.Migration):
    dependencies = [("pages", "{after}")]
    {more}
    operations = [{operations}]
"""
PINNED = 'migrations.AddField("notice", "pinned", models.BooleanField(default=False, db_default=False))'
PINNED_FIELD = "\nNotice.add_to_class('pinned', models.BooleanField(default=False, db_default=False))\n"
LATE = 'migrations.RunSQL("CREATE TABLE late (a integer)", "DROP TABLE late")'
RENAMED = 'migrations.RenameField("notice", "text", "body")'


def migrate(site: Site, name: str, operations: str, *, after: str = LAST, more: str = "") -> None:
    site.write(f"pages/migrations/{name}.py", MODULE.format(after=after, operations=operations, more=more))


def rename_text(site: Site) -> None:
    """The whole code follows the new name."""
    for path in ("models.py", "admin.py", "templates/pages/home.html"):
        whole = site.project / "pages" / path
        text = (
            whole.read_text().replace("notice.text|", "notice.body|").replace("    text = models", "    body = models")
        )
        whole.write_text(text.replace('"title", "text"', '"title", "body"'))


def columns(site: Site) -> set[str]:
    with closing(sqlite3.connect(site.root / "shared/db.sqlite3")) as database:
        return {row[1] for row in database.execute("PRAGMA table_info(pages_notice)")}


def migrations_of(site: Site) -> list[dict[str, Any]]:
    return list(site.journals[0]["migrations"])


def test_what_the_old_code_needs_goes_after_it(make_site: Any) -> None:
    """From one commit to the next: a column is added before the switch, and removed after the old code is gone."""
    site: Site = make_site()
    site.deploy()
    models = (site.project / "pages/models.py").read_text()
    migrate(site, "0006_pinned", PINNED)
    site.append("pages/models.py", PINNED_FIELD)
    site.commit("Pin notices")
    with no_request_lost(site):
        site.deploy()
    [added] = migrations_of(site)
    assert (added["migration"], added["kind"], added["when"]) == ("pages.0006_pinned", "locking", "before")
    assert added["tables"] == [{"name": "pages_notice", "rows": 1, "size": None}]
    assert any("ALTER TABLE" in line or "CREATE TABLE" in line for line in added["sql"])
    assert "pinned" in columns(site)

    (site.project / "pages/models.py").write_text(models)
    migrate(site, "0007_unpinned", 'migrations.RemoveField("notice", "pinned")', after="0006_pinned")
    site.commit("Pin nothing")
    with no_request_lost(site):
        site.deploy()
    [removed] = migrations_of(site)
    assert (removed["kind"], removed["when"]) == ("contract", "after")
    assert removed["reasons"] == ["The code that runs reads and writes pages_notice.pinned."]
    names = [step["name"] for step in site.journals[0]["steps"]]
    assert names.index("drain and stop the previous release") + 1 == names.index("migrate what the old code needed")
    assert "migrate the database" not in names
    assert site.journals[0]["migrated"] == [
        {"applied": ["default pages.0007_unpinned"], "failed": "", "stays": [], "left": []}
    ]
    assert "pinned" not in columns(site)
    expect_in_order(site, live=site.current, status="succeeded")
    _a_rollback_knows_of_it(site)
    _a_late_failure(site)
    _what_is_refused(site)
    _a_window(site)
    _a_runner_that_dies_after_a_late_migration(site)


def _a_rollback_knows_of_it(site: Site) -> None:
    """Of the release before, which reads the column; the column that was added before is no hindrance."""
    refused = site.manage("deploy_rollback", check=False)
    assert (
        refused.returncode,
        "of the migrations since, not compatible are pages.0007_unpinned." in refused.stderr,
    ) == (
        18,
        True,
    )
    known = json.loads((site.root / "releases" / site.current / "migrations.json").read_text())
    ours = {one["name"]: one["compatible"] for one in known if one["app"] == "pages"}
    assert (ours["0006_pinned"], ours["0007_unpinned"]) == (True, False)


def _a_late_failure(site: Site) -> None:
    """The release is live, and it is told that a migration is missing; the next deployment tries again."""
    old = site.current
    migrate(site, "0008_late", "migrations.RunPython(fail)", after="0007_unpinned", more='selfdeploy = "contract"')
    site.commit("Fail late")
    failed = site.deploy("--json", check=False)
    assert failed.returncode == 16, failed.stdout
    error = json.loads(failed.stdout.splitlines()[-1])["error"]
    assert error["error"] == "MigrationMissing"
    assert "ValueError: The tide is out." in error["message"]
    assert site.current > old
    assert site.journals[0]["status"] == "incomplete"
    assert site.journals[0]["migrated"][0]["failed"] == "default pages.0008_late"
    assert (site.root / "releases" / site.current / ".unmigrated").read_text() == "pages.0008_late\n"
    expect_in_order(site, live=site.current, status="incomplete")
    assert site.deploy(check=False).returncode == 16
    migrate(
        site,
        "0008_late",
        "migrations.RunPython(migrations.RunPython.noop)",
        after="0007_unpinned",
        more='selfdeploy = "contract"',
    )
    site.commit("Mend it")
    site.deploy()
    expect_in_order(site, live=site.current, status="succeeded")
    assert not (site.root / "releases" / site.current / ".unmigrated").exists()


def _what_is_refused(site: Site) -> None:
    """A renamed column: neither the old nor the new code gets along with the other's."""
    live = site.current
    migrate(site, "0009_renamed", RENAMED, after="0008_late")
    rename_text(site)
    site.commit("Rename the text")
    rehearsed = site.deploy("--dry-run", check=False)
    assert rehearsed.returncode == 15
    assert "migration pages.0009_renamed on 'default': contract, refused" in rehearsed.stdout
    assert "why: The code that runs asks 'pages_notice' for 'text', which is 'body' then." in rehearsed.stdout
    refused = site.deploy(check=False)
    assert refused.returncode == 15
    assert "Keep the column: give the field db_column='text'." in refused.stderr
    assert "--maintenance" in refused.stderr
    [*_, judged] = migrations_of(site)
    assert (judged["when"], judged["reasons"][0][:22]) == ("refused", "The code that runs ask")
    assert site.current == live
    expect_in_order(site, live=live, status="failed")


def _a_window(site: Site) -> None:
    """What fails in it brings the old code back; what succeeds opens with the new one."""
    live = site.current
    migrate(site, "0010_fails", "migrations.RunPython(fail)", after="0009_renamed")
    site.commit("Fail in the window")
    failed = site.deploy("--maintenance", check=False)
    assert failed.returncode == 9, failed.stdout
    assert "body" in columns(site)  # pages.0009 was applied before
    assert site.current == live
    assert not (site.root / "window").exists()

    migrate(site, "0010_fails", "migrations.RunPython(dawdle)", after="0009_renamed")
    site.commit("Take long in the window")
    running = site.begin("deploy", "--maintenance")
    running.until_step("migrate the database")
    closed = site.get("/")
    assert closed.status == 503
    assert "We are moving the furniture" in closed.text
    assert closed.headers["retry-after"] == "120"
    assert site.ask("POST", "/guestbook/", body=b"x").status == 503
    told = next(e["text"] for e in running.heard if e["event"] == "remarked" and "selfdeploy-pass" in e["text"])
    key = re.findall(r"/selfdeploy-pass/([0-9a-f]{32})", told)[0]
    passed = site.get(f"/selfdeploy-pass/{key}")
    assert (passed.status, passed.headers["location"].endswith("/")) == (302, True)
    assert site.get(f"/selfdeploy-pass/{'0' * 32}").status == 404
    cookie = passed.headers["set-cookie"].partition(";")[0]
    assert site.get("/", headers={"Cookie": cookie}).status == 502  # nobody is behind it: it goes by the page
    assert site.get("/", headers={"Cookie": "selfdeploy_pass=../closed"}).status == 503
    running.kill_runner()
    assert running.end() == 13
    assert site.get("/").status == 503

    site.by_hand("start")
    assert not (site.root / "window").exists()
    migrate(site, "0010_fails", "migrations.RunPython(migrations.RunPython.noop)", after="0009_renamed")
    site.commit("Take no time in the window")
    site.deploy("--maintenance")
    assert site.current > live
    assert site.get("/").status == 200
    expect_in_order(site, live=site.current, status="succeeded")
    assert site.journals[0]["options"]["maintenance"] is True
    assert [row["when"] for row in migrations_of(site)] == ["window"]


def _a_runner_that_dies_after_a_late_migration(site: Site) -> None:
    """It could tell nobody that the migration is there. What was written before the switch says so."""
    migrate(site, "0011_sql", LATE, after="0010_fails", more='selfdeploy = "contract"')
    site.commit("Go late")
    running = site.begin("deploy")
    running.until_step("migrate what the old code needed", action=3)
    live = site.current
    running.kill_runner()
    assert running.end() == 13
    for refused in (site.manage("deploy_rollback", check=False), site.by_hand("rollback", check=False)):
        told = refused.stdout + refused.stderr
        assert (refused.returncode, "not compatible are pages.0011_sql." in told) == (18, True)
    site.manage("deploy_rollback", "--migrations", "--yes")
    expect_in_order(site, live=site.current, status="succeeded")
    assert site.current < live
    assert _applied(site)[-1] == "0010_fails"


def _applied(site: Site) -> list[str]:
    with closing(sqlite3.connect(site.root / "shared/db.sqlite3")) as database:
        rows = database.execute("SELECT name FROM django_migrations WHERE app = 'pages' ORDER BY id")
        return [name for (name,) in rows]
