"""A copy of the records of other hosts, in the database of this machine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def keep(stories: Iterable[dict[str, Any]]) -> str:
    return ""
