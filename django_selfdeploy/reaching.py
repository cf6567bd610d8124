"""Reaching the hosts of a target: all at the same time, this machine when it names none."""

from __future__ import annotations

import getpass
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial

from . import inventory
from .conf import Target
from .core.errors import ConfigError, DeployError, HostError
from .core.state import HostState
from .hosts import local
from .hosts.base import Connection
from .hosts.fleet import Fleet
from .hosts.interrupt import calling_off
from .inventory import Host
from .options import Project
from .preparation import lead_of, look_for, target_on

THIS_MACHINE = ""
"""The name of this machine as a host."""

Ask = Callable[[str], str]
Reached = dict[str, Connection | DeployError]


@contextmanager
def connected(project: Project, *, become: bool = False) -> Iterator[Fleet]:
    """Runners on all hosts of the target, or on those that were chosen; Ctrl-C asks them to stop, and what they say
    is waited for. With `become` they are root's, by sudo. Raises HostError, with nothing begun, when one of them
    cannot be reached.
    """
    with reached(project, become=become) as connections:
        missing = {name: found for name, found in connections.items() if isinstance(found, DeployError)}
        if missing:
            raise _unreachable(missing, len(connections))
        fleet = fleet_of(project, {name: c for name, c in connections.items() if isinstance(c, Connection)})
        with calling_off(fleet.call_off):
            yield fleet


@contextmanager
def reached(project: Project, *, become: bool = False) -> Iterator[Reached]:
    """A conversation with each host by its name, or why there is none."""
    if not project.target.hosts:
        with local.connected() as connection:
            yield {THIS_MACHINE: connection}
        return
    hosts = chosen(project)
    ask = _asking_once() if sys.stdin and sys.stdin.isatty() else None
    with ExitStack() as stack:
        reach = partial(_reach, project, ask, stack, threading.Lock(), become)
        with ThreadPoolExecutor(max_workers=len(hosts)) as pool:
            found = dict(pool.map(lambda host: (host.name, reach(host)), hosts))
        yield found


@contextmanager
def answering(project: Project) -> Iterator[tuple[Fleet | None, dict[str, DeployError]]]:
    """The hosts that answer, looked at without a lock, and why the others do not; no fleet where none does.

    Raises the DeployError of a target's only host.
    """
    with reached(project) as connections:
        there = {name: found for name, found in connections.items() if isinstance(found, Connection)}
        silent = {name: found for name, found in connections.items() if isinstance(found, DeployError)}
        fleet = None
        if there:
            fleet = fleet_of(project, there, several=len(connections) > 1)
            looked, failed = fleet.try_each(lambda name, connection: look_at(project, name, connection))
            silent |= failed
            fleet = fleet.narrowed(looked) if looked else None
        if silent and len(connections) == 1:
            raise next(iter(silent.values()))
        with calling_off(fleet.call_off) if fleet else nullcontext():
            yield fleet, {name: silent[name] for name in connections if name in silent}


def fleet_of(project: Project, connections: dict[str, Connection], *, several: bool = False) -> Fleet:
    """The conversations as a fleet that goes at the target's pace; `several` says that there are other hosts too."""
    if not project.target.hosts:
        return Fleet(connections)
    lead = lead_of(project.target, tuple(connections))
    batches = partial(inventory.batches, project.target.batch)
    return Fleet(connections, lead=lead, batches=batches, several=several)


def look_at(project: Project, name: str, connection: Connection) -> HostState:
    """The state of one host, without a lock: nothing is changed there, not even a folder made."""
    target = target_on(project.target, name)
    return connection.open(target.root, name=target.name, look=look_for(target))


def chosen(project: Project) -> tuple[Host, ...]:
    """The hosts that were asked for with --hosts, else all. Raises ConfigError for one that is not the target's."""
    known = {host.name: host for host in project.target.hosts}
    for name in project.hosts:
        if name not in known:
            raise ConfigError(
                f"The target {project.target.alias!r} has no host {name!r}.",
                hint=f"It has: {', '.join(known) or 'this machine only'}.",
            )
    return tuple(known[name] for name in project.hosts) or project.target.hosts


def _reach(
    project: Project, ask: Ask | None, stack: ExitStack, turn: threading.Lock, become: bool, host: Host
) -> Connection | DeployError:
    try:
        opening = _login(project.target, host, ask, accept_new=project.accept_new_host_key, become=become)
        connection = opening.__enter__()
    except DeployError as error:
        return error
    with turn:
        stack.push(opening)
    return connection


def _login(
    target: Target, host: Host, ask: Ask | None, *, accept_new: bool, become: bool
) -> AbstractContextManager[Connection]:
    from .hosts import ssh  # paramiko takes 0.1 s to import, and this machine needs none of it

    options = {
        "python": target.python,
        "root": target.root,
        "accept_new_host_key": accept_new,
        "ask": ask,
        "become": become,
    }
    return ssh.connected(host.address, target.ssh, **options)  # type: ignore[arg-type]


def _asking_once() -> Ask:
    """Asks the user on the terminal; the same question, which several hosts may have, once."""
    turn, answers = threading.Lock(), dict[str, str]()

    def ask(question: str) -> str:
        with turn:
            if question not in answers:
                answers[question] = getpass.getpass(question)
            return answers[question]

    return ask


def _unreachable(missing: dict[str, DeployError], count: int) -> DeployError:
    [(name, error), *others] = missing.items()
    if count == 1:
        return error
    also = f" Nor can: {', '.join(other for other, _ in others)}." if others else ""
    hint = f"{error.hint} Or leave it out with `--hosts`.".strip()
    failed = HostError(f"{name}: {error.message}{also}", hint=hint)
    failed.exit_code = error.exit_code
    return failed
