"""Every module that defines records: loading them lets the codec read what others wrote."""

from __future__ import annotations

from . import agent, boot, events, layout, plan, recovery, release, state, supervisor
from .actions import django, files, processes, programs, web

MODULES = (
    *(agent, boot, events, layout, plan, recovery, release, state, supervisor),
    *(django, files, processes, programs, web),
)


def load() -> None:
    """Importing this module has done it; calling this says so."""
