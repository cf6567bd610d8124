"""What the journal says of a deployment from its beginning, and who writes it to the database."""

from __future__ import annotations

import getpass
import os
import platform
import socket
import time
from dataclasses import asdict, fields, is_dataclass
from typing import Any

from . import __version__
from .backends.base import Part
from .conf import Target
from .context import Context
from .core.agent import ANSWERS, AgentSpec
from .core.layout import Layout
from .core.secret import MASK
from .core.state import HostState
from .options import Options, Project
from .project.safety.schedule import WINDOW
from .source import Source


def about_deployment(
    project: Project, kind: str, release: str, options: Options, source: Source | None
) -> dict[str, Any]:
    """What the journal says of a deployment from its beginning."""
    return {
        "kind": kind,
        "target": project.target.alias,
        "release": release,
        "commit": (source.commit or "") if source else "",
        "subject": source.subject if source else "",
        "dirty": source.dirty if source else False,
        "who": who(),
        "versions": {"django-selfdeploy": __version__, "python": platform.python_version()},
        "configuration": described(project.target),
        "options": {
            "skip_tests": options.skip_tests,
            "force": options.force,
            "wait": options.wait,
            "maintenance": bool(options.window_key),
            "migrations": dict(options.judged),
        },
        "elapsed": time.monotonic() - options.began,
    }


def about_migrations(context: Context) -> list[dict[str, Any]]:
    """The pending migrations as the journal and programs get them: what they do, how they are judged, and when they
    are applied.
    """
    schedule = context.schedule
    return [
        {
            "alias": one.alias,
            "migration": one.label,
            "kind": one.kind,
            "overruled": schedule.overruled.get(one.label, ""),
            "when": WINDOW if context.is_closed else schedule.when(one.alias, one.label),
            "reasons": list(one.reasons),
            "better": list(one.better),
            "reversible": one.reversible,
            "operations": list(one.operations),
            "tables": [asdict(table) for table in one.tables],
            "sql": list(one.sql),
        }
        for one in context.known_facts.pending
    ]


def described(target: Target) -> dict[str, Any]:
    """The target as plain values for the record; what could hold a secret is masked."""
    return {f.name: _plain(f.name, getattr(target, f.name)) for f in fields(target)}


def _plain(name: str, value: Any) -> Any:
    if any(word in name.lower() for word in ("secret", "password", "token", "key")):
        return MASK
    if is_dataclass(value) and not isinstance(value, type):
        inner = {f.name: _plain(f.name, getattr(value, f.name)) for f in fields(value)}
        return {"backend": type(value).__name__, **inner} if isinstance(value, Part) else inner
    if isinstance(value, dict):
        return {key: _plain(str(key), item) for key, item in value.items()}
    return [_plain(name, item) for item in value] if isinstance(value, tuple) else value


def recorder(layout: Layout, state: HostState) -> AgentSpec | None:
    """The Django process that can write records when the new release cannot: that of the live one."""
    return recorder_of(layout, state.current) if state.live else None


def recorder_of(layout: Layout, release: str) -> AgentSpec:
    folder = layout.release(release)
    words = ("-m", "django_selfdeploy.launch", folder, "python", "manage.py", "selfdeploy_agent", ANSWERS)
    return AgentSpec((f"{folder}/env/bin/python", *words), folder)


def who() -> str:
    """Who deploys: the user, the one behind sudo, or the one that a CI names."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.geteuid())
    person = os.environ.get("SUDO_USER") or user
    return f"{person}@{socket.gethostname()}"
