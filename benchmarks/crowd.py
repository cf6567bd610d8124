"""Hosts in namespaces of this machine, the test site that is deployed to them, and what a command costs all of them."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.costs import Counters, busy_seconds, counters, stats
from benchmarks.site import short_folder
from tests.integration.controller import build_wheel, make_controller
from tests.integration.fleet import ALIAS, Fleet
from tests.integration.hosts import Host
from tests.integration.network import Network
from tests.integration.packages import gather

WATCH = 0.4
"""Seconds for which a new release is watched: taken off, because it is wanted and not work."""

CALM = 2.0
"""Seconds between two commands: what the one before has left to stop has stopped then."""

COUNTED = Path(__file__).with_name("counted.py")
SSHD = "/etc/ssh/sshd_config"
LOG = "var/log/sshd.log"


@dataclass(frozen=True)
class Cost:
    """What one command cost. Seconds; `memory` in bytes, of the largest process of the controller.

    `live` is when the last host had switched, 0 where nothing told of it; `hosts` are the counters of each,
    `round_trips` those of each conversation. `others` is what the machine worked for none of us in `elapsed`.
    """

    wall: float
    live: float
    cpu: float
    memory: int
    hosts: tuple[Counters, ...]
    others: float
    elapsed: float
    round_trips: tuple[int, ...] = ()

    @property
    def total(self) -> Counters:
        return sum(self.hosts, Counters())


class Crowd:
    """Hosts that have the site, in the order of their names. Not frozen: the site changes, and the hosts with it."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.hosts = tuple(fleet.hosts.values())
        self._folder = fleet.site.folder

    def log_sessions(self) -> None:
        """Let each sshd write down the sessions that it starts, which it does at the level VERBOSE only."""
        for host in self.hosts:
            host.run("sed", "-i", "1i LogLevel VERBOSE", SSHD, user="root")
            host.run("kill", "-HUP", (host.root / "run/sshd.pid").read_text().strip(), user="root")
            host.wait_for_ssh()

    def change_line(self) -> None:
        """The smallest change that makes another release."""
        self.fleet.site.change()

    def choose(self, count: int) -> tuple[Host, ...]:
        """Let the target have the first hosts only."""
        chosen = self.hosts[:count]
        self.fleet.site.target["HOSTS"] = [f"deploy@{host.name}" for host in chosen]
        return chosen

    def delay(self, milliseconds: float) -> None:
        """Add so much to each round trip to any host."""
        for host in self.hosts:
            host.delay(milliseconds)

    def deploy(self, count: int) -> Cost:
        """What it costs to deploy what is committed to the first `count` hosts. Raises RuntimeError when it fails."""
        chosen = self.choose(count)
        path = self._folder / "round-trips.json"
        site = self.fleet.site
        words = (site.controller.python, "-c", COUNTED.read_text(), str(path), "deploy", ALIAS, "--json")
        cost, told = spent(words, chosen, cwd=site.project, variables=site.environment)
        lives = [at for at, line in told if json.loads(line).get("event") == "live"]
        trips = tuple(json.loads(path.read_text()))
        return Cost(cost.wall - WATCH, max(lives), cost.cpu, cost.memory, cost.hosts, cost.others, cost.elapsed, trips)


def spent(
    words: Sequence[str], hosts: Sequence[Host], *, cwd: Path, variables: Mapping[str, str]
) -> tuple[Cost, list[tuple[float, str]]]:
    """Run a command of the controller: what it cost there and on the hosts, and its lines with the second of each.

    The kernel counts into the memory of a process what its parent had when it started it: at least ours.
    Raises RuntimeError when the command fails.
    """
    time.sleep(CALM)
    before, busy = list(map(counters_of, hosts)), _busy()
    with tempfile.TemporaryFile("w+") as errors:
        began = time.monotonic()
        process = subprocess.Popen(
            words,
            cwd=cwd,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert process.stdout is not None
        told = [(time.monotonic() - began, line) for line in process.stdout]
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        if process.returncode:
            raise RuntimeError(f"It ended with {process.returncode}: {errors.read()}")
    busy = _busy() - busy
    costs = tuple(counters_of(host) - earlier for host, earlier in zip(hosts, before, strict=True))
    own = usage.ru_utime + usage.ru_stime
    others = max(0.0, busy - own - sum(cost.cpu for cost in costs))
    return Cost(wall, 0.0, own, usage.ru_maxrss << 10, costs, others, wall), told


def counters_of(host: Host) -> Counters:
    devices = Path(f"/proc/{host.pid}/net/dev").read_text()
    return counters(stats(host.root / "proc"), devices, (host.root / LOG).read_text(errors="replace"))


def _busy() -> float:
    return busy_seconds(Path("/proc/stat").read_text())


@contextmanager
def crowd(count: int) -> Iterator[Crowd]:
    """So many hosts with the site live on each, and everything that they need; all of it is removed in the end."""
    with short_folder() as folder, _network() as network:
        (folder / "wheel").mkdir()
        wheel = build_wheel(folder / "wheel")
        (folder / "controller").mkdir()
        made = make_controller(folder / "controller", wheel)
        (folder / "packages").mkdir(mode=0o755)
        packages = gather(folder / "packages", wheel, users=("root", "deploy"))
        names = tuple(f"host{number}" for number in range(1, count + 1))
        fleet = Fleet(made, network, packages, names=names, WATCH=WATCH, TESTS=False)
        try:
            yield _prepared(fleet)
        finally:
            fleet.close()


def _prepared(fleet: Fleet) -> Crowd:
    fleet.site.lay_down(env={"DATABASE_URL": fleet.database_url})
    found = Crowd(fleet)
    found.log_sessions()
    fleet.deploy()
    return found


@contextmanager
def _network() -> Iterator[Network]:
    network = Network()
    try:
        yield network
    finally:
        network.close()
