"""What a deployment came to, as the word that journals and events use."""

from __future__ import annotations

from . import journal
from .errors import Cancelled, DeployError, SwitchedBack, Unchanged


def status_of(reason: DeployError | None) -> str:
    if reason is None:
        return journal.SUCCEEDED
    known = {Cancelled: journal.CANCELLED, SwitchedBack: journal.SWITCHED_BACK, Unchanged: journal.UNCHANGED}
    return known.get(type(reason), journal.FAILED)
