"""What of a target is on which of its hosts."""

from __future__ import annotations

from dataclasses import replace

from .backends import rendering
from .backends.no_front import NoFront
from .conf import Target
from .inventory import BEAT, WEB, WORKER, Host, role_of
from .process_options import Process, with_found
from .project.consistency.surroundings import Surroundings
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
    return {name: process for name, process in every.items() if here in _hosts_of(target, name, process)}


def part_of(target: Target, host: str) -> tuple[str, ...]:
    """What decides which processes run on the host of that name: "worker", "beat", and those of the settings."""
    here = next((one for one in target.hosts if one.name == host), None)
    if here is None:
        return ()
    usual = {WORKER: Process(), BEAT: Process()} if target.find_processes else {}
    every = {**usual, **target.processes}
    return tuple(name for name, process in every.items() if here in _hosts_of(target, name, process))


def surroundings(target: Target) -> Surroundings:
    """What the settings of the release are compared with; `target` is the whole one, of all hosts."""
    front, trusted = target.front, getattr(target.front, "trusted_proxies", None)
    workers, threads = target.app_server.concurrency()
    web = sum(host.has(WEB) for host in target.hosts) if target.hosts else 1
    processes = sum(one.numprocs * _count(target, name, one) for name, one in target.processes.items())
    return Surroundings(
        alias=target.alias,
        front=(front.name or type(front).__name__) if front.serves and web else "",
        proxied=None if trusted is None else bool(trusted),
        hsts=front.name == "nginx" and "strict-transport-security" in rendering.source("nginx/site.conf").lower(),
        workers=workers,
        threads=threads,
        hosts=web,
        processes=processes,
        named=tuple(target.processes),
        finds=target.find_processes,
    )


def _count(target: Target, name: str, process: Process) -> int:
    return len(_hosts_of(target, name, process)) if target.hosts else 1


def _hosts_of(target: Target, name: str, process: Process) -> tuple[Host, ...]:
    """The hosts on which the process runs."""
    role = role_of(name, process.role)
    alone = role == BEAT if process.one_host is None else process.one_host
    found = tuple(host for host in target.hosts if host.has(role))
    return found[:1] if alone else found
