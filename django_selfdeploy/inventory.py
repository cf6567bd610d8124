"""The hosts of a target: who they are, what they are for, and in which batches they switch."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .backends.base import option
from .core.errors import ConfigError
from .hosts.address import parsed
from .typed import fields_of

WEB, DATABASE, WORKER, BEAT = "web", "db", "worker", "beat"
"""Roles with a meaning of their own: the web server runs on WEB, migrations are applied from DATABASE, a process
called "beat" has the role BEAT and every other one WORKER unless it says otherwise."""

SSH_PORT = 22

ROLE = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")
PERCENT = re.compile(r"(\d{1,3})%\Z")
ALL = "all"


@dataclass(frozen=True)
class Host:
    """A host of a target: the address to log in at, and what it is for. Without roles it has all of them."""

    address: str = option("", "Where to log in, `user@host:port`; user and port may be left to ~/.ssh/config.")
    roles: tuple[str, ...] = option((), "What runs there: web, worker, beat, db, or roles of your own; default: all.")

    @property
    def name(self) -> str:
        """How it is called in output and options: the address without the user, and without the usual port."""
        address = parsed(self.address)
        return address.host if address.port in (0, SSH_PORT) else f"{address.host}:{address.port}"

    def has(self, role: str) -> bool:
        return not self.roles or role in self.roles


def hosts(where: str, given: Any) -> tuple[Host, ...]:
    """The hosts of a list of addresses, or of dictionaries with "ADDRESS" and "ROLES". Raises ConfigError."""
    if not isinstance(given, (list, tuple)):
        raise ConfigError(f"{where} is {given!r}, which is not a list.", hint='Write ["deploy@web1.example.com"].')
    found = tuple(_host(f"{where}[{number}]", value) for number, value in enumerate(given))
    names = [host.name for host in found]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{where} has the host {name!r} twice.", hint="Name each host once.")
    return found


def _host(where: str, given: Any) -> Host:
    host = Host(given) if isinstance(given, str) else Host(**fields_of(where, Host, given))
    try:
        parsed(host.address)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.message}", hint=error.hint) from error
    for role in host.roles:
        if not ROLE.match(role):
            raise ConfigError(f"{where} has the role {role!r}.", hint="Use small letters, digits, - and _.")
    return host


def role_of(process: str, role: str) -> str:
    """The role of the process called `process`, which may name one itself."""
    return role or (BEAT if process == BEAT else WORKER)


def lead(members: Iterable[Host]) -> Host:
    """The one that does what is done once: the first with the role of the database, else the first."""
    listed = tuple(members)
    return next((host for host in listed if DATABASE in host.roles), listed[0])


def batch_size(batch: int | str, count: int) -> int:
    """How many of `count` hosts switch at a time. Raises ConfigError for what is no number, share or "all"."""
    if isinstance(batch, int) and not isinstance(batch, bool) and batch >= 1:
        return min(batch, count)
    if batch == ALL:
        return count
    share = PERCENT.match(str(batch))
    if share and 1 <= int(share[1]) <= 100:
        return max(1, math.floor(count * int(share[1]) / 100))
    raise ConfigError(f"BATCH is {batch!r}.", hint='Write a number of hosts from 1 on, a share as "25%", or "all".')


def batches(batch: int | str, names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """The names in groups that switch one after the other."""
    size = batch_size(batch, len(names)) if names else 1
    return tuple(names[start : start + size] for start in range(0, len(names), size))
