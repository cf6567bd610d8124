"""Four hosts in pace: what one does all do, and what fails on one is taken back on all."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from .controller import Controller
from .fleet import NAMES, PORT, Fleet
from .network import Network
from .packages import Packages
from .probing import no_request_lost_on


@pytest.fixture(scope="module")
def fleet(controller: Controller, network: Network, packages: Packages) -> Iterator[Fleet]:
    ssh = {"KEEPALIVE": 1, "SILENCE": 4, "CONNECT_TIMEOUT": 5}
    fleet = Fleet(controller, network, packages, WATCH=0.4, TESTS=False, START_AT_BOOT=False, BATCH="50%", SSH=ssh)
    fleet.site.lay_down()
    yield fleet
    fleet.close()


def live(fleet: Fleet) -> dict[str, str]:
    return {name: fleet.standing(name).serving for name in fleet.hosts}


def expect_all_run(fleet: Fleet, release: str) -> None:
    assert live(fleet) == dict.fromkeys(fleet.hosts, release)
    for name in fleet.hosts:
        standing = fleet.standing(name)
        assert (standing.current, standing.lock_is_free) == (release, True), name


def test_four_hosts_are_deployed_to_redeployed_and_rolled_back(fleet: Fleet) -> None:
    began = time.monotonic()
    done = fleet.deploy()
    print(done.stdout, done.stderr, time.monotonic() - began)
    first = fleet.standing("web1").current
    expect_all_run(fleet, first)
    fleet.site.change()
    with no_request_lost_on(list(fleet.hosts.values()), PORT):
        done = fleet.deploy()
    print(done.stdout, done.stderr)
    second = fleet.standing("web1").current
    assert second > first
    expect_all_run(fleet, second)
    assert fleet.deploy().stdout.endswith(f"{second} is live already; `--force` deploys it all the same.\n")
    with no_request_lost_on(list(fleet.hosts.values()), PORT):
        print(fleet.site.manage("deploy_rollback", "production").stdout)
    expect_all_run(fleet, first)
    found = json.loads(fleet.site.manage("deploy_status", "production", "--json").stdout)
    assert (found["healthy"], found["releases"], set(found["hosts"])) == (True, [first], set(NAMES))
