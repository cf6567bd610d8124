"""How the hosts of a target fare: all asked at the same time, and one that does not answer is a fact like any other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .core.errors import DeployError
from .hosts.base import Connection
from .options import Project
from .preparation import look_for, target_on
from .reaching import answering

DEPLOYMENTS = 5
"""How many of the last deployments are told of each host."""


@dataclass(frozen=True)
class Survey:
    """`answered` is what core.status tells by host, `silent` why there is no answer; `several` says that the target
    has more hosts than one.
    """

    several: bool
    answered: dict[str, dict[str, Any]]
    silent: dict[str, DeployError]

    @property
    def releases(self) -> tuple[str, ...]:
        """What is live on the hosts that answer, "" for nothing; one entry where they agree."""
        live = (status["release"]["id"] if status["release"] else "" for status in self.answered.values())
        return tuple(dict.fromkeys(live))

    @property
    def healthy(self) -> bool:
        """Whether every host answers, is well, and runs what the others run."""
        well = all(status["healthy"] for status in self.answered.values())
        return well and not self.silent and len(self.releases) == 1


def survey(project: Project) -> Survey:
    """Ask all hosts. Raises the DeployError of a target's only host."""

    def ask(name: str, connection: Connection) -> dict[str, Any]:
        return connection.status(look=look_for(target_on(project.target, name)), deployments=DEPLOYMENTS)

    with answering(project) as (fleet, silent):
        answered, failed = fleet.try_each(ask) if fleet else ({}, {})
        several = bool(silent) or (fleet is not None and fleet.several)
        return Survey(several, answered, silent | failed)
