"""A host, a connection or the controller is lost after the first host has switched: never a mixed fleet."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from .controller import Controller
from .fleet import PORT, Fleet
from .network import Network
from .order import expect_in_order
from .packages import Packages
from .probing import no_request_lost_on
from .running import Running
from .waiting import until

SSH = {"KEEPALIVE": 1, "SILENCE": 3, "CONNECT_TIMEOUT": 3}


@pytest.fixture(scope="module")
def fleet(controller: Controller, network: Network, packages: Packages) -> Iterator[Fleet]:
    fleet = Fleet(controller, network, packages, names=("web1", "web2", "web3"), BATCH=1, WATCH=1.5, SSH=SSH)
    fleet.site.lay_down(env={"DATABASE_URL": fleet.database_url})
    fleet.deploy()
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


def expect_all_in_order(fleet: Fleet, *, live: str) -> None:
    for name in fleet.hosts:
        until(lambda name=name: fleet.standing(name).lock_is_free, what=f"the runner on {name} ends")  # type: ignore[misc]
    for name in fleet.hosts:
        expect_in_order(fleet.standing(name), live=live)


def watched_on(running: Running, host: str) -> None:
    """Read on until `host` has switched and is watched; the hosts before it have been."""
    running.until(
        lambda e: e["event"] == "step_started" and e.get("host") == host and e["name"] == "watch",
        what=f"the watch of {host}",
    )


def test_a_session_that_dies_after_the_switch_brings_all_hosts_back(fleet: Fleet, live: str) -> None:
    with no_request_lost_on(list(fleet.hosts.values()), PORT):
        running = fleet.begin("deploy")
        watched_on(running, "web2")
        assert fleet.current["web1"] > live
        fleet["web2"].end_ssh_sessions()
        assert running.end() == 13, running.story()
        expect_all_in_order(fleet, live=live)
    assert running.error["message"].startswith("web2: The connection to 'deploy@web2' was lost")


def test_a_silent_host_is_told_of_and_comes_back_by_itself(fleet: Fleet, live: str) -> None:
    with no_request_lost_on([fleet["web1"], fleet["web3"]], PORT):
        running = fleet.begin("deploy")
        watched_on(running, "web2")
        fleet["web2"].cut()
        assert running.end() == 13, running.story()
    assert f"web1, web3 run {live}; web2 does not answer." in running.error["message"]
    fleet["web2"].heal()
    expect_all_in_order(fleet, live=live)


def test_a_controller_that_is_killed_between_two_hosts_leaves_the_old_release_on_all(fleet: Fleet, live: str) -> None:
    with no_request_lost_on(list(fleet.hosts.values()), PORT):
        running = fleet.begin("deploy")
        watched_on(running, "web2")
        running.kill()
        expect_all_in_order(fleet, live=live)
    attached = fleet.site.manage("deploy_attach", fleet.site.alias, check=False)
    assert attached.returncode == 130, attached.stderr
    assert "The controller went away" in attached.stderr


def test_a_release_that_fails_on_one_host_comes_back_on_all(fleet: Fleet, live: str) -> None:
    fleet.site.append(
        "website/settings.py", "\nimport os, socket\nif socket.gethostname() == 'web3':\n    ROOT_URLCONF = 'nowhere'\n"
    )
    fleet.site.commit("Break it on one host")
    with no_request_lost_on(list(fleet.hosts.values()), PORT):
        failed = fleet.deploy(check=False)
    fleet.site.undo_commit()
    assert failed.returncode == 7, failed.stderr
    assert "web3: " in failed.stderr
    expect_all_in_order(fleet, live=live)


def test_a_host_that_dies_in_the_middle_is_repaired_by_the_next_run(fleet: Fleet, live: str) -> None:
    with no_request_lost_on([fleet["web1"], fleet["web3"]], PORT):
        running = fleet.begin("deploy")
        watched_on(running, "web2")
        fleet["web2"].reboot()
        assert running.end() == 13, running.story()
    assert {fleet.current["web1"], fleet.current["web3"]} == {live}
    status = json.loads(fleet.site.manage("deploy_status", fleet.site.alias, "--json", check=False).stdout)
    assert status["healthy"] is False
    fleet.deploy()
    [now] = set(fleet.current.values())
    assert now > live
    expect_all_in_order(fleet, live=now)


def test_a_host_that_was_reinstalled_is_brought_to_the_release_of_the_others(fleet: Fleet) -> None:
    [live] = set(fleet.current.values())
    fleet["web3"].reboot()
    fleet["web3"].run("rm", "-rf", "/home/deploy/website")
    with no_request_lost_on([fleet["web1"], fleet["web2"]], PORT):
        fleet.deploy()
    assert set(fleet.current.values()) == {live}
    expect_all_in_order(fleet, live=live)
    assert [journal["status"] for journal in fleet.standing("web1").journals][:1] == ["unchanged"]


def test_some_hosts_can_be_left_out(fleet: Fleet, live: str) -> None:
    fleet["web3"].cut()
    fleet.deploy("--hosts", "web1,web2")
    fleet["web3"].heal()
    now = fleet.current
    assert (now["web1"] == now["web2"] > live, now["web3"]) == (True, live)
    told = fleet.site.manage("deploy_status", fleet.site.alias, check=False)
    assert told.returncode == 1
    assert "The hosts do not run the same" in told.stdout
    fleet.deploy()
    assert set(fleet.current.values()) == {now["web1"]}
