"""What is to be said of the processes besides the web server: those that were found, and those that are not there."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from .context import Context
from .core.errors import ReleaseError
from .inventory import role_of
from .process_options import with_found


def judge(context: Context) -> None:
    """Raise ReleaseError for a process without a command that was not found."""
    found = {one.name for one in context.known_facts.workers}
    for name, process in context.target.processes.items():
        if process.numprocs and not process.command and name not in found:
            raise ReleaseError(
                f"(selfdeploy.E091) PROCESSES[{name!r}] has no command, and no process of that name was found.",
                hint=f"Give it a COMMAND. Found were: {', '.join(sorted(found)) or 'none'}.",
            )


def told(context: Context) -> tuple[str, ...]:
    """Processes that were found and run on this host, where the release before did not have them."""
    before = {program.name for program in context.previous.programs} if context.previous else set()
    found = {one.name: one for one in context.known_facts.workers}
    return tuple(
        f"(selfdeploy.I091) The process {name!r} runs `{shlex.join(process.command)}`: {found[name].reason}"
        for name, process in context.processes.items()
        if name in found and process.command == found[name].command and name not in before
    )


def without_host(context: Context) -> tuple[str, ...]:
    """Processes that were found and run nowhere, since no host has their role."""
    target, found = context.target, context.known_facts.workers
    if not target.hosts or not target.find_processes:
        return ()
    wanted = with_found(target.processes, found)
    return tuple(
        f"(selfdeploy.W095) No host has the role {role!r}, so the process {name!r} that was found runs nowhere."
        for name, process in wanted.items()
        if name not in target.processes
        and not any(host.has(role := role_of(name, process.role)) for host in target.hosts)
    )


def in_words(contexts: Mapping[str, Context]) -> dict[str, str]:
    """The processes of all hosts by name, for people: command, hosts where there are several, and why it was found."""
    commands: dict[str, str] = {}
    hosts: dict[str, list[str]] = {}
    reasons: dict[str, str] = {}
    for host, context in contexts.items():
        for one in about(context):
            commands[one["name"]], reasons[one["name"]] = shlex.join(one["command"]), one["reason"]
            hosts.setdefault(one["name"], []).extend(filter(None, (host,)))
    return {
        name: "; ".join(filter(None, (command, ", ".join(hosts[name]), reasons[name])))
        for name, command in commands.items()
    }


def about(context: Context) -> list[dict[str, Any]]:
    """The processes of this host as the journal and programs get them; `reason` is "" where the settings name them."""
    reasons = {one.name: one.reason for one in context.known_facts.workers}
    return [
        {
            "name": name,
            "command": list(process.command),
            "numprocs": process.numprocs,
            "stop_timeout": process.seconds,
            "alone": process.alone(name),
            "reason": reasons.get(name, ""),
        }
        for name, process in context.processes.items()
    ]
