"""What a deployment came to, as the word that journals and events use."""

from __future__ import annotations

from . import journal
from .errors import Cancelled, DeployError, MigrationMissing, SwitchedBack, Unchanged


def status_of(reason: DeployError | None) -> str:
    """How the journal calls the end that an error means; None is success."""
    if reason is None:
        return journal.SUCCEEDED
    known: dict[type[DeployError], str] = {
        Cancelled: journal.CANCELLED,
        SwitchedBack: journal.SWITCHED_BACK,
        Unchanged: journal.UNCHANGED,
        MigrationMissing: journal.INCOMPLETE,
    }
    return known.get(type(reason), journal.FAILED)
