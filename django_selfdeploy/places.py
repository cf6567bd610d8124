"""What of a target is on which of its hosts."""

from __future__ import annotations

from dataclasses import replace

from .backends.no_front import NoFront
from .conf import Target
from .inventory import BEAT, WEB, WORKER, Host, role_of
from .process_options import Process, with_found
from .project.workers.found import Found


def on_host(target: Target, host: Host) -> Target:
    """The target as `host` sees it: with a front server where visitors come."""
    front = target.front if host.has(WEB) else NoFront()
    return replace(target, front=front)


def processes_on(target: Target, host: str, found: tuple[Found, ...]) -> dict[str, Process]:
    """Those that run on the host of that name, "" for this machine; of those `found` only where they are wanted.

    One that runs on one host only runs on the first in the settings that has its role.
    """
    every = with_found(target.processes, found if target.find_processes else ())
    here = next((one for one in target.hosts if one.name == host), None)
    if here is None:
        return every
    return {name: process for name, process in every.items() if _runs(target, here, name, process)}


def part_of(target: Target, host: str) -> tuple[str, ...]:
    """What decides which processes run on the host of that name: "worker", "beat", and those of the settings."""
    here = next((one for one in target.hosts if one.name == host), None)
    if here is None:
        return ()
    usual = {WORKER: Process(), BEAT: Process()} if target.find_processes else {}
    every = {**usual, **target.processes}
    return tuple(name for name, process in every.items() if _runs(target, here, name, process))


def _runs(target: Target, host: Host, name: str, process: Process) -> bool:
    role = role_of(name, process.role)
    alone = role == BEAT if process.one_host is None else process.one_host
    first = next((other for other in target.hosts if other.has(role)), None)
    return host == first if alone else host.has(role)
