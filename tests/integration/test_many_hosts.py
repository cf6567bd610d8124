"""Four hosts over SSH, which keep in pace: all of them have the new release, or all of them the old one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_selfdeploy.project.env_text import parsed

from .controller import Controller
from .databases import Server
from .fleet import PORT, Fleet
from .forwarding import database_for
from .network import Network
from .order import expect_in_order
from .packages import Packages
from .probing import no_request_lost_on
from .waiting import until

TABLE = "django_selfdeploy_deployment"


@pytest.fixture(scope="module")
def database(network: Network, postgres: Server) -> Iterator[tuple[str, str]]:
    with database_for(network, postgres) as found:
        yield found


@pytest.fixture(scope="module")
def rows(database: tuple[str, str], postgres: Server) -> Callable[[str], list[Any]]:
    """What a statement finds in the database that all hosts share."""
    return lambda statement: postgres.execute(statement, database=database[0])


@pytest.fixture(scope="module")
def fleet(controller: Controller, network: Network, packages: Packages, database: tuple[str, str]) -> Iterator[Fleet]:
    fleet = Fleet(controller, network, packages, odd={"web4": {"disks": {"/home/deploy": 1200}}})
    fleet.lay_down_on_postgres(database[1])
    yield fleet
    fleet.close()


@pytest.fixture
def live(fleet: Fleet) -> Iterator[str]:
    """The release that all hosts serve; a change is committed that is not deployed yet."""
    [live] = set(fleet.current.values())
    fleet.site.change()
    yield live
    for host in fleet.hosts.values():
        host.heal()


def expect_all_in_order(fleet: Fleet, *, live: str, status: str | None = None) -> None:
    for name in fleet.hosts:
        expect_in_order(fleet.standing(name), live=live, status=status)


def error_of(done: subprocess.CompletedProcess[str]) -> str:
    """The line that says why a command failed; remarks may come before it."""
    [line] = [line for line in done.stderr.splitlines() if line.startswith("CommandError: ")]
    return line


def test_all_hosts_get_the_same_release(fleet: Fleet) -> None:
    fleet.deploy()
    [first] = set(fleet.current.values())
    expect_all_in_order(fleet, live=first, status="succeeded")


def test_each_migration_is_applied_once_by_the_host_that_leads(fleet: Fleet, rows: Callable[[str], list[Any]]) -> None:
    applied = [f"default {app}.{name}" for app, name in rows("SELECT app, name FROM django_migrations ORDER BY id")]
    assert len(applied) == len(set(applied)) > 30
    told = {name: fleet.standing(name).journals[0].get("migrated", []) for name in fleet.hosts}
    [(leader, [only])] = [(name, stories) for name, stories in told.items() if stories]
    assert (leader, only["applied"], only["left"]) == ("web1", applied, [])


def test_the_database_of_all_hosts_has_a_row_for_each(fleet: Fleet, rows: Callable[[str], list[Any]]) -> None:
    """They wrote to it at the same time."""
    hosts = rows(f"SELECT host, status FROM {TABLE}host ORDER BY host")
    whole = rows(f"SELECT identity, host, status FROM {TABLE}")
    assert hosts == [(name, "succeeded") for name in fleet.hosts]
    [told] = json.loads(fleet.site.manage("deploy_history", fleet.site.alias, "--json").stdout)
    assert whole == [(told["id"], ", ".join(fleet.hosts), told["status"])]
    assert [(each["host"], each["status"]) for each in told["hosts"]] == hosts


def test_no_host_loses_a_request(fleet: Fleet, live: str) -> None:
    with no_request_lost_on(list(fleet.hosts.values()), PORT):
        fleet.deploy()
        [second] = set(fleet.current.values())
        assert second > live
        fleet.site.manage("deploy_rollback", fleet.site.alias)
    expect_all_in_order(fleet, live=live, status="succeeded")


def test_a_variable_is_changed_on_all_hosts_and_a_rollback_takes_it_back_on_all(fleet: Fleet, live: str) -> None:
    alias = fleet.site.alias
    with no_request_lost_on(list(fleet.hosts.values()), PORT):
        fleet.site.manage("deploy_env", "set", alias, "GREETING=good day")
        [changed] = set(fleet.current.values())
        assert changed > live
        assert {greeting(fleet, name) for name in fleet.hosts} == {("good day", "good day")}
        [told] = json.loads(fleet.site.manage("deploy_history", alias, "--json", "--count", "1").stdout)
        assert (told["kind"], told["release"], len(told["hosts"])) == ("restart", changed, len(fleet.hosts))
        fleet.site.manage("deploy_rollback", alias)
    assert {greeting(fleet, name) for name in fleet.hosts} == {(None, None)}
    assert "+ GREETING" in fleet.site.manage("deploy_env", "diff", alias).stdout
    fleet.site.manage("deploy_env", "unset", alias, "GREETING", "--no-push")
    expect_all_in_order(fleet, live=live, status="succeeded")


def greeting(fleet: Fleet, name: str) -> tuple[str | None, str | None]:
    """The variable in the live release of a host, and in what the host keeps for the next one."""
    root = fleet.standing(name).root
    texts = [(root / path).read_text() for path in ("current/source/.env", "shared/.env")]
    live, kept = (parsed(text).get("GREETING") for text in texts)
    return live, kept


def test_a_host_with_another_key_stops_all(fleet: Fleet, live: str) -> None:
    fleet["web2"].change_host_key()
    refused = fleet.deploy(check=False)
    fleet.ssh_home.learn(fleet.hosts.values())
    assert refused.returncode == 4, refused.stderr
    assert "web2" in error_of(refused)
    expect_all_in_order(fleet, live=live)


def test_a_host_that_is_silent_stops_all(fleet: Fleet, live: str) -> None:
    fleet["web3"].cut()
    with no_request_lost_on([fleet["web1"], fleet["web2"], fleet["web4"]], PORT):
        refused = fleet.deploy(check=False)
    assert refused.returncode == 4, refused.stderr
    assert "'deploy@web3' cannot be reached: " in error_of(refused)
    fleet["web3"].heal()
    expect_all_in_order(fleet, live=live)


def test_a_host_whose_disk_is_full_stops_all(fleet: Fleet, live: str) -> None:
    filler = fleet["web4"].fill("/home/deploy", leave=20 << 20)
    refused = fleet.deploy(check=False)
    fleet["web4"].run("rm", "-f", filler, user="root")
    assert refused.returncode == 4, refused.stderr
    assert " MB free" in error_of(refused)
    expect_all_in_order(fleet, live=live)


def test_a_second_controller_finds_the_lock(fleet: Fleet, live: str) -> None:
    first = fleet.begin("deploy")
    first.until_step("lay the source down")
    second = fleet.deploy(check=False)
    assert second.returncode == 75, second.stderr
    assert first.end() == 0, first.story()
    [now] = set(fleet.current.values())
    assert now > live
    expect_all_in_order(fleet, live=now, status="succeeded")


@pytest.mark.parametrize("step", ["lay the source down", "look at the release", "start the processes"])
def test_a_session_that_dies_before_the_switch_changes_nothing(fleet: Fleet, live: str, step: str) -> None:
    with no_request_lost_on(list(fleet.hosts.values()), PORT):
        running = fleet.begin("deploy")
        running.until_step(step)
        fleet["web2"].end_ssh_sessions()
        assert running.end() != 0, running.story()
    for name in fleet.hosts:
        until(lambda name=name: fleet.standing(name).lock_is_free, what=f"the runner on {name} ends")  # type: ignore[misc]
    expect_all_in_order(fleet, live=live)


def test_four_controllers_at_once_apply_each_migration_once(
    fleet: Fleet, live: str, rows: Callable[[str], list[Any]]
) -> None:
    """Each deploys to a host of its own, and none knows of the others: only the database does."""
    names, before = ["0006_mark", "0007_mark"], "0005_notice_title_unique"
    for after, name in zip((before, *names), names, strict=False):
        fleet.site.write(f"pages/migrations/{name}.py", MARK.format(after=after, name=name))
    fleet.site.commit("Leave marks")
    rows("CREATE TABLE marks (text text)")
    fleet.site.others = {
        name: {**fleet.site.target, "NAME": fleet.site.name, "HOSTS": [f"deploy@{name}"]} for name in fleet.hosts
    }
    running = {name: fleet.site.begin("deploy", name) for name in fleet.hosts}
    assert {name: one.end() for name, one in running.items()} == dict.fromkeys(fleet.hosts, 0), running
    assert rows("SELECT text FROM marks ORDER BY text") == [(name,) for name in names]
    told = [fleet.standing(name).journals[0].get("migrated", []) for name in fleet.hosts]
    applied = sorted(label for stories in told for story in stories for label in story["applied"])
    assert applied == [f"default pages.{name}" for name in names]
    for name in fleet.hosts:
        expect_in_order(fleet.standing(name), live=fleet.current[name], status="succeeded")
        assert fleet.current[name] > live


MARK = """
from django.db import migrations

class Migration(migrations.Migration):
    selfdeploy = "expand"
    dependencies = [("pages", "{after}")]
    operations = [migrations.RunSQL("INSERT INTO marks SELECT '{name}' FROM pg_sleep(0.2)", "")]
"""
