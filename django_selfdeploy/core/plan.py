"""A plan: steps of small actions, plain data that is printed, compared, sent and carried out."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .actions.base import Action
from .codec import record


class Phase(enum.Enum):
    """A stretch of a deployment; its members say what a failure or a lost controller means in it."""

    RECOVER = "recover"
    STAGE = "stage"
    TEST = "test"
    ACTIVATE = "activate"
    SWITCH = "switch"
    CONFIRM = "confirm"
    FINISH = "finish"

    @property
    def undone_on_failure(self) -> bool:
        """Whether a failure here takes back all that was done. After the confirmation nothing is taken back."""
        return self is not Phase.FINISH

    @property
    def outlives_controller(self) -> bool:
        """Whether the runner goes on alone when the controller is gone: from the switch on it does."""
        return self in (Phase.SWITCH, Phase.CONFIRM, Phase.FINISH)


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
        steps = tuple(step for step in self.steps if step.actions)
        return Plan(self.kind, self.target, self.release, steps)
