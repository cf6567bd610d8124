"""Waiting for a condition: bounded, and generous, because machines are shared."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds; far more than anything here takes, so that a slow machine fails no test."""


def until(condition: Callable[[], T], *, what: str, seconds: float = PATIENCE) -> T:
    """The first true value of `condition`. Fails when there is none within `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited {seconds:g} s in vain: {what}.")
        time.sleep(0.02)
