"""Every module that defines records: loading them lets the codec read what others wrote."""

from __future__ import annotations

from . import agent, boot, events, layout, manifest, plan, recovery, release, state, supervisor
from .actions import build, django, files, front, packages, processes, programs, smoke, source, static, web

MODULES = (
    *(agent, boot, events, layout, manifest, plan, recovery, release, state, supervisor),
    *(build, django, files, front, packages, processes, programs, smoke, source, static, web),
)


def load() -> None:
    """Importing this module has done it; calling this says so."""
