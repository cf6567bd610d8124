"""Four hosts over SSH, which keep in pace: all of them have the new release, or all of them the old one."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing

import pytest

from .controller import Controller
from .fleet import PORT, Fleet
from .network import Network
from .order import expect_in_order
from .packages import Packages
from .probing import no_request_lost_on
from .waiting import until

TABLE = "django_selfdeploy_deployment"


@pytest.fixture(scope="module")
def fleet(controller: Controller, network: Network, packages: Packages) -> Iterator[Fleet]:
    fleet = Fleet(controller, network, packages, odd={"web4": {"disks": {"/home/deploy": 1200}}})
    fleet.site.lay_down(env={"DATABASE_URL": fleet.database_url})
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


def test_the_database_of_all_hosts_has_a_row_for_each(fleet: Fleet) -> None:
    """They wrote to it at the same time."""
    with closing(sqlite3.connect(fleet.shared / "db.sqlite3")) as database:
        hosts = database.execute(f"SELECT host, status FROM {TABLE}host ORDER BY host").fetchall()
        whole = database.execute(f"SELECT identity, host, status FROM {TABLE}").fetchall()
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


def test_the_next_deployment_works(fleet: Fleet, live: str) -> None:
    fleet.deploy()
    [now] = set(fleet.current.values())
    assert now > live
    expect_all_in_order(fleet, live=now, status="succeeded")
