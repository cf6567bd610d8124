"""What a command cost, read from the kernel's and sshd's own counters before and after it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
"""The kernel's clock ticks in a second: the unit of CPU time in /proc (proc_pid_stat(5))."""


@dataclass(frozen=True)
class Counters:
    """Of one host, since it came up: CPU seconds of all its processes, bytes by its wire, and its SSH logins.

    `sent` and `received` are the controller's: what came in and went out there, headers of all layers included.
    """

    cpu: float = 0.0
    sent: int = 0
    received: int = 0
    connections: int = 0
    channels: int = 0

    def __sub__(self, before: Counters) -> Counters:
        return self._with(before, -1)

    def __add__(self, other: Counters) -> Counters:
        return self._with(other, 1)

    def _with(self, other: Counters, sign: int) -> Counters:
        return Counters(*(getattr(self, f.name) + sign * getattr(other, f.name) for f in fields(self)))


def counters(stats: Iterable[str], devices: str, log: str) -> Counters:
    """From the text of /proc/PID/stat of every process, of /proc/net/dev, and of sshd's log at the level VERBOSE."""
    received, sent = traffic(devices, "eth0")
    connections, channels = logins(log)
    return Counters(sum(map(cpu_seconds, stats)), received, sent, connections, channels)


def cpu_seconds(stat: str) -> float:
    """What a process has used, and the children that it has waited for (fields 14 to 17 of proc_pid_stat(5)).

    Summed over all processes of a host no child is missing, however short its life: process 1 waits for orphans.
    """
    after_name = stat.rpartition(")")[2].split()
    return sum(map(int, after_name[11:15])) / TICK


def traffic(devices: str, name: str) -> tuple[int, int]:
    """The bytes that came in and went out by the device (proc_pid_net(5))."""
    for line in devices.splitlines():
        device, colon, numbers = line.partition(":")
        if colon and device.strip() == name:
            found = numbers.split()
            return int(found[0]), int(found[8])
    raise ValueError(f"There is no device {name!r}.")


def logins(log: str) -> tuple[int, int]:
    """How many logins sshd has accepted, and how many sessions were started in them."""
    return len(re.findall(r"^Accepted \S+ for ", log, re.M)), len(re.findall(r"^Starting session: ", log, re.M))


def busy_seconds(stat: str) -> float:
    """What the whole machine has worked, from the first line of /proc/stat: all but idle, iowait and guests."""
    name, *ticks = stat.splitlines()[0].split()
    assert name == "cpu"
    user, nice, system, _, _, irq, softirq, steal = map(int, ticks[:8])
    return (user + nice + system + irq + softirq + steal) / TICK


def stats(proc: Path) -> Iterator[str]:
    """The text of each process's `stat` below a /proc; one that ends meanwhile is with the process that waited."""
    for name in filter(str.isdigit, os.listdir(proc)):
        with suppress(FileNotFoundError, ProcessLookupError):
            yield (proc / name / "stat").read_text()
