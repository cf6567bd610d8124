"""The processes of one site, found through /proc, and ended one by one."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from .waiting import until


def belonging_to(folder: Path) -> list[int]:
    """Processes that have the folder in their command line, variables or place, and all that they started."""
    parents = {pid: parent for pid in _pids() if (parent := _parent(pid)) is not None}
    found = {pid for pid in parents if _mentions(pid, os.fsencode(f"{folder}/"))}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found - {os.getpid()})


def command_line(pid: int) -> str:
    return _read(pid, "cmdline").replace(b"\0", b" ").decode("utf-8", "replace").strip()


def children(pid: int) -> list[int]:
    """The direct children that run."""
    return [each for each in _pids() if _parent(each) == pid]


def is_alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    return _parent(pid) is not None


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send the signal; no matter if it is gone already."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def end_all(folder: Path) -> list[str]:
    """Kill what belongs to the folder, and return the command lines of what was there."""
    ended: list[str] = []
    while pids := belonging_to(folder):
        ended += map(command_line, pids)
        for pid in pids:
            kill(pid)
        until(lambda: not any(map(is_alive, pids)), what=f"{pids} end")
    return ended


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _parent(pid: int) -> int | None:
    state, parent, *_ = _read(pid, "stat").rpartition(b")")[2].split() or (b"Z", b"0")
    return None if state in b"ZX" else int(parent)


def _mentions(pid: int, path: bytes) -> bool:
    if path in _read(pid, "cmdline") or path in _read(pid, "environ"):
        return True
    with suppress(OSError):
        return os.fsencode(os.readlink(f"/proc/{pid}/cwd") + "/").startswith(path)
    return False


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
