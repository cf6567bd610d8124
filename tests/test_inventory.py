"""Hosts of a target, their roles, and the batches in which they switch."""

from typing import Any

import pytest

from django_selfdeploy import inventory
from django_selfdeploy.backends.no_front import NoFront
from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.inventory import Host, batches, hosts, lead
from django_selfdeploy.places import on_host, processes_on
from tests.making import target

COMMAND = {"COMMAND": ["python", "manage.py", "work"]}


def refused(given: Any) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        hosts("HOSTS", given)
    return caught.value.message, caught.value.hint


def test_a_host_is_an_address_or_an_address_with_roles() -> None:
    given = ["deploy@web1.example.com:2222", {"ADDRESS": "web2", "ROLES": ["worker"]}, "ann@web3:22"]
    found = hosts("HOSTS", given)
    assert found == (Host(given[0]), Host("web2", ("worker",)), Host("ann@web3:22"))
    assert [host.name for host in found] == ["web1.example.com:2222", "web2", "web3"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("web1", "HOSTS is 'web1', which is not a list."),
        (["web1", "ann@web1"], "HOSTS has the host 'web1' twice."),
        (["-oProxyCommand=id"], "HOSTS[0]: '-oProxyCommand=id' is no address of a host: "),
        ([{"ADDRES": "web1"}], "HOSTS[0] has the unknown key 'ADDRES'."),
        ([{"ADDRESS": "web1", "ROLES": ["a;b"]}], "HOSTS[0] has the role 'a;b'."),
    ],
)
def test_what_cannot_be_is_refused(given: Any, message: str) -> None:
    assert refused(given)[0].startswith(message)


def test_the_first_host_of_the_database_leads_else_the_first() -> None:
    one, two = Host("web1"), Host("web2", ("web", "db"))
    assert (lead((one, two)), lead((one, Host("web3")))) == (two, one)


@pytest.mark.parametrize(
    ("batch", "sizes"),
    [(1, [1] * 5), (2, [2, 2, 1]), ("25%", [1] * 5), ("50%", [2, 2, 1]), ("100%", [5]), ("all", [5]), (9, [5])],
)
def test_hosts_switch_by_number_share_or_all_at_once(batch: int | str, sizes: list[int]) -> None:
    assert [len(group) for group in batches(batch, ("a", "b", "c", "d", "e"))] == sizes


@pytest.mark.parametrize("batch", [0, -1, "0%", "101%", "half", True])
def test_a_batch_that_cannot_be_is_refused(batch: Any) -> None:
    with pytest.raises(ConfigError, match="BATCH is"):
        inventory.batch_size(batch, 4)
    with pytest.raises(ConfigError, match=r"SELFDEPLOY\['default'\]: BATCH is|BATCH'\] is True"):
        target(HOSTS=["web1"], BATCH=batch)


def test_processes_run_where_their_role_is_and_beat_on_one_host_only() -> None:
    made = target(
        HOSTS=["all1", "all2", {"ADDRESS": "worker1", "ROLES": ["worker"]}, {"ADDRESS": "web1", "ROLES": ["web"]}],
        PROCESSES={"mail": COMMAND, "beat": COMMAND, "once": {**COMMAND, "ONE_HOST": True}},
    )
    found = {host.name: tuple(processes_on(made, host.name, ())) for host in made.hosts}
    assert found == {"all1": ("mail", "beat", "once"), "all2": ("mail",), "worker1": ("mail",), "web1": ()}
    fronts = {host.name: isinstance(on_host(made, host).front, NoFront) for host in made.hosts}
    assert fronts == {"all1": False, "all2": False, "worker1": True, "web1": False}


def test_a_role_that_no_host_has_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        target(HOSTS=[{"ADDRESS": "web1", "ROLES": ["web"]}], PROCESSES={"mail": COMMAND})
    assert caught.value.message == "No host has the role 'worker', which the process 'mail' needs."
