"""Which variables differ between two environment files: their names, and never their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Changes:
    """Names of variables, sorted. It is true where there is any."""

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.gone)

    def __str__(self) -> str:
        parts = {"changed": self.changed, "new": self.new, "gone": self.gone}
        told = [f"{len(names)} {how}: {', '.join(names)}" for how, names in parts.items() if names]
        return "; ".join(told) or "none changed"

    def to_json(self) -> dict[str, list[str]]:
        return {"new": list(self.new), "changed": list(self.changed), "gone": list(self.gone)}


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> Changes:
    """What makes `after` of `before`."""
    return Changes(
        new=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(sorted(name for name in after.keys() & before.keys() if after[name] != before[name])),
        gone=tuple(sorted(before.keys() - after.keys())),
    )
