"""What of a target is on which of its hosts."""

from __future__ import annotations

from dataclasses import replace

from .backends import rendering
from .backends.no_front import NoFront
from .conf import Process, Target
from .inventory import BEAT, WEB, Host, role_of
from .project.consistency.surroundings import Surroundings


def on_host(target: Target, host: Host) -> Target:
    """The target as `host` sees it: with the processes that run there, and a front server where visitors come."""

    def runs(name: str, process: Process) -> bool:
        return host in _hosts_of(target, name, process)

    chosen = {name: process for name, process in target.processes.items() if runs(name, process)}
    front = target.front if host.has(WEB) else NoFront()
    return replace(target, processes=chosen, front=front)


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
    )


def _count(target: Target, name: str, process: Process) -> int:
    return len(_hosts_of(target, name, process)) if target.hosts else 1


def _hosts_of(target: Target, name: str, process: Process) -> tuple[Host, ...]:
    """The hosts on which the process runs."""
    role = role_of(name, process.role)
    alone = role == BEAT if process.one_host is None else process.one_host
    found = tuple(host for host in target.hosts if host.has(role))
    return found[:1] if alone else found
