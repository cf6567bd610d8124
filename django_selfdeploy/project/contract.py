"""What a project's settings want from the environment: names, kinds and defaults, never a value."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

FILE = "contract.json"
"""Its name in the etc/ of a release, where the next deployment finds it."""

REQUIRED, DEFAULT, HIDDEN, NONE = "required", "default", "hidden", "none"
"""What is there where a variable is missing: nothing, and the settings do not load; a default; one that is not shown,
since it may be a secret; nothing, and the settings load all the same.
"""


@dataclass(frozen=True)
class Variable:
    """A variable that settings read. `cast` is what they make of it, "str" also where that is not known.

    `otherwise` is one of the constants above, `default` the text of a DEFAULT as an environment file would have it.
    `where` are places of the project, "mysite/settings.py:12"; `present` says that it was set when it was read; `by`
    names the variable whose value, "$NAME", led to it. Where there is no such variable NAME is part of a value that was
    not meant so: then the first one is `dangling`, and NAME is told nowhere.
    """

    name: str
    cast: str = "str"
    otherwise: str = NONE
    default: str = ""
    where: tuple[str, ...] = ()
    present: bool = False
    by: str = ""
    dangling: bool = False

    @property
    def is_required(self) -> bool:
        return self.otherwise == REQUIRED


@dataclass(frozen=True)
class Contract:
    """The variables in the order in which they were first read. `others` are names that libraries asked for of their
    own accord; `whole` says that the project took all of the environment at once.
    """

    variables: tuple[Variable, ...] = ()
    others: tuple[str, ...] = ()
    whole: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.variables)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Contract:
        rows = (dict(row) for row in fields["variables"])
        variables = tuple(Variable(**{**row, "where": tuple(row["where"])}) for row in rows)
        return cls(variables, tuple(fields["others"]), fields["whole"])


def remembered(found: Contract) -> str:
    """What a release keeps of its contract for the next one: names alone."""
    return json.dumps({"variables": sorted(found.names)}, indent=1) + "\n"


def names_of(text: str) -> frozenset[str] | None:
    """The names in such a text; None where it is none."""
    try:
        return frozenset(map(str, json.loads(text)["variables"]))
    except (ValueError, KeyError, TypeError):
        return None


def merged(reads: Iterable[Variable], *, others: Iterable[str] = (), whole: bool = False) -> Contract:
    """The contract that single `reads` make. A variable is required where no reading of it does without it."""
    found: dict[str, Variable] = {}
    for read in reads:
        found[read.name] = _both(found[read.name], read) if read.name in found else read
    mine = dict.fromkeys(name for name in others if name not in found)
    return Contract(tuple(found.values()), tuple(mine), whole)


def _both(one: Variable, other: Variable) -> Variable:
    """One that says more goes before one that only asks whether the variable is there."""
    ranks = (NONE, REQUIRED, HIDDEN, DEFAULT)
    first, second = sorted((one, other), key=lambda each: ranks.index(each.otherwise), reverse=True)
    if first.otherwise == REQUIRED and second.otherwise == NONE:
        first = replace(first, otherwise=NONE)
    return replace(
        first,
        cast=first.cast if first.cast != "str" else second.cast,
        where=tuple(dict.fromkeys((*one.where, *other.where))),
        present=one.present or other.present,
        by=one.by or other.by,
        dangling=one.dangling or other.dangling,
    )
