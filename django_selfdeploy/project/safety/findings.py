"""What can be said of an operation: whether the code that runs gets along with it, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

EXPAND, LOCKING, UNKNOWN, CONTRACT = "expand", "locking", "unknown", "contract"

KINDS = (EXPAND, LOCKING, UNKNOWN, CONTRACT)
"""From the mildest to the gravest: the gravest of its findings is the kind of an operation, and of a migration."""


@dataclass(frozen=True)
class Finding:
    """`reason` is a sentence, `better` another way that avoids it.

    `waits` says whether the new code gets along without the operation, so that it may be applied after the old
    processes are gone.
    """

    kind: str
    reason: str
    better: str = ""
    waits: bool = False


def harmless(reason: str, *, waits: bool = False) -> Finding:
    """The old code gets along with it."""
    return Finding(EXPAND, reason, waits=waits)


def breaking(reason: str, better: str = "", *, waits: bool) -> Finding:
    """The old code does not get along with it."""
    return Finding(CONTRACT, reason, better, waits)


def locking(reason: str, better: str = "") -> Finding:
    """It keeps others waiting. Says nothing of what code gets along with."""
    return Finding(LOCKING, reason, better, waits=True)


@dataclass(frozen=True)
class Judgement:
    """What is said of one operation: its description, the gravest kind, and the findings."""

    operation: str
    kind: str
    waits: bool
    findings: tuple[Finding, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """The sentences that tell why it is of its kind; for a harmless one all there are."""
        grave = tuple(one.reason for one in self.findings if one.kind != EXPAND)
        return grave or tuple(one.reason for one in self.findings)

    @property
    def better(self) -> tuple[str, ...]:
        return tuple(one.better for one in self.findings if one.better)


def judgement(operation: str, findings: Iterable[Finding]) -> Judgement:
    """The findings of one operation put together."""
    found = tuple(findings)
    return Judgement(operation, gravest(one.kind for one in found), all(one.waits for one in found), found)


def gravest(kinds: Iterable[str]) -> str:
    """The gravest of kinds; EXPAND where there are none."""
    return max(kinds, key=KINDS.index, default=EXPAND)
