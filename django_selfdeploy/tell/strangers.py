"""Values that strangers wrote into a journal, made fit for a database and for a page."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Any

from django.conf import settings
from django.utils.dateparse import parse_datetime
from django.utils.timezone import make_naive

from ..core.text import plain

DEPTH = 12
"""How deep lists and dictionaries of a story may be nested; what lies deeper becomes "…"."""

LONGEST = 1e9
"""In seconds, thirty years; more is no duration."""


def cleaned(value: Any, depth: int = DEPTH) -> Any:
    """`value` with every text fit for a page and for PostgreSQL, and every number one that JSON knows."""
    if isinstance(value, str):
        return plain(value).encode("utf-8", "replace").decode()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if not isinstance(value, (dict, list)):
        return value
    if depth == 0:
        return "…"
    if isinstance(value, list):
        return [cleaned(item, depth - 1) for item in value]
    return {cleaned(key): cleaned(item, depth - 1) for key, item in value.items()}


def text(value: Any, longest: int | None = None) -> str:
    """At most `longest` characters; empty for None."""
    return ("" if value is None else str(value))[:longest]


def seconds(value: Any) -> float | None:
    """None for what is no duration."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value <= LONGEST else None


def whole_number(value: Any) -> int | None:
    """None for what is none, or does not fit into four bytes."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31 else None


def moment(value: Any) -> datetime | None:
    """The moment in UTC, or in the project's own zone without one where it has USE_TZ = False.

    Raises ValueError and OverflowError for a moment that the calendar does not have.
    """
    found = parse_datetime(value) if isinstance(value, str) else None
    if found is None:
        return None
    aware = found if found.tzinfo else found.replace(tzinfo=timezone.utc)
    return aware.astimezone(timezone.utc) if settings.USE_TZ else make_naive(aware)
