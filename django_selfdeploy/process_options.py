"""PROCESSES of a target: what runs besides the web server."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from .backends.base import option
from .core.errors import ConfigError
from .inventory import BEAT, role_of
from .project.workers.found import Found
from .typed import fields_of

PROGRAM_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")

SIGNALS = ("TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "KILL")
"""What supervisor can send to stop a process."""

STOP_TIMEOUT = 60.0
"""Seconds for a process of which nobody says how long it takes to stop."""


@dataclass(frozen=True)
class Process:
    """A process of the release besides the web server, for example a task worker."""

    command: tuple[str, ...] = option(
        (), "The command, a list of words; `python` is the release's own. Default: that of the process found."
    )
    stop_timeout: float | None = option(
        None, "Seconds that it may take to stop after TERM; then KILL. Default: as found, else 60."
    )
    numprocs: int = option(1, "How many of it run; 0 leaves it out.")
    role: str = option("", "On hosts of which role it runs; default: beat for a process called beat, else worker.")
    one_host: bool | None = option(None, "Whether it runs on the first of these hosts only; default: beat does.")
    overlap: bool | None = option(
        None,
        "Whether those of two releases may work at a time. True: the old one works until the switch. False: it has "
        "ended before the new one starts; beat's default. Else it is told to stop, finishes what it began, and the new "
        "one starts meanwhile.",
    )
    stop_signal: str = option("", "The signal that stops it; default: as found, else TERM.")

    @property
    def seconds(self) -> float:
        return STOP_TIMEOUT if self.stop_timeout is None else self.stop_timeout

    def alone(self, name: str) -> bool:
        """Whether the process, which is called `name`, must never run twice."""
        return role_of(name, self.role) == BEAT if self.overlap is None else not self.overlap


def processes(where: str, given: Any, *, found: bool) -> dict[str, Process]:
    """Those of the settings, by name. Raises ConfigError; where none are `found`, for one without a command too."""
    if not isinstance(given, dict):
        raise ConfigError(f"{where}['PROCESSES'] is not a dictionary.", hint='Write {"worker": {"COMMAND": [...]}}.')
    return {
        name: _process(f"{where}['PROCESSES'][{name!r}]", name, value, found=found) for name, value in given.items()
    }


def _process(place: str, name: Any, given: Any, *, found: bool) -> Process:
    if not PROGRAM_NAME.match(str(name)) or name in ("web", "front"):
        raise ConfigError(
            f"{place} has a name that no program can have.",
            hint="Use small letters, digits and underscores; `web` and `front` are taken.",
        )
    if given is None:
        return Process(numprocs=0)
    process = Process(**fields_of(place, Process, given))
    if not process.command and process.numprocs and not found:
        raise ConfigError(f"{place} has no command.", hint='Add "COMMAND": ["python", "manage.py", "..."].')
    if process.stop_signal not in ("", *SIGNALS):
        raise ConfigError(
            f"{place}['STOP_SIGNAL'] is {process.stop_signal!r}.", hint=f"It is one of {', '.join(SIGNALS)}."
        )
    if process.numprocs < 0:
        raise ConfigError(f"{place}['NUMPROCS'] is {process.numprocs}.", hint="Give a number from 0 on.")
    return process


def with_found(declared: dict[str, Process], found: tuple[Found, ...]) -> dict[str, Process]:
    """Those that run: the declared ones, and of those found the ones that no declared one does the work of.

    A declared one without a command is the one found under its name, with what it says otherwise.
    """
    by_name = {one.name: one for one in found}
    every = {name: _completed(process, by_name.get(name)) for name, process in declared.items()}
    for one in found:
        if one.name not in declared and not any(one.is_done_by(process.command) for process in declared.values()):
            every[one.name] = _as_found(one)
    return {name: process for name, process in every.items() if process.numprocs and process.command}


def _completed(process: Process, found: Found | None) -> Process:
    if process.command or found is None:
        return process
    own = _as_found(found)
    return replace(
        process,
        command=own.command,
        stop_timeout=own.stop_timeout if process.stop_timeout is None else process.stop_timeout,
        stop_signal=process.stop_signal or own.stop_signal,
        role=process.role or own.role,
        one_host=own.one_host if process.one_host is None else process.one_host,
        overlap=own.overlap if process.overlap is None else process.overlap,
    )


def _as_found(found: Found) -> Process:
    return Process(
        found.command,
        found.stop_seconds,
        role=found.role,
        one_host=True if found.one_host else None,
        overlap=False if found.alone else None,
        stop_signal=found.stop_signal,
    )
