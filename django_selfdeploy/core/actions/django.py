"""Asking the Django process of a release."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..agent import AgentSpec
from ..codec import record
from ..supervisor import ALIVE, Supervisor, Unreachable
from .base import Action, ActionFailed, World


@record
@dataclass(frozen=True)
class Ask(Action):
    """Put `question` to the agent; the answer is kept under the question's name for the controller.

    `arguments` is a JSON object as text. `note` is a key of the answer to show in the line of the step.
    """

    agent: AgentSpec
    question: str
    arguments: str = "{}"
    timeout: float = 3600.0
    quiet: bool = False

    def describe(self) -> str:
        return f"ask Django in {self.agent.cwd}: {self.question}"

    def do(self, world: World) -> None:
        arguments = json.loads(self.arguments)
        agent = world.agent(self.agent)
        answer = agent.ask(self.question, arguments, timeout=self.timeout, quiet=self.quiet)
        world.answers[self.question] = answer
        if isinstance(answer, dict) and answer.get("note"):
            world.note(str(answer["note"]))


@record
@dataclass(frozen=True)
class Migrate(Action):
    """Apply the migrations `only`, pairs (alias of the database, "app.name"), as far as they are pending.

    `lock_timeout` and `statement_timeout` are in seconds. What was applied is told in the story, of a failure too.
    """

    agent: AgentSpec
    only: tuple[tuple[str, str], ...]
    lock_timeout: float
    statement_timeout: float
    tries: int
    timeout: float = 24 * 3600.0

    def describe(self) -> str:
        return f"migrate {', '.join(dict.fromkeys(label for _, label in self.only))}"

    def do(self, world: World) -> None:
        only: dict[str, list[str]] = {}
        for alias, label in self.only:
            only.setdefault(alias, []).append(label)
        limits = {"lock_timeout": self.lock_timeout, "statement_timeout": self.statement_timeout, "tries": self.tries}
        agent = world.agent(self.agent)
        answer: dict[str, Any] = agent.ask("migrate", {"only": only, **limits}, timeout=self.timeout, quiet=False)
        world.answers["migrate"] = answer
        world.keep("migrated", {key: answer[key] for key in ("applied", "failed", "stays", "left")})
        if answer["failure"]:
            raise ActionFailed(answer["failure"])
        world.note(answer["note"])


@record
@dataclass(frozen=True)
class ExpectGone(Action):
    """See that none of the groups runs: what follows would break them."""

    control: str
    groups: tuple[str, ...]

    def describe(self) -> str:
        return f"see that {', '.join(self.groups)} is gone"

    def do(self, world: World) -> None:
        try:
            running = [p.group for p in Supervisor(self.control).groups(self.groups) if p.state in ALIVE]
        except Unreachable:
            return
        if running:
            raise ActionFailed(f"The program {running[0]!r} of the release before still runs.")
