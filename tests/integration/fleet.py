"""Several hosts, and a copy of the test site whose target they are."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .controller import Controller
from .hosts import Host
from .network import Network
from .packages import PLACE, Packages
from .running import Running
from .site import Site
from .sshhome import make_ssh_home
from .standing import Answer, Standing

ALIAS = "production"
PORT = 8000
ROOT = "/home/deploy/website"
NAMES = ("web1", "web2", "web3", "web4")
THERE = {"ROOT": ROOT, "PORT": PORT, "BIND": "0.0.0.0"}
OWN = ("SSH_AUTH_SOCK", "SSH_AGENT_PID", "SSH_ASKPASS", "DISPLAY")
"""Variables of a real user's SSH world, which the tests must not enter."""


class Fleet:
    """Hosts that can be logged in to, and `site`, the project, which knows them by name. Not frozen: hosts break.

    `shared` is a folder that all hosts have in common. `odd` holds further arguments of Host for hosts of the given
    names; `target` further keys of the target.
    """

    def __init__(
        self,
        controller: Controller,
        network: Network,
        packages: Packages,
        *,
        names: Sequence[str] = NAMES,
        odd: Mapping[str, dict[str, Any]] | None = None,
        **target: Any,
    ) -> None:
        self.packages = packages
        hosts = [f"deploy@{name}" for name in names]
        self._stack = ExitStack()
        self.shared = Path(tempfile.mkdtemp(prefix="shared-", dir=packages.folder))
        self.shared.chmod(0o777)
        self._stack.callback(shutil.rmtree, self.shared)
        self.site = Site(controller, alias=ALIAS, **{**THERE, "HOSTS": hosts, **target})
        self._stack.callback(self.site.close)
        self.ssh_home = make_ssh_home(self.site.folder / "home")
        self.site.variables = {
            **{name: value for name, value in self.site.variables.items() if name not in OWN},
            "HOME": str(self.ssh_home.home),
        }
        begun = [self._begin(network, packages, name, (odd or {}).get(name, {})) for name in names]
        self.hosts = {host.name: host.up() for host in begun}
        self.ssh_home.learn(self.hosts.values())

    @property
    def database_url(self) -> str:
        """Of one SQLite file for all hosts: they have one kernel, so its locks hold as on one machine."""
        return f"sqlite:///{PLACE}/{self.shared.name}/db.sqlite3"

    def lay_down_on_postgres(self, url: str) -> None:
        """The project, with its data in the database `url` for all hosts, and for this machine's Django too."""
        self.site.controller.install("psycopg[binary]")
        self.site.lay_down(env={"DATABASE_URL": url})
        self.site.append("requirements.txt", "psycopg[binary]\n")
        self.site.commit("Use PostgreSQL")

    def __getitem__(self, name: str) -> Host:
        return self.hosts[name]

    def standing(self, name: str) -> HostStanding:
        """The site as it stands on the host."""
        return HostStanding(self.hosts[name], self.site)

    def deploy(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.site.manage("deploy", ALIAS, *words, check=check)

    def begin(self, command: str, *words: str) -> Running:
        """Start a command on all hosts with --json, and go on while it runs."""
        return self.site.begin(command, ALIAS, *words)

    @property
    def current(self) -> dict[str, str]:
        """The release that `current` points to, by host."""
        return {name: self.standing(name).current for name in self.hosts}

    def _begin(self, network: Network, packages: Packages, name: str, odd: dict[str, Any]) -> Host:
        host = Host(network, name, packages, authorized=self.ssh_home.public_key, **odd)
        self._stack.callback(host.close)
        return host

    def close(self) -> None:
        self._stack.close()


class HostStanding(Standing):
    """The site on one of the hosts."""

    def __init__(self, host: Host, site: Site) -> None:
        self.host, self._site = host, site

    @property
    def root(self) -> Path:  # type: ignore[override]  # it moves with the host's process 1
        """To be looked at only, as all files of a host."""
        return self.host.root / str(self._site.target["ROOT"]).lstrip("/")

    @property
    def name(self) -> str:
        return self._site.name

    def get(self, path: str) -> Answer:
        return self.host.get(path, port=self._site.target["PORT"])
