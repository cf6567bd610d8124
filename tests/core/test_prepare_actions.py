"""What prepares a host looks first, changes what is missing, and has nothing to do the second time."""

import getpass
import os
import pwd
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from django_selfdeploy.core.actions import accounts, packages, prepare, system
from django_selfdeploy.core.actions.accounts import AuthorizeKeys, Linger, MakeGroup, MakeUser
from django_selfdeploy.core.actions.base import ActionFailed, World
from django_selfdeploy.core.actions.packages import BUSY, InstallPackages, Package
from django_selfdeploy.core.actions.prepare import Prepare
from django_selfdeploy.core.actions.system import EnableUnit, LowerPorts, OpenPort, OwnFolder, PlaceFile, RunService
from django_selfdeploy.core.errors import HostError
from django_selfdeploy.hosts.memory import MemoryWorld

ME = getpass.getuser()


@dataclass
class Machine:
    """Programs of a machine that answer as a test wants: texts by command, False for one that fails. It remembers
    the commands that it was given, so it is not frozen.
    """

    systemd: bool = False
    says: dict[str, str | bool] = field(default_factory=dict)
    given: list[str] = field(default_factory=list)

    def command(self, *argv: str, given: str = "", allowed: tuple[int, ...] = (0,)) -> str:
        self.given.append(" ".join(argv))
        said = self.says.get(" ".join(argv), "")
        if said is False:
            raise ActionFailed(f"{argv[0]} fails.")
        return str(said)

    def succeeds(self, *argv: str) -> bool:
        return self.says.get(" ".join(argv), True) is not False

    def has_systemd(self) -> bool:
        return self.systemd


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    for module in (accounts, packages, system):
        for name in ("command", "succeeds", "has_systemd"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, getattr(made, name))
    return made


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of the user "deploy", who is the one that tests run as."""
    me = pwd.getpwuid(os.geteuid())
    entry = pwd.struct_passwd((ME, "x", me.pw_uid, me.pw_gid, "", str(tmp_path), "/bin/sh"))
    for module in (accounts, system, prepare):
        monkeypatch.setattr(module, "account", lambda name: entry if name == "deploy" else None)
    return tmp_path


def changes(action: Prepare) -> list[str]:
    """What it tells that it changed, when it is done twice: the second time there must be nothing to do."""
    world = MemoryWorld()
    action.do(world)
    before = list(world.answers["changed"])
    if before:
        action.do(world)
        assert world.answers["changed"] == before
    assert world.notes[-1] == "nothing to do"
    return before


@dataclass(frozen=True)
class Give(Prepare):
    """A thing that is given once."""

    things: tuple[list[str]]

    def describe(self) -> str:
        return "give it"

    def is_done(self) -> bool:
        return bool(self.things[0])

    def change(self, world: World) -> str:
        self.things[0].append("it")
        return "gave it"


def test_what_is_there_is_left_alone_and_what_was_changed_is_told() -> None:
    world = MemoryWorld()
    action = Give(([],))
    action.do(world)
    action.do(world)
    assert (world.answers, world.notes) == ({"changed": ["gave it"]}, ["changed", "nothing to do"])


# packages


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The programs that are there; apt-get installs what it is told to."""
    there = {"apt-get"}
    monkeypatch.setattr(packages.shutil, "which", lambda name, path: name if name in there else None)

    def apt(world: World, argv: tuple[str, ...]) -> tuple[int, str]:
        names = argv[len(packages.APT) :]
        world.tell(f"{' '.join(names)}\n")
        there.update(names)
        return 0, ""

    monkeypatch.setattr(packages, "_told", apt)
    return there


def test_missing_packages_are_installed_and_their_services_stopped(machine: Machine, programs: set[str]) -> None:
    programs.add("crontab")
    wanted = (Package("nginx", program="nginx", idle="nginx"), Package("cron", program="crontab"))
    assert changes(InstallPackages(wanted)) == ["install nginx"]
    world = MemoryWorld()
    programs.discard("nginx")
    InstallPackages(wanted).do(world)
    assert world.told == ["update\n", "install --no-install-recommends nginx\n"]
    machine.systemd = True
    programs.discard("nginx")
    InstallPackages(wanted).do(world)
    assert machine.given == ["systemctl disable --now --quiet nginx"]


def test_a_package_can_be_for_a_module_or_for_hosts_without_systemd(machine: Machine, programs: set[str]) -> None:
    venv = Package("python3-venv", module="ensurepip")
    cron = Package("cron", program="crontab", without_systemd=True)
    assert (venv.is_missing(), cron.is_missing()) == (False, True)
    machine.says["python3 -I -c import ensurepip"] = False
    machine.systemd = True
    assert (venv.is_missing(), cron.is_missing()) == (True, False)


def test_another_distribution_is_told_what_to_install(machine: Machine, programs: set[str]) -> None:
    programs.clear()
    with pytest.raises(HostError) as caught:
        InstallPackages((Package("nginx", program="nginx"), Package("sudo", program="visudo"))).do(MemoryWorld())
    assert caught.value.message == "This host has no apt-get, and it lacks nginx, sudo."
    assert caught.value.exit_code == 4


def test_another_apt_is_waited_for(
    machine: Machine, programs: set[str], monkeypatch: pytest.MonkeyPatch, world: MemoryWorld
) -> None:
    answers = [(100, f"E: {BUSY} /var/lib/apt/lists/lock"), (0, ""), (100, "E: Unable to locate package nginx")]
    monkeypatch.setattr(packages, "_told", lambda world, argv: answers.pop(0))
    with pytest.raises(ActionFailed, match=r"^`apt-get install .*nginx` ended with status 100\.\n    E: Unable"):
        InstallPackages((Package("nginx", program="nginx"),)).do(world)
    assert world.pauses == [3]


@pytest.fixture
def world() -> MemoryWorld:
    return MemoryWorld()


# users, groups and keys


def test_a_user_is_made_who_can_log_in_by_key_only(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "account", lambda name: None if not machine.given else pwd.getpwuid(0))
    assert changes(MakeUser("deploy")) == ["make the user deploy"]
    assert machine.given == ["useradd --create-home --shell /bin/bash --password * deploy"]


KEYS = ("ssh-ed25519 AAAA ann@laptop", "ssh-rsa BBBB bob")


def test_keys_are_added_to_those_that_are_there(home: Path) -> None:
    action = AuthorizeKeys("deploy", KEYS)
    assert changes(action) == ["let 2 keys log in as deploy"]
    path = home / ".ssh/authorized_keys"
    assert path.read_text() == "ssh-ed25519 AAAA ann@laptop\nssh-rsa BBBB bob\n"
    assert [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent)] == [0o600, 0o700]
    path.write_text('from="10.0.0.1" ssh-rsa BBBB another remark')  # with options, and without an end of its line
    assert changes(action) == ["let 2 keys log in as deploy"]
    assert path.read_text() == 'from="10.0.0.1" ssh-rsa BBBB another remark\nssh-ed25519 AAAA ann@laptop\n'


def test_keys_of_a_user_who_is_not_there_are_a_failure(home: Path) -> None:
    action = AuthorizeKeys("nobody-else", KEYS)
    with pytest.raises(ActionFailed, match=r"^There is no user 'nobody-else'\.$"):
        action.do(MemoryWorld())


def test_a_group_gets_the_members_it_lacks(machine: Machine, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members: list[str] = []

    def group(name: str) -> object:
        if not machine.given:
            raise KeyError(name)
        return accounts.grp.struct_group((name, "x", 1, members))

    monkeypatch.setattr(accounts.grp, "getgrnam", group)
    action = MakeGroup("mysite-front", ("deploy", "www-data"))
    world = MemoryWorld()
    action.do(world)
    assert machine.given == ["groupadd --system --force mysite-front", "usermod --append --groups mysite-front deploy"]
    members.append("deploy")
    action.do(world)
    assert world.answers["changed"] == ["make the group mysite-front of deploy, www-data"]


def test_only_systemd_ends_what_outlives_a_login(machine: Machine) -> None:
    assert changes(Linger("deploy")) == []
    machine.systemd = True
    Linger("deploy").do(MemoryWorld())
    assert machine.given == ["loginctl enable-linger deploy"]


# files and folders


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of the one that tests run as count as root's."""
    monkeypatch.setattr(system, "ROOTS", (os.geteuid(), os.getegid()))


def test_a_file_is_placed_once(tmp_path: Path, mine: None) -> None:
    path = tmp_path / "etc/rule"
    assert changes(PlaceFile(str(path), "one\n", 0o440)) == [f"write {path}"]
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("one\n", 0o440)
    assert changes(PlaceFile(str(path), "two\n", 0o440)) == [f"write {path}"]
    assert changes(PlaceFile(str(path), "two\n")) == [f"write {path}"]
    assert path.read_text() == "two\n"


def test_a_link_is_replaced_by_the_file(tmp_path: Path, mine: None) -> None:
    (tmp_path / "other").write_text("text\n")
    (tmp_path / "file").symlink_to("other")
    assert changes(PlaceFile(str(tmp_path / "file"), "text\n")) == [f"write {tmp_path / 'file'}"]
    assert not (tmp_path / "file").is_symlink()


def test_a_file_that_is_refused_is_not_placed(tmp_path: Path, machine: Machine, mine: None) -> None:
    seen: list[str] = []

    def refuse(*argv: str) -> str:
        seen.extend((*argv[:-1], Path(argv[-1]).name, Path(argv[-1]).read_text()))
        raise ActionFailed("visudo refuses it.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(system, "command", refuse)
        with pytest.raises(ActionFailed, match=r"^visudo refuses it\.$"):
            PlaceFile(f"{tmp_path}/rule", "text\n", check=("visudo", "-c")).do(MemoryWorld())
    assert seen[:2] == ["visudo", "-c"]
    assert "." in seen[2]
    assert seen[3] == "text\n"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_made_for_a_user(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "owner", lambda path: "deploy" if os.path.exists(path) else "")
    path = tmp_path / "srv/mysite"
    assert changes(OwnFolder(str(path), "deploy")) == [f"make the folder {path} of deploy"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o755


def test_an_empty_folder_is_taken_over(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[object, ...]] = []
    monkeypatch.setattr(system, "owner", lambda path: "deploy" if given else "root")
    monkeypatch.setattr(system.os, "chown", lambda *args, **named: given.append((*args, named)))
    assert changes(OwnFolder(str(tmp_path), "deploy")) == [f"make the folder {tmp_path} of deploy"]
    assert given == [(str(tmp_path), os.geteuid(), pwd.getpwuid(os.geteuid()).pw_gid, {"follow_symlinks": False})]


@pytest.mark.parametrize("what", ["full", "file", "link"])
def test_what_is_somebody_elses_stays(tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "owner", lambda path: "bob")
    path = tmp_path / "site"
    make: dict[str, Callable[[], object]] = {
        "full": lambda: (path / "data").mkdir(parents=True),
        "file": lambda: path.write_text(""),
        "link": lambda: path.symlink_to(tmp_path),
    }
    make[what]()
    with pytest.raises(
        ActionFailed, match=r"is there already, is not empty, and belongs to 'bob'\. Give it to 'deploy'"
    ):
        OwnFolder(str(path), "deploy").do(MemoryWorld())


# ports, services, units, the firewall


@pytest.fixture
def ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "now").write_text("1024")
    monkeypatch.setattr(system, "PORTS_FILE", f"{tmp_path}/kept")
    monkeypatch.setattr(system, "PORTS_NOW", f"{tmp_path}/now")
    monkeypatch.setattr(system.machine, "lowest_port", lambda: int((tmp_path / "now").read_text()))
    return tmp_path


def test_the_first_port_of_users_is_lowered_and_never_raised(ports: Path) -> None:
    assert changes(LowerPorts(443)) == ["let ordinary users listen from port 443 on"]
    assert changes(LowerPorts(80)) == ["let ordinary users listen from port 80 on"]
    assert changes(LowerPorts(443)) == []
    assert (ports / "now").read_text() == "80"
    assert (ports / "kept").read_text() == "net.ipv4.ip_unprivileged_port_start = 80\n"
    (ports / "now").write_text("1024")  # as after a boot that did not read our file
    assert changes(LowerPorts(443)) == ["let ordinary users listen from port 443 on"]
    assert (ports / "now").read_text() == "80"


def test_a_machine_that_has_lowered_it_itself_is_left_alone(ports: Path) -> None:
    (ports / "now").write_text("0")
    assert changes(LowerPorts(80)) == []
    assert not (ports / "kept").exists()


def test_a_service_is_started(machine: Machine, tmp_path: Path) -> None:
    action = RunService("nginx", f"{tmp_path}/pid")
    for told in ("", "no number", str(2**22 + 1)):
        (tmp_path / "pid").write_text(told)
        assert not action.is_done()
    action.do(MemoryWorld())
    assert machine.given == ["service nginx start"]
    (tmp_path / "pid").write_text(f"{os.getpid()}\n")
    assert changes(action) == []


def test_systemd_starts_a_service_and_enables_it(machine: Machine, tmp_path: Path) -> None:
    machine.systemd = True
    assert changes(RunService("nginx", "")) == []
    assert RunService("cron", "", without_systemd=True).is_done()
    machine.says["systemctl --quiet is-enabled nginx"] = False
    RunService("nginx", "").do(MemoryWorld())
    assert machine.given == ["systemctl --quiet enable --now nginx"]


def test_a_unit_is_for_systemd_alone(machine: Machine, tmp_path: Path, mine: None) -> None:
    action = EnableUnit(f"{tmp_path}/site.service", "[Unit]\n")
    assert changes(action) == []
    machine.systemd = True
    assert changes(action) == [f"enable {tmp_path}/site.service"]
    assert machine.given == ["systemctl daemon-reload", "systemctl --quiet enable site.service"]
    machine.says["systemctl --quiet is-enabled site.service"] = False
    assert not action.is_done()


def test_a_port_is_opened_in_a_firewall_that_is_on(machine: Machine) -> None:
    machine.says["ufw version"] = False
    assert changes(OpenPort(8000)) == []
    machine.says |= {"ufw version": True, "ufw status": "Status: inactive\n"}
    assert changes(OpenPort(8000)) == []
    machine.says |= {"ufw status": "Status: active\n", "ufw show added": "ufw allow 22/tcp\nufw allow 80/tcp\n"}
    assert OpenPort(80).is_done()
    machine.given.clear()
    OpenPort(8000).do(MemoryWorld())
    assert machine.given[-1] == "ufw allow 8000/tcp"


# how it is done


def test_a_command_that_fails_is_told_with_what_it_said() -> None:
    assert prepare.command("sh", "-c", "cat; echo $LC_ALL", given="text ") == "text C\n"
    assert prepare.command("false", allowed=(0, 1)) == ""
    with pytest.raises(ActionFailed, match=r"^`sh -c 'echo no >&2; exit 3'` ended with status 3: no$"):
        prepare.command("sh", "-c", "echo no >&2; exit 3")
    with pytest.raises(ActionFailed, match=r"^`no-such-program` does not run: "):
        prepare.command("no-such-program")
    assert [prepare.succeeds(word) for word in ("true", "false", "no-such-program")] == [True, False, False]


def test_apt_is_heard_line_by_line(world: MemoryWorld) -> None:
    assert packages._told(world, ("sh", "-c", "echo one; echo two >&2; exit 5")) == (5, "one\ntwo\n")
    assert world.told == ["one\n", "two\n"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_root_has_the_rights_of_a_user_for_a_while(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    groups = os.getgroups()
    with prepare.acting_as("nobody") as user:
        assert (os.geteuid(), os.getegid()) == (user.pw_uid, user.pw_gid)
        with pytest.raises(PermissionError):
            (tmp_path / "file").write_text("")
    assert (os.geteuid(), os.getegid(), os.getgroups()) == (0, 0, groups)


def test_a_document_ends_where_its_text_does() -> None:
    assert prepare.document("one\n") == "<<'END'\none\nEND"
    assert prepare.document("END\nEND_\n") == "<<'END__'\nEND\nEND_\nEND__"
