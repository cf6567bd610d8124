"""The SSH world of the user who deploys: a home with a key, a configuration, and the host keys that are known."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .controller import run
from .hosts import Host
from .waiting import PATIENCE

EVERYWHERE = """\
Host *
    IdentityFile {folder}/id_ed25519
    UserKnownHostsFile {folder}/known_hosts
"""
"""Whole paths: OpenSSH takes the home from the user database, other programs from HOME."""


@dataclass(frozen=True)
class SshHome:
    """`home` is what HOME must be set to."""

    home: Path

    @property
    def folder(self) -> Path:
        return self.home / ".ssh"

    @property
    def public_key(self) -> str:
        return (self.folder / "id_ed25519.pub").read_text()

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def learn(self, hosts: Iterable[Host]) -> None:
        """Know these hosts, and no others, by name and by key."""
        hosts = tuple(hosts)
        names = "".join(f"Host {host.name}\n    HostName {host.address}\n" for host in hosts)
        (self.folder / "config").write_text(names + EVERYWHERE.format(folder=self.folder))
        self.known_hosts.write_text("".join(f"{host.name},{host.address} {host.host_key}\n" for host in hosts))

    def words(self, host: str, *command: str, user: str = "deploy") -> tuple[str, ...]:
        """OpenSSH's client, which must need no answer, with a command that a shell of the host will split."""
        options = ("-F", str(self.folder / "config"), "-o", "BatchMode=yes")
        return ("ssh", *options, f"{user}@{host}", "--", *command)

    def ssh(self, host: str, *command: str, user: str = "deploy", stdin: str = "") -> subprocess.CompletedProcess[str]:
        words = self.words(host, *command, user=user)
        return subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=PATIENCE)


def make_ssh_home(home: Path) -> SshHome:
    """A home with a new key that is not encrypted."""
    made = SshHome(home)
    made.folder.mkdir(mode=0o700, parents=True)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ann", "-f", str(made.folder / "id_ed25519"))
    return made
