"""The command line of ssh for a person: the login that deployments make, as OpenSSH spells it."""

from typing import Any

import pytest

from django_selfdeploy.hosts.openssh import words
from django_selfdeploy.hosts.options import Ssh


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("web1", ("--", "web1")),
        ("deploy@web1:2222", ("-p", "2222", "-l", "deploy", "--", "web1")),
        ("deploy@[2001:db8::1]", ("-l", "deploy", "--", "2001:db8::1")),
    ],
)
def test_an_address_is_spelt_out(address: str, expected: tuple[str, ...]) -> None:
    made = words(address, Ssh())
    assert made[:2] == ("ssh", "-a")
    assert tuple(word for word in made[2:] if word not in ("-o", "ConnectTimeout=10")) == expected


def test_the_options_of_the_target_are_those_of_the_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    about: dict[str, Any] = {"config": "~/c", "known_hosts": "~/k", "identity_file": "~/i", "connect_timeout": 5.0}
    assert words("web1", Ssh(**about)) == (
        *("ssh", "-a", "-F", "/home/ann/c", "-o", "UserKnownHostsFile=/home/ann/k"),
        *("-i", "/home/ann/i", "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=5", "--", "web1"),
    )


def test_a_command_has_a_terminal_and_is_quoted_for_the_shell_there() -> None:
    made = words("web1", Ssh(), command=("/srv/my site/bin/manage", "shell"))
    assert made[-4:] == ("-t", "--", "web1", "'/srv/my site/bin/manage' shell")


def test_the_agent_is_not_forwarded_with_a_command_either() -> None:
    assert "-a" in words("web1", Ssh(), command=("manage", "shell"))


def test_a_short_timeout_is_not_the_one_of_the_system() -> None:
    assert "ConnectTimeout=1" in words("web1", Ssh(connect_timeout=0.3))
