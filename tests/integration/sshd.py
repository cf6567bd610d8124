"""A real sshd on an address of its own, with keys of its own, and a line to it that can be cut without a word."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from django_selfdeploy.core.state import HostState
from django_selfdeploy.hosts.base import Connection
from django_selfdeploy.hosts.options import Ssh

from .processes import children, command_line, is_alive, kill
from .waiting import until

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/local/sbin:/usr/sbin:/sbin") or "sshd"

IN_CI = os.environ.get("CI") == "true"

needs_sshd = [
    pytest.mark.skipif(os.geteuid() != 0, reason="sshd lets its own user in only"),
    pytest.mark.skipif(not IN_CI and not os.path.exists(SSHD), reason="no sshd"),
]
"""In a CI what is missing is a failure, elsewhere it is a reason to skip."""

CONFIG = """
{lines}
Port {port}
ListenAddress {address}
HostKey {host_key}
PidFile {folder}/sshd.pid
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
"""


def make_key(path: Path, kind: str = "ed25519", *, passphrase: str = "") -> Path:
    """A pair of keys; the path of the private one."""
    bits = ("-b", "2048") if kind == "rsa" else ()
    command = ("ssh-keygen", "-q", "-t", kind, *bits, "-N", passphrase, "-C", path.name, "-f", str(path))
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


def free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


class Sshd:
    """One host. `folder` holds its files, and with `home` also the home of whoever logs in; `lines` are added to its
    configuration. `key` is the private key that it accepts.
    """

    def __init__(
        self,
        folder: Path,
        address: str = "127.0.0.1",
        *,
        lines: tuple[str, ...] = (),
        key_kind: str = "ed25519",
        home: bool = True,
        key: Path | None = None,
        port: int = 0,
    ) -> None:
        self.folder, self.address, self.port = folder, address, port or free_port(address)
        folder.mkdir(parents=True, exist_ok=True)
        os.makedirs("/run/sshd", exist_ok=True)
        self.home = folder / "home"
        self.home.mkdir(exist_ok=True)
        self.host_key = folder / f"host_{key_kind}"
        if not self.host_key.exists():
            make_key(self.host_key, key_kind)
        self.key = key or make_key(folder / "user_key")
        (folder / "authorized_keys").write_text((self.key.with_name(f"{self.key.name}.pub")).read_text())
        own = (*lines, f"SetEnv HOME={self.home}") if home else lines
        text = CONFIG.format(
            port=self.port, address=address, host_key=self.host_key, folder=folder, lines="\n".join(own)
        )
        (folder / "sshd.conf").write_text(text)
        self._child = subprocess.Popen(
            (SSHD, "-D", "-f", str(folder / "sshd.conf"), "-E", str(folder / "sshd.log")),
            stdin=subprocess.DEVNULL,
        )
        until(self._answers, what=f"sshd answers: {self.log()}")

    def _answers(self) -> bool:
        assert self._child.poll() is None, self.log()
        with suppress(OSError), socket.create_connection((self.address, self.port), 1) as probe:
            return probe.recv(4) == b"SSH-"
        return False

    @property
    def name(self) -> str:
        """The address to connect to."""
        return f"{self.address}:{self.port}"

    @property
    def known_hosts_line(self) -> str:
        kind, key, *_ = self.host_key.with_name(f"{self.host_key.name}.pub").read_text().split()
        return f"[{self.address}]:{self.port} {kind} {key}\n"

    def ssh(self, **options: object) -> Ssh:
        """Options with which the login works: its key is known, and ours is named."""
        known = self.folder / "known_hosts"
        if not known.exists():
            known.write_text(self.known_hosts_line)
        config = self.folder / "ssh_config"
        config.touch()
        given = {"config": str(config), "known_hosts": str(known), "identity_file": str(self.key), **options}
        return Ssh(**given)  # type: ignore[arg-type]

    def sessions(self) -> list[int]:
        """The processes of sshd that serve a login: the child of each connection, and its unprivileged half."""
        found = children(self._child.pid)
        return [pid for one in found for pid in (one, *children(one)) if "sshd" in command_line(pid)]

    def runners(self) -> list[int]:
        """The runners that were started here; those of a user who became another one forget where they come from."""
        return runners(f" {self.address} {self.port}\0")

    def log(self) -> str:
        with suppress(OSError):
            return (self.folder / "sshd.log").read_text()
        return ""

    def end(self) -> None:
        """End it and what it started; a runner that goes on alone is left to itself."""
        for pid in (*self.sessions(), self._child.pid):
            kill(pid)
        self._child.wait(10)
        until(lambda: not self.sessions(), what="the sessions of sshd end")

    def __enter__(self) -> Sshd:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


class Line:
    """A line to a host that counts the bytes it carries, and can go dead: nothing is lost and nothing is said."""

    def __init__(self, host: Sshd, *, delay: float = 0.0) -> None:
        self._host, self._delay = host, delay
        self._listening = socket.create_server((host.address, 0))
        self.port = int(self._listening.getsockname()[1])
        self.there = self.back = 0
        self._live = threading.Event()
        self._live.set()
        self._sockets: list[socket.socket] = [self._listening]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def name(self) -> str:
        return f"{self._host.address}:{self.port}"

    def go_dead(self) -> None:
        self._live.clear()

    def close(self) -> None:
        self._live.set()
        for sock in self._sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection((self._host.address, self._host.port))
                self._sockets += [near, far]
                for args in ((near, far, "there"), (far, near, "back")):
                    threading.Thread(target=self._carry, args=args, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, way: str) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                self._live.wait()
                setattr(self, way, getattr(self, way) + len(data))
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


LOOK = {"control": "", "port": 0, "programs": ()}


def look(connection: Connection, root: Path | str) -> HostState:
    """The shortest question that there is."""
    return connection.open(str(root), look=LOOK)


def runners(mark: str) -> list[int]:
    """The runners started over SSH that have `mark` in their variables."""
    return [
        pid for pid in _pids() if mark in _variables(pid) and "zlib.decompress" in command_line(pid) and is_alive(pid)
    ]


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _variables(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_text(errors="replace")
    return ""
