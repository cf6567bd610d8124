"""Files, folders, services, ports and the start of a host, as root gives them to a site."""

from __future__ import annotations

import os
import shlex
import stat
from dataclasses import dataclass

from .. import atomic, machine, processes
from ..codec import record
from .base import ActionFailed, World
from .prepare import Prepare, account, acting_as, command, document, has_systemd, lines, owner, succeeds, words

ROOTS = (0, 0)
"""Whose files are placed: the numbers of root and of root's group."""

PORTS_FILE = "/etc/sysctl.d/60-selfdeploy.conf"
PORTS_KEY = "net.ipv4.ip_unprivileged_port_start"
"""The first port that is not for root alone, of IPv4 and IPv6 (ip(7))."""

PORTS_NOW = "/proc/sys/net/ipv4/ip_unprivileged_port_start"


@record
@dataclass(frozen=True)
class PlaceFile(Prepare):
    """A file of root's with this text and mode. `check` are the words that judge it first, its path put last."""

    path: str
    text: str
    mode: int = 0o644
    check: tuple[str, ...] = ()

    def describe(self) -> str:
        return f"write {self.path}"

    def is_done(self) -> bool:
        try:
            there = os.lstat(self.path)
            if not stat.S_ISREG(there.st_mode) or stat.S_IMODE(there.st_mode) != self.mode:
                return False
            if (there.st_uid, there.st_gid) != ROOTS:
                return False
            with open(self.path, "rb") as file:
                return file.read() == self.text.encode()
        except OSError:
            return False

    def change(self, world: World) -> str:
        os.makedirs(os.path.dirname(self.path), mode=0o755, exist_ok=True)
        if self.check:
            self._judge()
        atomic.write(self.path, self.text.encode(), mode=self.mode)
        return self.describe()

    def _judge(self) -> None:
        """Let it be read where nobody takes it for the real one: sudo, for one, leaves names with a dot out."""
        trial = atomic.beside(self.path)
        atomic.write(trial, self.text.encode(), mode=self.mode)
        try:
            command(*self.check, trial)
        finally:
            os.unlink(trial)

    def script(self) -> str:
        head = words("place", self.path, f"{self.mode:o}", *self.check)
        return lines(f"{head} {document(self.text)}")


@record
@dataclass(frozen=True)
class OwnFolder(Prepare):
    """A folder that belongs to `user`; those above it that are missing are root's.

    One that belongs to somebody else is taken over only while it is empty.
    """

    path: str
    user: str

    def describe(self) -> str:
        return f"make the folder {self.path} of {self.user}"

    def is_done(self) -> bool:
        try:
            return stat.S_ISDIR(os.lstat(self.path).st_mode) and owner(self.path) == self.user
        except OSError:
            return False

    def change(self, world: World) -> str:
        if os.path.lexists(self.path):
            self._expect_nobody_elses()
        user = account(self.user)
        if user is None:
            raise ActionFailed(f"There is no user {self.user!r}.")
        above = machine.existing(self.path)
        if owner(above) == self.user:
            with acting_as(self.user):
                os.makedirs(self.path, mode=0o755)
            return self.describe()
        os.makedirs(self.path, mode=0o755, exist_ok=True)
        os.chown(self.path, user.pw_uid, user.pw_gid, follow_symlinks=False)
        return self.describe()

    def _expect_nobody_elses(self) -> None:
        if os.path.islink(self.path) or not os.path.isdir(self.path) or os.listdir(self.path):
            raise ActionFailed(
                f"{self.path!r} is there already, is not empty, and belongs to {owner(self.path)!r}. "
                f"Give it to {self.user!r} with chown, or name another ROOT."
            )

    def script(self) -> str:
        return lines(words("own_folder", self.path, self.user, self.describe()))


@record
@dataclass(frozen=True)
class LowerPorts(Prepare):
    """Let ordinary users listen on `port` and above. It is lowered, never raised: other sites may need it too."""

    port: int

    def describe(self) -> str:
        return f"let ordinary users listen from port {self.port} on"

    def is_done(self) -> bool:
        kept = _kept_port()
        return machine.lowest_port() <= self.port and (kept is None or kept <= self.port)

    def change(self, world: World) -> str:
        least = min(self.port, _kept_port() or self.port)
        atomic.write(PORTS_FILE, f"{PORTS_KEY} = {least}\n".encode())
        with open(PORTS_NOW, "w", encoding="ascii") as file:
            file.write(str(least))
        return self.describe()

    def script(self) -> str:
        return lines(words("lower_ports", str(self.port), self.describe()))


def _kept_port() -> int | None:
    """The value of our file; None where there is none."""
    try:
        with open(PORTS_FILE, encoding="ascii") as file:
            return int(file.read().partition("=")[2])
    except (OSError, ValueError):
        return None


@record
@dataclass(frozen=True)
class RunService(Prepare):
    """A service of the machine that runs, and that starts at boot. `pid_file` is where it says so itself."""

    name: str
    pid_file: str
    without_systemd: bool = False

    def describe(self) -> str:
        return f"start the service {self.name}"

    def is_done(self) -> bool:
        if has_systemd():
            wanted = (("is-active", self.name), ("is-enabled", self.name))
            return self.without_systemd or all(succeeds("systemctl", "--quiet", *asked) for asked in wanted)
        return _runs(self.pid_file)

    def change(self, world: World) -> str:
        if has_systemd():
            command("systemctl", "--quiet", "enable", "--now", self.name)
        else:
            command("service", self.name, "start")
        return self.describe()

    def script(self) -> str:
        asked = words("run_service", self.name, self.pid_file, self.describe())
        return lines(f"[ -d /run/systemd/system ] || {asked}" if self.without_systemd else asked)


def _runs(pid_file: str) -> bool:
    try:
        with open(pid_file, encoding="ascii") as file:
            return processes.started(int(file.read())) is not None
    except (OSError, ValueError):
        return False


@record
@dataclass(frozen=True)
class EnableUnit(Prepare):
    """A systemd unit that is enabled; nothing to do where systemd does not run this host."""

    path: str
    text: str

    def describe(self) -> str:
        return f"enable {self.path}"

    @property
    def _file(self) -> PlaceFile:
        return PlaceFile(self.path, self.text)

    @property
    def _name(self) -> str:
        return os.path.basename(self.path)

    def is_done(self) -> bool:
        if not has_systemd():
            return True
        return self._file.is_done() and succeeds("systemctl", "--quiet", "is-enabled", self._name)

    def change(self, world: World) -> str:
        self._file.change(world)
        command("systemctl", "daemon-reload")
        command("systemctl", "--quiet", "enable", self._name)
        return self.describe()

    def script(self) -> str:
        head = words("enable_unit", self.path, self.describe())
        return lines(f"{head} {document(self.text)}")


@record
@dataclass(frozen=True)
class OpenPort(Prepare):
    """Let visitors through a firewall that ufw keeps, if it is on. Nothing else of it is changed."""

    port: int

    def describe(self) -> str:
        return f"let visitors through ufw to port {self.port}"

    @property
    def _rule(self) -> str:
        return f"ufw allow {self.port}/tcp"

    def is_done(self) -> bool:
        if "Status: active" not in (command("ufw", "status") if succeeds("ufw", "version") else ""):
            return True
        return self._rule in command("ufw", "show", "added").splitlines()

    def change(self, world: World) -> str:
        command(*shlex.split(self._rule))
        return self.describe()

    def script(self) -> str:
        return lines(words("open_port", str(self.port), self.describe()))
