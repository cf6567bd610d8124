"""Who logs in where, who deploys, and which keys may: from the target, the options, and files of the controller."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy import setting_up
from django_selfdeploy.core.actions.accounts import AuthorizeKeys, MakeUser
from django_selfdeploy.core.actions.system import OwnFolder
from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.core.plan import Plan
from django_selfdeploy.hosts.fleet import Fleet
from django_selfdeploy.hosts.memory import MemoryConnection
from django_selfdeploy.options import Project
from django_selfdeploy.setting_up import Setup
from tests.making import target


def public(kind: str = "ssh-ed25519", remark: str = "ann@laptop") -> str:
    number = len(kind).to_bytes(4, "big") + kind.encode() + b"\0\0\0\x20" + bytes(32)
    return f"{kind} {base64.b64encode(number).decode()} {remark}".strip()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SUDO_USER", raising=False)
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/id_ed25519.pub").write_text(f"{public()}\n")
    return tmp_path


def project(*hosts: str, chosen: tuple[str, ...] = (), **settings: Any) -> Project:
    return Project(Path("/project"), target(HOSTS=list(hosts), **settings), chosen)


def of(plan: Plan, kind: type) -> list[Any]:
    return [action for step in plan.steps for action in step.actions if isinstance(action, kind)]


def test_each_host_has_its_own_user(home: Path) -> None:
    found = setting_up.plans(project("deploy@web1", "site@web2:2222"), Setup())
    assert {name: [user.name for user in of(plan, MakeUser)] for name, plan in found.items()} == {
        "web1": ["deploy"],
        "web2:2222": ["site"],
    }
    assert of(found["web1"], AuthorizeKeys) == [AuthorizeKeys("deploy", (public(),))]


def test_some_hosts_can_be_chosen(home: Path) -> None:
    assert list(setting_up.plans(project("deploy@web1", "deploy@web2", chosen=("web2",)), Setup())) == ["web2"]


def test_hosts_without_visitors_get_no_front_server(home: Path) -> None:
    hosts = [{"ADDRESS": "deploy@web1"}, {"ADDRESS": "deploy@job1", "ROLES": ["worker"]}]
    made = Project(Path("/project"), target(HOSTS=hosts, PROCESSES={"mail": {"COMMAND": ["python", "x"]}}))
    found = setting_up.plans(made, Setup(firewall=True))
    names = {name: [step.name for step in plan.steps] for name, plan in found.items()}
    assert "let visitors in" in names["web1"]
    assert "let visitors in" not in names["job1"]
    assert "nginx" not in found["job1"].steps[0].actions[0].describe()


def test_the_folder_is_the_one_that_a_deployment_finds(home: Path) -> None:
    [plan] = setting_up.plans(project("deploy@web1", ROOT=""), Setup()).values()
    assert of(plan, OwnFolder) == [OwnFolder("/srv/mysite", "deploy")]
    [plan] = setting_up.plans(project("deploy@web1", ROOT="/home/deploy/site/"), Setup()).values()
    assert of(plan, OwnFolder) == [OwnFolder("/home/deploy/site", "deploy")]


def test_keys_can_be_named(home: Path) -> None:
    (home / "two.pub").write_text(f"# a remark\n\n{public('ssh-rsa', '')}\n{public()}\n")
    [plan] = setting_up.plans(project("deploy@web1"), Setup(keys=("~/two.pub", f"{home}/two.pub"))).values()
    assert of(plan, AuthorizeKeys)[0].keys == (public("ssh-rsa", ""), public())


def test_without_a_key_nobody_could_log_in(home: Path) -> None:
    (home / ".ssh/id_ed25519.pub").unlink()
    with pytest.raises(ConfigError, match=r"so nobody could log in as 'deploy'\."):
        setting_up.plans(project("deploy@web1"), Setup())
    assert list(setting_up.plans(project("root@web1"), Setup())) == ["web1"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n",
        "ssh-ed25519\n",
        "ssh-ed25519 AAAA\n",
        "ssh-ed25519 no-base64!\n",
        f'command="id" {public()}\n',
        f"{public()}\nssh-dss AAAA\n",
        f"{public().replace('ssh-ed25519', 'ssh-rsa', 1)}\n",
        f"{public()}\x1b[0m\n",
        f"{public()}ä\n",
    ],
)
def test_what_is_no_public_key_is_refused_and_not_shown(home: Path, text: str) -> None:
    (home / "key").write_text(text)
    with pytest.raises(ConfigError) as caught:
        setting_up.plans(project("deploy@web1"), Setup(keys=(f"{home}/key",)))
    assert caught.value.message in (
        f"'{home}/key' holds something else than public keys.",
        f"'{home}/key' cannot be read as a public key.",
    )


def test_a_user_whose_name_would_be_something_else_in_sudoers_is_refused(home: Path) -> None:
    with pytest.raises(ConfigError, match=r"^The user 'ALL' cannot be made\."):
        setting_up.plans(project("ALL@web1"), Setup())


def test_on_this_machine_it_is_who_called_sudo(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ann")
    [(name, plan)] = setting_up.plans(project(), Setup()).items()
    assert (name, of(plan, MakeUser), of(plan, AuthorizeKeys)) == ("", [MakeUser("ann")], [])
    [plan] = setting_up.plans(project(), Setup(user="deploy")).values()
    assert of(plan, MakeUser) == [MakeUser("deploy")]


@pytest.mark.parametrize(
    ("host", "asked", "address"),
    [
        ("deploy@web1", Setup(), "root@web1"),
        ("deploy@web1:2222", Setup(login="ubuntu", sudo=True), "ubuntu@web1:2222"),
        ("deploy@web1:2222", Setup(sudo=True), "deploy@web1:2222"),
        ("web1", Setup(sudo=True), "web1"),
        ("deploy@[2001:db8::1]:22", Setup(), "root@[2001:db8::1]:22"),
        ("deploy@[2001:db8::1]", Setup(), "root@[2001:db8::1]"),
        ("[2001:db8::1]:2222", Setup(sudo=True), "[2001:db8::1]:2222"),
    ],
)
def test_somebody_else_logs_in(host: str, asked: Setup, address: str) -> None:
    made = setting_up._as_administrator(project(host, PYTHON="python3.12"), asked)
    assert [one.address for one in made.target.hosts] == [address]
    assert (made.target.root, made.target.python) == ("", "")


# with hosts that remember


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> dict[str, MemoryConnection]:
    """The hosts that are connected to, by name; `become` is remembered by the name "sudo"."""
    hosts = {name: MemoryConnection(replies={"examine": (True,) * 7}) for name in ("web1", "web2")}

    @contextmanager
    def connected(made: Project, *, become: bool) -> Iterator[Fleet]:
        yield Fleet({host.name: hosts[host.name] for host in made.target.hosts}, lead="web1")

    monkeypatch.setattr(setting_up, "connected", connected)
    return hosts


def test_every_host_is_prepared(home: Path, reached: dict[str, MemoryConnection]) -> None:
    heard: list[Any] = []
    both = project("deploy@web1", "site@web2")
    assert setting_up.prepare(both, Setup(), (heard.append,)) == {"web1": (), "web2": ()}
    plans = setting_up.plans(both, Setup())
    for name, host in reached.items():
        assert host.done == [action for step in plans[name].steps for action in step.actions]
    assert [step for step, _ in heard[0].steps] == [step.name for step in plans["web1"].steps]


def test_a_plan_is_narrowed_to_what_is_left(home: Path, reached: dict[str, MemoryConnection]) -> None:
    one = project("deploy@web1")
    whole = setting_up.plans(one, Setup())["web1"]
    reached["web1"].replies["examine"] = tuple(step.name != "make the user" for step in whole.steps)
    left = setting_up.examine(one, Setup())["web1"]
    assert [step.name for step in left.steps] == ["make the user"]


def test_the_script_of_each_host_is_that_of_its_plan(home: Path) -> None:
    found = setting_up.scripts(project("deploy@web1", "deploy@web2"), Setup())
    assert found["web1"] == found["web2"]
    assert "useradd --create-home --shell /bin/bash --password '*' deploy" in found["web1"]
