"""What must not be deployed, or not here: judged from facts, before anything happens."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

from .conf import ROOT, ROOT_HINT
from .context import Context
from .core.errors import HostError, MigrationRefused, ReleaseError
from .core.layout import SOCKET_PATH_LIMIT
from .project.facts import Message, Pending
from .project.safety.findings import CONTRACT, LOCKING, UNKNOWN
from .project.wanting import NEW

ENVIRONMENT_SIZE = 300_000_000
"""Bytes that a new virtualenv takes: Django and what this package brings need about 200 MB."""

FILES = 10_000
"""Inodes that a release and its virtualenv may need."""

_SETUP = "`manage.py deploy_setup`, run once as root,"

SMALL_TABLE = 10_000
"""Rows below which a lock is over before anybody notices."""


def judge_host(context: Context) -> None:
    """Raise HostError for what the host lacks."""
    _programs(context)
    _port(context)
    _socket(context)
    _disk(context)


def _programs(context: Context) -> None:
    program = context.target.front.program
    if program and program not in context.state.programs:
        raise HostError(
            f"The program {program!r} is not on {context.state.host!r}.",
            hint=f"{_SETUP} installs it, or `apt-get install {program}`; then deploy again.",
        )
    helper = context.target.front.helper(context.app)
    if context.target.front.needs_helper(context) and helper not in context.state.programs:
        raise HostError(
            f"The machine's {program} is root's on {context.state.host!r}, and {helper!r} is not there.",
            hint=f"{_SETUP} installs it, with the rule that lets {context.state.user!r} run it; then deploy again.",
        )


def _port(context: Context) -> None:
    state, port = context.state, context.target.port
    if context.target.front.own and state.uid != 0 and port < state.lowest_port:
        raise HostError(
            f"Port {port} is for root only on {state.host!r}, and you are {state.user!r}.",
            hint=f"{_SETUP} opens it to users, or choose one from {state.lowest_port} on.",
        )
    if context.target.front.own and context.state.port_holder:
        raise HostError(
            f"Port {context.target.port} is taken by {context.state.port_holder}.",
            hint=f'Stop it, or choose another port: SELFDEPLOY = {{"{context.target.alias}": {{"PORT": 8001}}}}.',
        )


def _socket(context: Context) -> None:
    if not ROOT.match(context.layout.root):
        raise HostError(f"The root {context.layout.root!r} cannot be used.", hint=ROOT_HINT)
    path = context.layout.longest_socket()
    length = len(os.fsencode(path))
    if length > SOCKET_PATH_LIMIT:
        raise HostError(
            f"The path {path!r} has {length} bytes, and a socket's path may have {SOCKET_PATH_LIMIT}.",
            hint='Choose a shorter "ROOT".',
        )


def _disk(context: Context) -> None:
    needed = 2 * sum(entry.size for entry in context.source.entries)
    needed += 0 if context.env_exists else ENVIRONMENT_SIZE
    needed += context.target.disk_reserve * 1_000_000
    free = context.state.disk_free
    if free < needed:
        raise HostError(
            f"{context.layout.root!r} has {free / 1e6:.0f} MB free, and this deployment needs {needed / 1e6:.0f} MB.",
            hint='Make room, or lower "KEEP" or "DISK_RESERVE".',
        )
    if context.state.files_free < FILES:
        raise HostError(
            f"{context.layout.root!r} has room for {context.state.files_free} more files only.",
            hint="Make room.",
        )


def judge_release(context: Context) -> None:
    """Raise ReleaseError for a release whose checks fail, or that lacks what a server needs."""
    facts, target = context.known_facts, context.target
    failing = [message for message in facts.messages if _stops(context, message) and message.id not in context.accepted]
    if failing:
        raise ReleaseError(_told(failing), hint=failing[0].hint or "`manage.py check --deploy` shows it here.")
    if not facts.application:
        raise ReleaseError(
            "(selfdeploy.E008) WSGI_APPLICATION is not set, so no server knows what to run.",
            hint='Write WSGI_APPLICATION = "mysite.wsgi.application".',
        )
    if target.front.serves and not (target.probe_path or facts.probe_path):
        raise ReleaseError(
            "(selfdeploy.E009) The project has no page that could prove that a release works.",
            hint=f'Name one that answers with 200: SELFDEPLOY = {{"{target.alias}": {{"PROBE_PATH": "/health/"}}}}.',
        )


def _stops(context: Context, message: Message) -> bool:
    """Whether it stops a deployment, unless it is overruled."""
    level = int(getattr(logging, context.target.check_fail_level))
    return message.level >= level or message.id in context.target.refuse


def judge_migrations(context: Context) -> None:
    """Raise MigrationRefused for what can come neither before the switch nor after it, and for what REFUSE names."""
    _refused_by_settings(context)
    _hosts_are_left_out(context)
    problems = context.schedule.problems
    if not problems:
        return
    first = problems[0]
    told = _counted(tuple(problem.text for problem in problems))
    otherwise = f"Or apply it all in a window (--maintenance), or overrule it (--migration {first.label}=expand)."
    raise MigrationRefused(told, hint=f"{first.hint} {otherwise}")


def _refused_by_settings(context: Context) -> None:
    found = [one for one in _about_migrations(context) if one.id in context.target.refuse]
    refused = [one for one in found if one.id not in context.accepted]
    if refused:
        overrule = f"REFUSE says that this stops a deployment; `--accept {refused[0].id}` overrules it."
        told = _counted(tuple(f"({one.id}) {one.text}" for one in refused))
        raise MigrationRefused(told, hint=f"{refused[0].hint} {overrule}")


def _hosts_are_left_out(context: Context) -> None:
    """Their code goes on, whenever the migrations come."""
    overruled = context.schedule.overruled
    breaking = [one.label for one in context.known_facts.pending if overruled.get(one.label, one.kind) == CONTRACT]
    if context.left_out and breaking:
        others = ", ".join(context.left_out)
        raise MigrationRefused(
            f"{breaking[0]} breaks the code that runs on {others}, which this deployment leaves out.",
            hint=f"Deploy to all hosts, or overrule it (--migration {breaking[0]}=expand).",
        )


def _counted(lines: tuple[str, ...]) -> str:
    return lines[0] if len(lines) == 1 else "\n    ".join((f"{len(lines)} migrations cannot be applied:", *lines))


def on_migrations(context: Context) -> tuple[str, ...]:
    """What must be known of the pending migrations though it stops nothing, and what was overruled."""
    overruled = set(context.target.refuse) & set(context.accepted)
    told = (
        f"({one.id}) {'was overruled: ' if one.id in overruled else ''}{one.text}" for one in _about_migrations(context)
    )
    return tuple(dict.fromkeys(told))


def _about_migrations(context: Context) -> Iterator[Message]:
    schedule = context.schedule
    for label, kind in schedule.overruled.items():
        text = f"{label} is treated as {kind!r}, because it was overruled."
        yield Message(logging.WARNING, "selfdeploy.W024", text, "Take it out of MIGRATIONS, or of the command.")
    if not (context.previous or context.others_run) or context.is_closed:
        return
    for one in context.known_facts.pending:
        if one.label not in schedule.overruled:
            yield from _on_migration(one)


def _on_migration(one: Pending) -> Iterator[Message]:
    """Of one that nobody can judge, and of one that locks a table which is not small."""
    if one.kind == UNKNOWN:
        operations = ", ".join(each.operation for each in one.judgements if each.kind == UNKNOWN)
        text = f"{one.label} is applied before the switch, unjudged: {operations}."
        hint = 'Let it declare itself: selfdeploy = "expand" or "contract".'
        yield Message(logging.WARNING, "selfdeploy.W023", text, hint)
    locks = [find for each in one.judgements for find in each.findings if find.kind == LOCKING]
    if locks and not one.declared and (sizes := _large(one)):
        better = f" {locks[0].better}" if locks[0].better else ""
        text = f"{one.label}: {locks[0].reason} There are {sizes}.{better}"
        yield Message(logging.WARNING, "selfdeploy.W025", text, "Or apply it in a window (--maintenance).")


def _large(one: Pending) -> str:
    """The tables that are not small, in words: "1200000 rows in 'shop_order'"; "" where all are."""
    large = [table for table in one.tables if table.rows is None or table.rows >= SMALL_TABLE]
    rows = (f"{'many' if table.rows is None else table.rows} rows in {table.name!r}" for table in large)
    return ", ".join(rows)


def _told(failing: list[Message]) -> str:
    lines = [f"({message.id}) {message.text}" for message in failing]
    if len(lines) == 1:
        return f"The checks of the new release fail: {lines[0]}"
    return "\n    ".join((f"The checks of the new release fail with {len(lines)} messages:", *lines))


def remarks(context: Context) -> tuple[str, ...]:
    """Choices that were made for the user, which are in order: told once, at the first deployment."""
    own = [m for m in context.known_facts.messages if m.id.startswith("selfdeploy.") and m.level < logging.WARNING]
    return (*_of_source(context), *(f"({message.id}) {message.text}" for message in own))


def news(context: Context) -> tuple[str, ...]:
    """Of those choices the ones that are new in this release: told at later deployments too."""
    return tuple(f"({message.id}) {message.text}" for message in context.known_facts.messages if message.id == NEW)


def warnings(context: Context) -> tuple[str, ...]:
    """What should be mended though it stops nothing, and first what was overruled."""
    every = context.known_facts.messages
    overruled = [m for m in every if m.id in context.accepted and _stops(context, m)]
    found = [m for m in every if m.level >= logging.WARNING and m not in overruled]
    own = [m for m in found if m.id.startswith("selfdeploy.")]
    told = [f"({message.id}) was overruled: {message.text}" for message in overruled]
    told += [f"({message.id}) {message.text}" for message in own]
    if others := [message for message in found if message not in own]:
        names = ", ".join(sorted({message.id for message in others}))
        count = "1 warning" if len(others) == 1 else f"{len(others)} warnings"
        told.append(f"{count} of `manage.py check --deploy`: {names}")
    return tuple(told)


def recorded(context: Context) -> tuple[str, ...]:
    """Of all that was judged what the record keeps: warnings, what was overruled, and what is new."""
    return (*warnings(context), *on_migrations(context), *news(context))


def _of_source(context: Context) -> tuple[str, ...]:
    told = []
    if context.requirements is not None and context.requirements.kind == "frozen":
        text = "The project has no requirements file, so the packages of this virtualenv are installed."
        told.append(f"(selfdeploy.I015) {text}")
    if context.source.kind == "tree":
        told.append("(selfdeploy.I016) The project is not in git, so its folder is deployed as it is.")
    if context.source.left_out:
        told.append(f"(selfdeploy.I017) Not deployed: {', '.join(context.source.left_out)}.")
    return tuple(told)
