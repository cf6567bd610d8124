"""How the end of a deployment is told: an error as plain fields, and what it came to as a word."""

from __future__ import annotations

from typing import Any

from . import journal
from .errors import Cancelled, DeployError, SwitchedBack, Unchanged


def as_fields(reason: DeployError) -> dict[str, Any]:
    """An error as it travels and as the journal keeps it."""
    return {
        "error": type(reason).__name__,
        "message": reason.message,
        "hint": reason.hint,
        "exit_code": reason.exit_code,
    }


def status_of(reason: DeployError | None) -> str:
    if reason is None:
        return journal.SUCCEEDED
    known = {Cancelled: journal.CANCELLED, SwitchedBack: journal.SWITCHED_BACK, Unchanged: journal.UNCHANGED}
    return known.get(type(reason), journal.FAILED)
