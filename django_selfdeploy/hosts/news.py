"""What the controller itself tells when it works on several hosts; no runner knows these events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..core.events import Event


@dataclass(frozen=True)
class OnHost(Event):
    """What a runner tells, where there are several; `host` is its name in the settings."""

    host: str
    event: Event


@dataclass(frozen=True)
class Planned(Event):
    """What the hosts do next: pairs (name of the step, hosts that do it), in order."""

    steps: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Recorded(Event):
    """The journal of a host, closed; told when all is over."""

    story: dict[str, Any]
