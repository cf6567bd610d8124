"""Every module that defines records: loading them lets the codec read what others wrote."""

from __future__ import annotations

from . import agent, boot, events, layout, manifest, plan, recovery, release, state, supervisor
from .actions import accounts, django, files, front, packages, processes, programs, source, static, system, web

MODULES = (
    *(agent, boot, events, layout, manifest, plan, recovery, release, state, supervisor),
    *(accounts, django, files, front, packages, processes, programs, source, static, system, web),
)


def load() -> None:
    """Importing this module has done it; calling this says so."""
