"""A process that the project needs besides the web server, as it was found by looking."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.core import checks

UNLIMITED = 600.0
"""Seconds that tasks get to finish where nothing limits how long they run."""

GRACE = 10.0
"""Seconds that a worker gets to end besides what its longest task may take."""


@dataclass(frozen=True)
class Found:
    """`command` is what runs it, `marks` are words that all such commands have. `stop_seconds` is what it may take to
    stop after `stop_signal`. On several hosts it runs on `one_host` only; one that is `alone` never runs twice.
    `at_once` is how many tasks it runs at a time, each perhaps with a connection to the database. `reason` says why it
    was found, a sentence.
    """

    name: str
    command: tuple[str, ...]
    marks: tuple[str, ...]
    reason: str
    stop_seconds: float = UNLIMITED
    stop_signal: str = "TERM"
    role: str = ""
    one_host: bool = False
    alone: bool = False
    at_once: int = 1

    def is_done_by(self, command: tuple[str, ...]) -> bool:
        """Whether a command of the settings does its work: then it must not run a second time."""
        return set(self.marks) <= {word.rpartition("/")[2] for word in command}


@dataclass(frozen=True)
class Remark:
    """What is to be said of it, under the id of a check."""

    id: str
    text: str
    hint: str = ""

    @property
    def level(self) -> int:
        """As its id says: W is for what should be mended."""
        return checks.WARNING if ".W" in self.id else checks.INFO


@dataclass(frozen=True)
class Looked:
    """What a look at one library has found."""

    found: tuple[Found, ...] = ()
    remarks: tuple[Remark, ...] = field(default=())


NOTHING = Looked()


def unlimited(library: str) -> Remark:
    """Nothing tells how long a task may take."""
    return Remark(
        "selfdeploy.I093",
        f"Nothing limits how long a task of {library} runs: its worker gets {UNLIMITED:.0f} seconds to finish, then it "
        "is killed.",
        "Limit the tasks, or give the process a STOP_TIMEOUT in PROCESSES.",
    )
