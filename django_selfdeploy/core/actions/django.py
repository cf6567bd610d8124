"""Asking the Django process of a release."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..agent import AgentSpec
from ..codec import record
from .base import Action, World


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
