"""Actions on environment files, whose values are never told."""

from __future__ import annotations

from dataclasses import dataclass

from .. import atomic
from ..codec import record
from .base import Action, World
from .files import Write

PREVIOUS = ".previous"
"""What is put behind the name of a file that another one takes the place of."""


@record
@dataclass(frozen=True)
class KeepVariables(Action):
    """Copy the environment file `source` to `path`; another one that was there is kept beside it."""

    source: str
    path: str

    def describe(self) -> str:
        return f"keep {self.source} as {self.path}, and what was there as {self.path}{PREVIOUS}"

    def do(self, world: World) -> None:
        new = _read(self.source)
        old = _read(self.path)
        if new is None:
            return
        if old is not None and old != new:
            atomic.write(f"{self.path}{PREVIOUS}", old, mode=0o600)
        Write(self.path, new.decode("utf-8", "surrogateescape"), 0o600).do(world)


@record
@dataclass(frozen=True)
class NoteVariables(Action):
    """Say in the line of the step which variables are not what they are in the live release: names only."""

    text: str

    def describe(self) -> str:
        return f"variables: {self.text}"

    def do(self, world: World) -> None:
        world.note(self.text)


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
