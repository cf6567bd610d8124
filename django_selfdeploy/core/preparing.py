"""Preparing a host: a plan of its own kind, before there is a root that could be locked."""

from __future__ import annotations

import time

from .actions.prepare import Prepare
from .plan import Plan
from .session import Listener, Session


def examined(plan: Plan) -> tuple[bool, ...]:
    """Of each step whether the host has what it gives already. Raises ActionFailed where that cannot be seen."""
    return tuple(all(action.is_done() for action in step.actions if isinstance(action, Prepare)) for step in plan.steps)


def prepared_session(listener: Listener) -> Session:
    """What actions that prepare a host work in: events are told, nothing is locked or written down."""
    return Session(
        deployment="",
        listener=listener,
        journal=None,
        lock=None,
        fetch=lambda wanted: iter(()),
        began=time.monotonic(),
    )
