"""LOGGING: files that several processes write, files that only grow, and errors that nobody sees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..facts import Message
from .surroundings import Sight, Surroundings, Values, told

ROTATED = ("logging.handlers.RotatingFileHandler", "logging.handlers.TimedRotatingFileHandler")
PLAIN = "logging.FileHandler"
SHARED = "django_selfdeploy.log_files.SharedFileHandler"


def judged(values: Values, around: Surroundings, seen: Sight) -> Iterator[Message]:
    """What will go wrong with the project's log files, and whether errors are told at all.

    There are several processes in any case: while two releases overlap.
    """
    for name, handler in file_handlers(values.get("LOGGING")):
        kind, path = str(handler["class"]), str(handler.get("filename", ""))
        if kind in ROTATED:
            yield told(
                "selfdeploy.W078",
                f"The log handler {name!r} rotates {path!r} in each process by itself, so lines of the others are "
                "lost.",
                f'Write "class": "{SHARED}" with maxBytes and backupCount, or let it write to the console.',
            )
        if kind == PLAIN:
            yield told(
                "selfdeploy.I079",
                f"The log file {path!r} of the handler {name!r} only grows, unless the host rotates it.",
                f'Write "class": "{SHARED}", which rotates it.',
            )
    if seen.shows_errors is False:
        yield _silent(values)


def _silent(values: Values) -> Message:
    """Django's own configuration shows errors to ADMINS only; one of the project's that shows none is a mistake."""
    hint = (
        'Give LOGGING a root logger with a "logging.StreamHandler" and "disable_existing_loggers": False; '
        "`manage.py deploy_logs` shows what it writes."
    )
    what = "An error of the site is shown to nobody: no log handler takes it"
    if not values.get("LOGGING"):
        return told("selfdeploy.I080", f"{what}, and ADMINS is empty.", hint)
    return told("selfdeploy.W080", f"{what}. LOGGING disables Django's loggers, unless it says otherwise.", hint)


def file_handlers(logging: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The handlers of a LOGGING that write to files, by name."""
    handlers = logging.get("handlers") if isinstance(logging, dict) else None
    for name, handler in (handlers or {}).items():
        if isinstance(handler, dict) and handler.get("class") and handler.get("filename"):
            yield str(name), handler
