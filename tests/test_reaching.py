"""Reaching the hosts of a target: which ones, all at once, and what it means that one cannot be reached."""

import contextlib
import getpass
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy import reaching
from django_selfdeploy.core.errors import ConfigError, DeployError, HostError
from django_selfdeploy.hosts.memory import MemoryConnection
from django_selfdeploy.inventory import Host
from django_selfdeploy.options import Project
from django_selfdeploy.reaching import _asking_once, _unreachable, chosen, connected, fleet_of, reached
from tests.making import target

HOSTS = ["deploy@web1", "web2", "web3:2222"]


def project(*hosts: str, **settings: Any) -> Project:
    return Project(Path("/site"), target("production", **{"HOSTS": HOSTS, **settings}), hosts)


class Terminal:
    def isatty(self) -> bool:
        return True


@pytest.fixture
def doors(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Lets logins give a connection or raise an error; what happened is kept in order."""

    def made(**broken: DeployError) -> list[str]:
        happened: list[str] = []

        @contextlib.contextmanager
        def login(target: Any, host: Host, ask: Any, *, accept_new: bool, become: bool) -> Iterator[MemoryConnection]:
            if host.name in broken:
                raise broken[host.name]
            happened.append(f"in {host.name}")
            try:
                yield MemoryConnection()
            finally:
                happened.append(f"out {host.name}")

        monkeypatch.setattr(reaching, "_login", login)
        return happened

    return made


def test_all_hosts_are_chosen_unless_some_are_named() -> None:
    assert [host.name for host in chosen(project())] == ["web1", "web2", "web3:2222"]
    assert [host.name for host in chosen(project("web3:2222", "web1"))] == ["web3:2222", "web1"]


def test_a_host_of_another_target_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        chosen(project("web9"))
    assert caught.value.message == "The target 'production' has no host 'web9'."
    assert caught.value.hint == "It has: web1, web2, web3:2222."
    with pytest.raises(ConfigError, match="It has: this machine only"):
        chosen(project("web1", HOSTS=[]))


def test_all_hosts_are_reached_in_the_order_of_the_settings_and_left_again(doors: Any) -> None:
    happened = doors()
    with reached(project()) as found:
        assert list(found) == ["web1", "web2", "web3:2222"]
        assert sorted(happened) == ["in web1", "in web2", "in web3:2222"]
    assert sorted(happened[3:]) == ["out web1", "out web2", "out web3:2222"]


def test_a_host_that_cannot_be_reached_is_an_answer_and_stops_all_where_all_are_needed(doors: Any) -> None:
    error = HostError("'web2' refuses the connection.", hint="Is sshd running?")
    happened = doors(web2=error)
    with reached(project()) as found:
        assert found["web2"] is error
    with pytest.raises(HostError) as caught, connected(project()):
        pytest.fail("It was begun.")  # pragma: no cover - that is what is tested
    assert caught.value.message == "web2: 'web2' refuses the connection."
    assert caught.value.hint == "Is sshd running? Or leave it out with `--hosts`."
    assert len(happened) == 8  # who was reached was left again, twice


def test_a_fleet_is_led_by_the_host_of_the_database_and_goes_in_batches(doors: Any) -> None:
    doors()
    hosts = ["web1", {"ADDRESS": "web2", "ROLES": ["web", "db"]}, "web3"]
    with connected(project(HOSTS=hosts, BATCH=2)) as fleet:
        assert (fleet.lead, fleet.several) == ("web2", True)
        assert fleet._batches(fleet.names) == (("web1", "web2"), ("web3",))


def test_of_some_hosts_one_of_them_leads() -> None:
    hosts = ["web1", {"ADDRESS": "web2", "ROLES": ["web", "db"]}]
    fleet = fleet_of(project("web1", HOSTS=hosts), {"web1": MemoryConnection()})
    assert (fleet.lead, fleet.several) == ("web1", False)


def test_all_that_cannot_be_reached_are_named_and_an_only_one_is_told_as_it_is() -> None:
    error, other = HostError("'web1' does not answer.", hint="Is it up?"), HostError("?")
    assert _unreachable({"web1": error}, 1) is error
    error.exit_code = 3
    found = _unreachable({"web1": error, "web2": other, "web3": other}, 4)
    assert (found.message, found.exit_code) == ("web1: 'web1' does not answer. Nor can: web2, web3.", 3)


def test_a_question_that_several_hosts_have_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return f"answer to {question}"

    monkeypatch.setattr(getpass, "getpass", answer)
    ask = _asking_once()
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(ask("Passphrase: "))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (asked, set(answers), len(answers)) == (["Passphrase: "], {"answer to Passphrase: "}, 4)
    assert ask("Password: ") == "answer to Password: "


@pytest.mark.parametrize("terminal", [True, False])
def test_nobody_is_asked_without_a_terminal(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    given: list[bool] = []

    def login(target: Any, host: Host, ask: Any, *, accept_new: bool, become: bool) -> Any:
        given.append(ask is not None)
        return contextlib.nullcontext(MemoryConnection())

    monkeypatch.setattr(reaching, "_login", login)
    monkeypatch.setattr(sys, "stdin", Terminal() if terminal else None)
    with reached(project("web1")):
        assert given == [terminal]
