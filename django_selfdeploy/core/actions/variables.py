"""Actions on environment files, whose values are never told."""

from __future__ import annotations

from dataclasses import dataclass

from .. import atomic
from ..codec import record
from ..secret import Secret
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
        if new is not None:
            _keep(self.path, new, world)


@record
@dataclass(frozen=True)
class SetVariables(Action):
    """Make `text` the environment file `path`; another one that was there is kept beside it."""

    path: str
    text: Secret

    def describe(self) -> str:
        return f"write {self.path}, and keep what was there as {self.path}{PREVIOUS}"

    def do(self, world: World) -> None:
        _keep(self.path, self.text.reveal().encode("utf-8", "surrogateescape"), world)


@record
@dataclass(frozen=True)
class NoteVariables(Action):
    """Say in the line of the step which variables are not what they are in the live release: names only."""

    text: str

    def describe(self) -> str:
        return f"variables: {self.text}"

    def do(self, world: World) -> None:
        world.note(self.text)


def _keep(path: str, new: bytes, world: World) -> None:
    """The older file is safe before the newer takes its place."""
    old = _read(path)
    if old is not None and old != new:
        atomic.write(f"{path}{PREVIOUS}", old, mode=0o600)
    Write(path, Secret(new.decode("utf-8", "surrogateescape")), 0o600).do(world)


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
