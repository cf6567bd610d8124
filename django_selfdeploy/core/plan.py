"""A plan: steps of small actions, plain data that is printed, compared, sent and carried out."""

from __future__ import annotations

import enum
import itertools
from dataclasses import dataclass

from .actions.base import Action
from .codec import record


class Pace(enum.Enum):
    """How the hosts of a target go through a phase: none begins the next one before all are through."""

    TOGETHER = "every host at once"
    AFTER_ALL = "every host at once, when all are through with what came before"
    ONCE = "one host"
    IN_BATCHES = "batch after batch"


class Phase(enum.Enum):
    """A stretch of a deployment; its members say what a failure, a lost controller and many hosts mean in it."""

    RECOVER = "recover"
    STAGE = "stage"
    TEST = "test"
    ACTIVATE = "activate"
    CLOSE = "close"
    MIGRATE = "migrate"
    START = "start"
    HAND_OVER = "hand over"
    SWITCH = "switch"
    CONFIRM = "confirm"
    REOPEN = "reopen"
    FINISH = "finish"
    CONTRACT = "contract"
    TIDY = "tidy"

    @property
    def undone_on_failure(self) -> bool:
        """Whether a failure here takes back all that was done. After the confirmation nothing is taken back."""
        return self not in (Phase.FINISH, Phase.CONTRACT, Phase.TIDY)

    @property
    def outlives_controller(self) -> bool:
        """Whether the runner goes on alone when the controller is gone: from the switch on it does."""
        return self in tuple(Phase)[tuple(Phase).index(Phase.SWITCH) :]

    @property
    def pace(self) -> Pace:
        """Tests and migrations are done once for all hosts; a switch, with what confirms it, in batches. New workers
        start when the old ones of every host take nothing more.
        """
        if self in (Phase.TEST, Phase.MIGRATE, Phase.CONTRACT):
            return Pace.ONCE
        if self is Phase.HAND_OVER:
            return Pace.AFTER_ALL
        return Pace.IN_BATCHES if self in (Phase.SWITCH, Phase.CONFIRM) else Pace.TOGETHER


@record
@dataclass(frozen=True)
class Failure:
    """What a failed step means: `error` names a class of core.errors, `message` and `hint` are sentences."""

    error: str
    message: str
    hint: str = ""


@record
@dataclass(frozen=True)
class Step:
    """Actions in order, and the actions that take them back; undoing what was never done must be harmless."""

    phase: str
    name: str
    actions: tuple[Action, ...]
    undo: tuple[Action, ...] = ()
    failure: Failure | None = None

    @property
    def stretch(self) -> Phase:
        return Phase(self.phase)


@record
@dataclass(frozen=True)
class Plan:
    """`kind` is "deploy", "rollback", "restart", ...; `release` the id it is about."""

    kind: str
    target: str
    release: str
    steps: tuple[Step, ...]

    def without_empty_steps(self) -> Plan:
        return self.with_steps(tuple(step for step in self.steps if step.actions))

    def with_steps(self, steps: tuple[Step, ...]) -> Plan:
        return Plan(self.kind, self.target, self.release, steps)

    def during(self, phases: tuple[Phase, ...]) -> Plan:
        """The part of it that belongs to `phases`."""
        return self.with_steps(tuple(step for step in self.steps if step.stretch in phases))


def stretches(phases: tuple[Phase, ...] = tuple(Phase)) -> tuple[tuple[Pace, tuple[Phase, ...]], ...]:
    """These phases, in order, and those that follow each other at the same pace together."""
    return tuple((pace, tuple(those)) for pace, those in itertools.groupby(phases, key=lambda phase: phase.pace))
