"""Which migrations come before the switch and which after it; pure, from what is known of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Protocol

from .findings import CONTRACT, KINDS

BEFORE, AFTER, WINDOW, REFUSED = "before", "after", "window", "refused"


class Migration(Protocol):
    """What a schedule is made from; `needs` are the names of other pending migrations of the same database."""

    @property
    def alias(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def waits(self) -> bool: ...
    @property
    def needs(self) -> tuple[str, ...]: ...
    @property
    def reasons(self) -> tuple[str, ...]: ...
    @property
    def better(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Problem:
    """Why the order is impossible: a sentence, and what to do."""

    label: str
    text: str
    hint: str


@dataclass(frozen=True)
class Schedule:
    """`before` and `after` hold pairs (alias, "app.name") in the order of the plan; `overruled` the kinds that
    were given from outside, by "app.name".
    """

    before: tuple[tuple[str, str], ...] = ()
    after: tuple[tuple[str, str], ...] = ()
    problems: tuple[Problem, ...] = ()
    overruled: Mapping[str, str] = field(default_factory=dict)

    def when(self, alias: str, label: str) -> str:
        if any(one.label == label for one in self.problems):
            return REFUSED
        return AFTER if (alias, label) in self.after else BEFORE


def schedule(
    pending: Iterable[Migration], *, overrules: Mapping[str, str], window: bool = False, running: bool = True
) -> Schedule:
    """Expand before, contract after. `overrules` are kinds by patterns of names, the last that fits counts.

    In a `window`, and where no old code is `running`, all come before. Elsewhere a contract migration that cannot
    wait, or that one before the switch needs, is a problem.
    """
    rows = tuple(pending)
    overruled = {one.label: kind for one in rows if (kind := overruling(one.label, overrules))}
    if window or not running:
        return Schedule(tuple((one.alias, one.label) for one in rows), overruled=overruled)
    contract = {(one.alias, one.label) for one in rows if overruled.get(one.label, one.kind) == CONTRACT}
    after = tuple((one.alias, one.label) for one in rows if (one.alias, one.label) in contract)
    before = tuple((one.alias, one.label) for one in rows if (one.alias, one.label) not in contract)
    problems = [_cannot_wait(one) for one in rows if one.label not in overruled and (one.alias, one.label) in contract]
    problems += [_is_needed(one, contract) for one in rows if (one.alias, one.label) in before]
    return Schedule(before, after, tuple(one for one in problems if one), overruled)


def overruling(label: str, overrules: Mapping[str, str]) -> str:
    """The kind that is given to "app.name" from outside; "" for none."""
    fitting = [kind for pattern, kind in overrules.items() if fnmatchcase(label, pattern)]
    return fitting[-1] if fitting else ""


def _cannot_wait(one: Migration) -> Problem | None:
    if one.waits:
        return None
    text = f"{one.label} breaks the code that runs, and the new code cannot do without it: {' '.join(one.reasons)}"
    return Problem(one.label, text, " ".join(dict.fromkeys(one.better)) or _split(one.label))


def _is_needed(one: Migration, contract: set[tuple[str, str]]) -> Problem | None:
    needed = [label for label in one.needs if (one.alias, label) in contract]
    if not needed:
        return None
    text = f"{one.label} must be applied before the switch, and needs {needed[0]}, which breaks the code that runs."
    return Problem(one.label, text, _split(needed[0]))


def _split(label: str) -> str:
    return (
        f"Make two deployments of it: first the commit whose last migration of that app is {label}, then this one; "
        "or change their order."
    )


def is_kind(text: str) -> bool:
    """Whether it is a kind that can be declared, or given from outside."""
    return text in KINDS and text != "unknown"
