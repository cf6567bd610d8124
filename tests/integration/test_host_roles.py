"""What runs where: a host for visitors, and one for workers alone, which needs no front server."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from .controller import Controller
from .fleet import PORT, Fleet
from .network import Network
from .packages import Packages
from .probing import no_request_lost_on
from .waiting import until

WORKER = {"COMMAND": ["python", "manage.py", "pages_worker", "--seconds", "0.3"]}


@pytest.fixture(scope="module")
def fleet(controller: Controller, network: Network, packages: Packages) -> Iterator[Fleet]:
    hosts = [
        {"ADDRESS": "deploy@web1", "ROLES": ["web", "db"]},
        {"ADDRESS": "deploy@worker1", "ROLES": ["worker", "beat"]},
    ]
    odd = {"worker1": {"without": ("nginx", "uv")}}
    processes = {"mail": WORKER, "beat": WORKER}
    fleet = Fleet(
        controller, network, packages, names=("web1", "worker1"), odd=odd, HOSTS=hosts, PROCESSES=processes, WATCH=0.4
    )
    fleet.site.lay_down(env={"DATABASE_URL": fleet.database_url})
    fleet.deploy()
    yield fleet
    fleet.close()


def programs(fleet: Fleet, name: str) -> set[str]:
    """What runs on the host, without the releases' names."""
    found = json.loads(fleet.site.manage("deploy_status", fleet.site.alias, "--json").stdout)["hosts"][name]
    assert {row["state"] for row in found["processes"]} == {"RUNNING"}
    return {row["program"].rpartition("-")[2] for row in found["processes"]}


def test_each_host_runs_what_it_is_for(fleet: Fleet) -> None:
    [first] = set(fleet.current.values())
    assert (programs(fleet, "web1"), programs(fleet, "worker1")) == ({"web", "front"}, {"mail", "beat"})
    assert not any("nginx" in command for command in fleet["worker1"].processes().values())
    assert fleet.standing("web1").serving == first


def test_both_go_on_and_back_together(fleet: Fleet) -> None:
    [first] = set(fleet.current.values())
    fleet.site.change()
    with no_request_lost_on([fleet["web1"]], PORT):
        fleet.deploy()
        [second] = set(fleet.current.values())
        assert second > first
        fleet.site.manage("deploy_rollback", fleet.site.alias)
    assert set(fleet.current.values()) == {first}
    assert programs(fleet, "worker1") == {"mail", "beat"}


def test_a_worker_that_does_not_stay_brings_both_back(fleet: Fleet) -> None:
    [live] = set(fleet.current.values())
    fleet.site.append("pages/management/commands/pages_worker.py", "\nraise SystemExit(3)\n")
    fleet.site.commit("Break the worker")
    failed = fleet.deploy(check=False)
    fleet.site.undo_commit()
    assert failed.returncode == 11, failed.stderr
    assert "worker1: The workers of the new release do not run." in failed.stderr
    for name in fleet.hosts:
        until(lambda name=name: fleet.standing(name).lock_is_free, what=f"the runner on {name} ends")  # type: ignore[misc]
    assert set(fleet.current.values()) == {live}
    assert programs(fleet, "worker1") == {"mail", "beat"}
