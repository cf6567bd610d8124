"""Every module that defines records: loading them lets the codec read what others wrote."""

from __future__ import annotations

from . import agent, boot, distance, events, layout, manifest, plan, recovery, release, state, supervisor
from .actions import (
    accounts,
    audit,
    build,
    django,
    files,
    front,
    packages,
    processes,
    programs,
    restore,
    smoke,
    source,
    static,
    system,
    variables,
    web,
    window,
)
from .backups import applied, store

MODULES = (
    *(agent, boot, distance, events, layout, manifest, plan, recovery, release, state, supervisor),
    *(accounts, audit, build, django, files, front, packages, processes, programs, restore, smoke),
    *(source, static, system, variables, web, window),
    *(applied, store),
)


def load() -> None:
    """Importing this module has done it; calling this says so."""
