"""What /proc tells of this host's processes (proc(5))."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

_ticks = os.sysconf("SC_CLK_TCK")
_page = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    """`cpu` in seconds since the start, `memory` resident bytes, of a process and all that it started."""

    cpu: float
    memory: int
    processes: int


def started(pid: int) -> int | None:
    """When the process began, in clock ticks since boot; None for one that is gone or a zombie."""
    fields = _stat(pid)
    return None if fields is None or fields[0] == "Z" else int(fields[19])


def boot() -> str:
    """The id of this boot of the machine: a pid means nothing across boots."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def name(pid: int) -> str:
    """The process as ps would name it, at most 80 characters; "" for one that is gone."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
        return words[:80]
    except OSError:
        return ""


def with_variable(variable: str, value: str) -> list[int]:
    """The processes, of those we may look into, that have `variable` set to `value`."""
    wanted = f"{variable}={value}".encode()
    found = []
    for pid in pids():
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if wanted in file.read().split(b"\0") and started(pid) is not None:
                    found.append(pid)
        except OSError:
            continue
    return found


def usage(pid: int) -> Usage:
    """What the process and its descendants have used."""
    children: dict[int, list[int]] = {}
    stats = {}
    for each in pids():
        fields = _stat(each)
        if fields is not None:
            stats[each] = fields
            children.setdefault(int(fields[1]), []).append(each)
    family, pending = [], [pid]
    while pending:
        member = pending.pop()
        if member in stats:
            family.append(stats[member])
            pending += children.get(member, [])
    cpu = sum(int(fields[11]) + int(fields[12]) for fields in family) / _ticks
    return Usage(cpu, sum(int(fields[21]) for fields in family) * _page, len(family))


def pids() -> Iterator[int]:
    return (int(entry) for entry in os.listdir("/proc") if entry.isdigit())


def port_holder(port: int) -> str | None:
    """Who listens on TCP `port`, as "name (pid N)"; None when nobody does."""
    inodes = set(_listening(port))
    if not inodes:
        return None
    pid = _owner(inodes)
    if pid is None:
        return "a process of another user"
    return f"`{name(pid)}` (pid {pid})"


def port_pid(port: int) -> int | None:
    """The pid of a process that listens on TCP `port`, if we may look into it."""
    return _owner(set(_listening(port)))


def _listening(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as file:
                rows = [line.split() for line in file.readlines()[1:]]
        except OSError:
            continue
        for row in rows:
            if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port:
                yield row[9]


def _owner(inodes: set[str]) -> int | None:
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for pid in pids():
        try:
            handles = os.listdir(f"/proc/{pid}/fd")
            if any(_target(pid, handle) in wanted for handle in handles):
                return pid
        except OSError:
            continue
    return None


def _target(pid: int, handle: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/fd/{handle}")
    except OSError:
        return ""


def parent(pid: int) -> int | None:
    fields = _stat(pid)
    return int(fields[1]) if fields else None


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on: state, ppid, ... utime is 11, starttime 19, rss 21."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None
