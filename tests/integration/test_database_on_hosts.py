"""Two hosts that share a PostgreSQL: what is done to it is done once, and while it must be, all hosts are closed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest

from .controller import Controller
from .databases import Server
from .fleet import PORT, Fleet
from .forwarding import database_for
from .network import Network
from .order import expect_in_order
from .packages import Packages
from .probing import no_request_lost_on
from .waiting import until

MODULE = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("pages", "{after}")]
    operations = [{operations}]
"""
PINNED = "models.BooleanField(default=False, db_default=False)"
ADDED = f'migrations.AddField("notice", "pinned", {PINNED})'
GATE = 4711
WAITS = f'migrations.RunSQL("SELECT pg_advisory_xact_lock({GATE})", "")'
COUNTED = 'migrations.RunSQL("INSERT INTO counted VALUES (1)", "INSERT INTO counted VALUES (-1)")'
REFUSE = """
CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'nothing is dropped today'; END $$;
CREATE EVENT TRIGGER refusal ON ddl_command_start WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION refuse()
"""


class Shared:
    """The fleet, with the database that all of it has. It is deployed to, so it is not frozen."""

    def __init__(self, fleet: Fleet, server: Server, name: str) -> None:
        self.fleet, self.site, self._server, self._name = fleet, fleet.site, server, name
        self.saved = ""

    def rows(self, *statements: str) -> list[Any]:
        return self._server.execute(*statements, database=self._name)

    @contextmanager
    def holding(self, *statements: str) -> Iterator[None]:
        """What a transaction that has said these statements locks is locked within the block."""
        connection = self._server.connect(self._name)
        try:
            for statement in ("BEGIN", *statements):
                connection.execute(statement)
            yield
        finally:
            connection.close()

    def migrate(self, name: str, *operations: str, after: str) -> None:
        self.site.write(f"pages/migrations/{name}.py", MODULE.format(after=after, operations=", ".join(operations)))
        self.site.commit(name)

    @property
    def live(self) -> str:
        """The release that all hosts run, and answer with."""
        [live] = set(self.fleet.current.values())
        for name in self.fleet.hosts:
            expect_in_order(self.fleet.standing(name), live=live)
        return live

    def story(self, host: str) -> dict[str, Any]:
        return self.fleet.standing(host).journals[0]

    def steps(self, host: str) -> list[str]:
        return [step["name"] for step in self.story(host)["steps"]]

    def statuses(self, **headers: str) -> list[int]:
        return [host.get("/", port=PORT, headers=headers).status for host in self.fleet.hosts.values()]

    def expect_closed(self) -> None:
        for host in self.fleet.hosts.values():
            answer = host.get("/", port=PORT)
            assert (answer.status, "We are moving the furniture" in answer.text) == (503, True)

    def back_up(self) -> str:
        """The backup that was made; it is `saved` from now on."""
        told = self.site.manage("deploy_backup", self.site.alias, "--json").stdout
        self.saved = str(json.loads(told.splitlines()[-1])["backup"])
        return self.saved

    @property
    def counted(self) -> int:
        """How often a migration was applied that counts, less how often it was taken back."""
        return int(self.rows("SELECT coalesce(sum(one), 0) FROM counted")[0][0])


@pytest.fixture(scope="module")
def shared(controller: Controller, network: Network, packages: Packages, postgres: Server) -> Iterator[Shared]:
    fleet = Fleet(controller, network, packages, names=("web1", "web2"), WATCH=0.2)
    with database_for(network, postgres) as (name, url):
        fleet.lay_down_on_postgres(url)
        fleet.deploy()
        shared = Shared(fleet, postgres, name)
        shared.rows("CREATE TABLE counted (one integer)")
        yield shared
        fleet.close()


def test_a_window_closes_all_hosts_and_opens_them(shared: Shared) -> None:
    first = shared.live
    shared.site.append("pages/models.py", f'\nNotice.add_to_class("pinned", {PINNED})\n')
    shared.migrate("0006_pinned", ADDED, COUNTED, WAITS, after="0005_notice_title_unique")
    with shared.holding(f"SELECT pg_advisory_xact_lock({GATE})"):
        running = shared.fleet.begin("deploy", "--maintenance")
        running.until_step("migrate the database")
        shared.expect_closed()
        told = next(e["text"] for e in running.heard if "selfdeploy-pass" in str(e.get("text")))
        [key] = re.findall(r"/selfdeploy-pass/([0-9a-f]{32})", told)
        passes = [host.get(f"/selfdeploy-pass/{key}", port=PORT) for host in shared.fleet.hosts.values()]
        assert [one.status for one in passes] == [302, 302]
        cookies = {one.headers["set-cookie"].partition(";")[0] for one in passes}
        assert shared.statuses(Cookie=cookies.pop()) == [502, 502]  # nobody is behind: it goes by the page on each
    assert running.end() == 0, running.story()
    assert (shared.live > first, shared.statuses()) == (True, [200, 200])
    assert (shared.counted, "migrated" in shared.story("web1"), "migrated" in shared.story("web2")) == (1, True, False)


def test_late_migrations_are_applied_once_after_the_old_code_is_gone_on_all_hosts(shared: Shared) -> None:
    shared.site.git("checkout", "--quiet", "HEAD~1", "--", "pages/models.py")
    shared.migrate("0007_unpinned", 'migrations.RemoveField("notice", "pinned")', after="0006_pinned")
    with no_request_lost_on(list(shared.fleet.hosts.values()), PORT):
        shared.fleet.deploy()
    live = shared.live
    assert not shared.rows("SELECT 1 FROM information_schema.columns WHERE column_name = 'pinned'")
    late = _moments(shared.story("web1"), "migrate what the old code needed")
    gone = [_moments(shared.story(name), "drain and stop the previous release") for name in shared.fleet.hosts]
    assert max(end for _, end in gone) <= late[0]
    assert "migrate what the old code needed" not in shared.steps("web2")
    for name in shared.fleet.hosts:
        kept = shared.fleet.standing(name).root / "releases" / live
        known = {one["name"]: one["compatible"] for one in json.loads((kept / "migrations.json").read_text())}
        assert (known["0007_unpinned"], (kept / ".unmigrated").exists()) == (False, False)


def _moments(story: dict[str, Any], name: str) -> tuple[float, float]:
    """Begin and end of a step, in seconds since the epoch: all hosts have the clock of this machine."""
    [step] = [one for one in story["steps"] if one["name"] == name]
    begin = datetime.fromisoformat(story["started"].replace("Z", "+00:00")).timestamp()
    whole = datetime.fromisoformat(story["finished"].replace("Z", "+00:00")).timestamp()
    began = max(begin, whole - story["seconds"]) + step["at"]
    return began, began + step["seconds"]


def test_a_rollback_takes_migrations_back_once_for_all(shared: Shared) -> None:
    newer = shared.live
    shared.site.manage("deploy_rollback", shared.site.alias, "--migrations", "--yes")
    assert shared.live < newer
    assert shared.rows("SELECT 1 FROM information_schema.columns WHERE column_name = 'pinned'") == [(1,)]
    assert shared.rows("SELECT name FROM django_migrations WHERE app = 'pages' ORDER BY id")[-1] == ("0006_pinned",)
    took_back = [name for name in shared.fleet.hosts if "take the migrations back" in shared.steps(name)]
    assert took_back == ["web1"]


def test_a_restore_closes_all_hosts_and_opens_them(shared: Shared) -> None:
    live, saved = shared.live, shared.back_up()
    shared.rows("CREATE TABLE since (a integer)", "DELETE FROM pages_notice")
    with shared.holding("SELECT * FROM pages_notice"):  # who drops it has to wait
        running = shared.fleet.begin("deploy_restore", saved, "--yes")
        running.until_step("restore the backup")
        shared.expect_closed()
        until(lambda: _is_dropping(shared), what="the restore waits for the reader")
        shared.expect_closed()
    assert running.end() == 0, running.story()
    assert (shared.live, shared.statuses()) == (live, [200, 200])
    assert shared.rows("SELECT count(*) > 0, to_regclass('since') FROM pages_notice") == [(True, None)]
    assert [shared.story(name)["status"] for name in shared.fleet.hosts] == ["succeeded", "succeeded"]


def _is_dropping(shared: Shared) -> bool:
    return bool(shared.rows("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%DROP%'"))


def test_a_restore_that_fails_leaves_the_data_and_opens_all_hosts(shared: Shared) -> None:
    """The database refuses what the restore must do."""
    live, saved = shared.live, shared.saved
    shared.rows("CREATE TABLE since (a integer)", *REFUSE.strip().rsplit("\n", 1))
    failed = shared.site.manage("deploy_restore", shared.site.alias, saved, "--yes", check=False)
    shared.rows("DROP EVENT TRIGGER refusal", "DROP FUNCTION refuse")
    assert (failed.returncode, "nothing is dropped today" in failed.stderr) == (17, True)
    assert "The data are what they were before." in failed.stderr
    assert (shared.live, shared.statuses()) == (live, [200, 200])
    assert shared.rows("SELECT to_regclass('since')") == [("since",)]
    assert [shared.story(name)["status"] for name in shared.fleet.hosts] == ["failed", "failed"]
