"""What a runner tells while it works; console, journal and records listen."""

from __future__ import annotations

from dataclasses import dataclass

from .codec import record


@dataclass(frozen=True)
class Event:
    """Something that happened on the host."""


@record
@dataclass(frozen=True)
class Started(Event):
    """A deployment (or a rollback, a restart) begins; `deployment` is the id of its journal."""

    deployment: str
    kind: str
    target: str
    release: str


@record
@dataclass(frozen=True)
class StepStarted(Event):
    number: int
    phase: str
    name: str


@record
@dataclass(frozen=True)
class Doing(Event):
    """One action of a step begins; `what` is its description, secrets masked."""

    number: int
    what: str


@record
@dataclass(frozen=True)
class Output(Event):
    """Lines that a command of the step wrote."""

    number: int
    text: str


@record
@dataclass(frozen=True)
class StepFinished(Event):
    """`status` is "done", "failed" or "undone"; `seconds` its duration; `note` a result worth a line."""

    number: int
    name: str
    status: str
    seconds: float
    note: str = ""


@record
@dataclass(frozen=True)
class Live(Event):
    """The switch is made: `release` serves, `seconds` after the command was given."""

    release: str
    seconds: float
    url: str


@record
@dataclass(frozen=True)
class Undoing(Event):
    """Something failed before the deployment was confirmed: what was begun is taken back now."""

    reason: str


@record
@dataclass(frozen=True)
class Warned(Event):
    text: str


@record
@dataclass(frozen=True)
class Remarked(Event):
    """Something worth knowing that is in order: a choice that was made for the user."""

    text: str


@record
@dataclass(frozen=True)
class Finished(Event):
    """The end: `status` is "succeeded", "incomplete", "failed", "switched back" or "cancelled"."""

    status: str
    seconds: float
