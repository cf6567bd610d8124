"""Running commands."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass

from .. import children
from ..codec import record
from .base import Action, ActionFailed, World


@record
@dataclass(frozen=True)
class Run(Action):
    """Run a command, a tuple of words, and expect one of the exit statuses `allowed`.

    `environment` holds pairs and no secrets. `unless` names a file: where it exists nothing is run.
    `timeout` is in seconds. A failure carries the last lines of the output.
    """

    argv: tuple[str, ...]
    cwd: str = "/"
    environment: tuple[tuple[str, str], ...] = ()
    timeout: float = 1800.0
    allowed: tuple[int, ...] = (0,)
    unless: str = ""
    quiet: bool = False

    def describe(self) -> str:
        return shlex.join(self.argv)

    def do(self, world: World) -> None:
        if self.unless and os.path.exists(self.unless):
            return
        environment = dict(self.environment)
        status, tail = children.run(
            world, self.argv, cwd=self.cwd, environment=environment, timeout=self.timeout, quiet=self.quiet
        )
        if status not in self.allowed:
            raise ActionFailed(f"{name_of(self.argv)} {ended(status)}.{last_lines(tail)}")


@record
@dataclass(frozen=True)
class Say(Action):
    """Tell something that cannot be done or taken back, but must be known."""

    text: str

    def describe(self) -> str:
        return f"say: {self.text}"

    def do(self, world: World) -> None:
        world.warn(self.text)


def name_of(argv: tuple[str, ...]) -> str:
    """The command without the folders of its program, short enough for a sentence."""
    words = shlex.join((os.path.basename(argv[0]), *argv[1:]))
    return f"`{words if len(words) <= 100 else words[:97] + '...'}`"


def ended(status: int) -> str:
    return f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"


def last_lines(output: str, count: int = 15) -> str:
    """The last lines of an output, indented, to follow a sentence; nothing where there was none."""
    lines = [line for line in output.splitlines() if line.strip()][-count:]
    return "".join(f"\n    {line}" for line in lines)
