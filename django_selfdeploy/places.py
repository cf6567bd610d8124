"""What of a target is on which of its hosts."""

from __future__ import annotations

from dataclasses import replace

from .backends.no_front import NoFront
from .conf import Process, Target
from .inventory import BEAT, WEB, Host, role_of


def on_host(target: Target, host: Host) -> Target:
    """The target as `host` sees it: with the processes that run there, and a front server where visitors come."""

    def runs(name: str, process: Process) -> bool:
        role = role_of(name, process.role)
        alone = role == BEAT if process.one_host is None else process.one_host
        first = next(other for other in target.hosts if other.has(role))
        return host == first if alone else host.has(role)

    chosen = {name: process for name, process in target.processes.items() if runs(name, process)}
    front = target.front if host.has(WEB) else NoFront()
    return replace(target, processes=chosen, front=front)
