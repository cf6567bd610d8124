"""A host: an own name, address, processes and files on this machine, reached by SSH and by HTTP as a real one is."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from . import accounts, furniture
from .furniture import Piece
from .network import Network
from .packages import PLACE, UV_PROGRAM, Packages
from .standing import Answer
from .waiting import PATIENCE, until

BOOT = Path(__file__).with_name("boot.sh")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin/", "/bin/")
ABSENT = ("cron", "crontab")
KEY = "/etc/ssh/ssh_host_ed25519_key"

SSHD = """\
HostKey {key}
PidFile /run/sshd.pid
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
MaxStartups 100:30:200
Subsystem sftp internal-sftp
"""


class Host:
    """One machine of a network, with the users root and deploy. Not frozen: it lives, breaks and is mended.

    `disks` are folders with a file system of their own and its size in MB; `without` are patterns of the names of
    programs that it shall not have; `authorized` is the public key that may log in; `sudoers` is the text of
    /etc/sudoers.d/deploy.
    """

    def __init__(
        self,
        network: Network,
        name: str,
        packages: Packages,
        *,
        authorized: str,
        disks: Mapping[str, int] | None = None,
        without: Sequence[str] = (),
        sudoers: str = "",
    ) -> None:
        self.network, self.name, self.packages = network, name, packages
        self.address = network.new_address()
        self._authorized, self._disks, self._without, self._sudoers = authorized, disks or {}, without, sudoers
        self._process = self._begin()
        self._pid = 0

    def up(self) -> Host:
        """Go on to where the host takes logins; hosts that have begun together are up sooner."""
        self._pid = int(self._answer())
        assert os.readlink(f"/proc/{self.pid}/ns/mnt") != os.readlink("/proc/self/ns/mnt"), "It is no host of its own."
        self._port = self.network.plug(self.pid, self.address)
        for folder, megabytes in self._disks.items():
            self.run("mkdir", "-p", folder, user="root")
            self.run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", folder, user="root")
        self._furnish()
        self._order("up")
        self.wait_for_ssh()
        return self

    # inside

    @property
    def pid(self) -> int:
        """Process 1 of the host, by its id on this machine. Fails after its end: another may have that id by then."""
        assert self._pid and self._process.poll() is None, f"{self.name} is not up."
        return self._pid

    @property
    def root(self) -> Path:
        """The host's files, as this machine sees them, to be looked at only: absolute links in there, and anything
        that resolves the path, lead to files of this machine. What writes or removes must `run` inside.
        """
        return Path(f"/proc/{self.pid}/root")

    def run(self, *words: str, user: str = "deploy", stdin: bytes = b"", check: bool = True) -> str:
        """What a command of the user says inside, without SSH; with `check` it must succeed."""
        command = (*self.enter(user), *words)
        done = subprocess.run(command, input=stdin, capture_output=True, timeout=PATIENCE, env={})
        if check:
            told = (done.stdout + done.stderr).decode("utf-8", "replace")
            assert done.returncode == 0, f"{words} ended with {done.returncode}:\n{told}"
        return done.stdout.decode("utf-8", "replace")

    def enter(self, user: str) -> tuple[str, ...]:
        """The words that begin a command of the user inside, at home and with a login's variables."""
        account = accounts.find((self.root / "etc/passwd").read_text(), user)
        variables = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": account.home, "USER": user, "LOGNAME": user}
        packages = self.packages.variables(user) if user in self.packages.users else {}
        return (
            *("nsenter", "--target", str(self.pid), "--all", "--root", "--wd"),
            *("setpriv", f"--reuid={account.uid}", f"--regid={account.uid}", "--init-groups"),
            *(
                "env",
                "--ignore-environment",
                f"--chdir={account.home}",
                *(f"{k}={v}" for k, v in {**variables, **packages}.items()),
            ),
        )

    def processes(self) -> dict[int, str]:
        """The command lines of what runs inside, by the ids that they have there; process 1 left out."""
        found = {}
        for name in filter(str.isdigit, os.listdir(self.root / "proc")):
            with suppress(FileNotFoundError, ProcessLookupError):
                line = (self.root / "proc" / name / "cmdline").read_bytes()
                found[int(name)] = line.replace(b"\0", b" ").decode("utf-8", "replace").strip()
        return {pid: line for pid, line in found.items() if line and pid != 1}

    def kill(self, *pids: int, number: int = signal.SIGKILL) -> None:
        """Send the signal to processes by their ids inside, no matter which are gone; after KILL wait for the end."""
        self.run("kill", f"-{int(number)}", *map(str, pids), user="root", check=False)
        if number == signal.SIGKILL:
            until(lambda: not set(pids) & set(self.processes()), what=f"{pids} end on {self.name}")

    # faults

    def cut(self) -> None:
        """Lose every packet from and to the host, as on a line that was cut: nobody is told."""
        self.network.cut(self._port)

    def heal(self) -> None:
        self.network.heal(self._port)

    def delay(self, milliseconds: float) -> None:
        """Add so much to each round trip from and to the host; 0 for as fast as it can."""
        self.network.delay(self._port, milliseconds)

    def end_ssh_sessions(self) -> None:
        """Kill the processes of sshd that hold a connection; what the user started there goes on."""
        self.kill(*self.ssh_sessions)

    @property
    def ssh_sessions(self) -> list[int]:
        return [pid for pid, line in self.processes().items() if re.match(r"sshd: (?!.*\[listener\])", line)]

    def change_host_key(self) -> None:
        """Identify by another key from the next connection on."""
        before = self.host_key
        self.run("rm", KEY, user="root")
        self._make_host_key()
        self.run("kill", "-HUP", (self.root / "run/sshd.pid").read_text().strip(), user="root")
        until(lambda: self._offered_key() not in ("", before), what=f"{self.name} has another host key")

    @property
    def host_key(self) -> str:
        """The public host key: its type, and the key in base64."""
        return " ".join((self.root / f"{KEY[1:]}.pub").read_text().split()[:2])

    def make_read_only(self, folder: str) -> None:
        """From now on nobody can write in the folder, files open already excepted. Other disks below it are hidden."""
        self.run("mount", "--bind", folder, folder, user="root")
        self.run("mount", "-o", "remount,bind,ro", folder, user="root")

    def make_writable(self, folder: str) -> None:
        self.run("umount", folder, user="root")

    def fill(self, folder: str, *, leave: int = 0) -> str:
        """Write a file in the folder until at most `leave` bytes are free on its disk, and return its path."""
        filler = f"{folder}/filler"
        while (free := self.free_bytes(folder)) > leave:
            write = ("dd", "if=/dev/zero", f"of={filler}", "bs=1M", f"count={free - leave}", "iflag=count_bytes")
            self.run(*write, "oflag=append", "conv=notrunc", "status=none", user="root", check=bool(leave))
        return filler

    def free_bytes(self, folder: str) -> int:
        disk = os.statvfs(self.root / folder[1:])
        return disk.f_bavail * disk.f_frsize

    def reboot(self) -> None:
        """Kill all, lose /run and /tmp, and take logins again; there is no service manager that starts more."""
        self._order("reboot")
        self.wait_for_ssh()

    # from outside

    def get(
        self,
        path: str,
        *,
        port: int,
        host: str = "localhost",
        timeout: float = PATIENCE,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request on a new connection. Raises OSError or HTTPException where there is no answer."""
        connection = http.client.HTTPConnection(self.address, port, timeout=timeout)
        try:
            connection.request("GET", path, headers={"Host": host, **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def wait_for_ssh(self) -> None:
        until(self._greets, what=f"sshd of {self.name} answers")

    def close(self) -> None:
        """End everything inside; its files and mounts go with it."""
        self._process.communicate(timeout=PATIENCE)

    # how it comes up

    def _begin(self) -> subprocess.Popen[str]:
        spaces = ("--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child")
        place = (str(self.packages.folder / "empty"), str(self.packages.folder))
        Path(place[0]).mkdir(exist_ok=True)
        return subprocess.Popen(
            ("unshare", *spaces, "bash", str(BOOT), self.name, *place),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": PATH},
        )

    def _order(self, word: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        assert self._answer() == word

    def _answer(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline().strip()
        assert line, f"{self.name} did not come up."
        return line

    def _furnish(self) -> None:
        self.run(*furniture.UNPACK, user="root", stdin=furniture.archive(self._furniture()))
        self._make_host_key()
        self.run("ln", "--symbolic", "--force", f"{PLACE}/{UV_PROGRAM}", "/usr/local/bin/uv", user="root")
        for pattern in (*ABSENT, *self._without):
            self.run("find", *FOLDERS, "-name", pattern, "-delete", user="root")

    def _furniture(self) -> Iterator[Piece]:
        yield Piece("etc/hostname", f"{self.name}\n")
        yield Piece("etc/hosts", f"127.0.0.1 localhost\n{self.address} {self.name}\n")
        yield Piece("etc/ssh/sshd_config", SSHD.format(key=KEY) + self._session_variables())
        for path, line in accounts.NEW.items():
            text = accounts.added((self.root / path).read_text(), line.format(accounts.DEPLOY), accounts.DEPLOY)
            yield Piece(path, text, 0o640 if path == "etc/shadow" else 0o644)
        yield Piece(accounts.DEPLOY.home[1:], mode=0o755, owner=accounts.DEPLOY.uid)
        for account in (accounts.ROOT, accounts.DEPLOY):
            folder = f"{account.home[1:]}/.ssh"
            yield Piece(folder, mode=0o700, owner=account.uid)
            yield Piece(f"{folder}/authorized_keys", self._authorized, 0o600, account.uid)
        if self._sudoers:
            yield Piece("etc/sudoers.d/deploy", self._sudoers, 0o440)

    def _session_variables(self) -> str:
        return "".join(
            f"Match User {user}\nSetEnv {' '.join(f'{k}={v}' for k, v in self.packages.variables(user).items())}\n"
            for user in self.packages.users
        )

    def _make_host_key(self) -> None:
        self.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", KEY, user="root")

    def _greets(self) -> bool:
        with suppress(OSError), socket.create_connection((self.address, 22), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
        return False

    def _offered_key(self) -> str:
        scan = ("ssh-keyscan", "-T", "2", "-t", "ed25519", self.address)
        offered = subprocess.run(scan, capture_output=True, text=True, timeout=PATIENCE).stdout
        return offered.strip().partition(" ")[2]
