"""Static files of releases that are no longer live, for pages that are still open in a browser."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .. import atomic
from ..codec import record
from .base import Action, World

SIBLINGS = (".gz", ".br")
"""Endings of the compressed siblings of a file."""


@record
@dataclass(frozen=True)
class ShareStatic(Action):
    """Make the static files of a release reachable after it is no longer live, by hard links in `shared`.

    A compressed sibling there that this release does not have is of other bytes, and goes.
    """

    public: str
    shared: str

    def describe(self) -> str:
        return f"share {self.public} in {self.shared}"

    def do(self, world: World) -> None:
        names = files_below(self.public)
        for name in self._stale(names):
            os.unlink(name)
        for name in names:
            source, target = os.path.join(self.public, name), os.path.join(self.shared, name)
            if os.path.exists(target) and os.path.samefile(source, target):
                continue
            os.makedirs(os.path.dirname(target), exist_ok=True)
            temporary = atomic.beside(target)
            os.link(source, temporary)
            os.rename(temporary, target)

    def _stale(self, names: list[str]) -> list[str]:
        known = set(names)
        siblings = (f"{name}{ending}" for name in names for ending in SIBLINGS)
        paths = (os.path.join(self.shared, name) for name in siblings if name not in known)
        return [path for path in paths if os.path.exists(path)]


@record
@dataclass(frozen=True)
class SweepStatic(Action):
    """Remove from `shared` the static files that no folder of `kept` has any more."""

    shared: str
    kept: tuple[str, ...]

    def describe(self) -> str:
        return f"remove from {self.shared} what no kept release has"

    def do(self, world: World) -> None:
        needed = {name for folder in self.kept for name in files_below(folder)}
        for name in set(files_below(self.shared)) - needed:
            os.unlink(os.path.join(self.shared, name))


def files_below(folder: str) -> list[str]:
    """The relative paths of the files below `folder`; none where there is no such folder."""
    found = []
    for top, _, names in os.walk(folder):
        below = os.path.relpath(top, folder)
        found += [os.path.normpath(os.path.join(below, name)) for name in names]
    return found
