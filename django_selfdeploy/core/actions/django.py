"""Asking the Django process of a release."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..agent import AgentSpec
from ..codec import record
from .base import Action, ActionFailed, World

ERROR = 40
"""The level of an error, as Django's checks count."""


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
class Judge(Action):
    """Put `question` to the agent, which answers with messages: errors fail, and so do those of `refused`.

    Ids of checks are in `accepted` and `refused`; what is accepted fails never, and that is told.
    """

    agent: AgentSpec
    question: str
    accepted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    timeout: float = 600.0

    def describe(self) -> str:
        return f"ask Django in {self.agent.cwd} to judge: {self.question}"

    def do(self, world: World) -> None:
        answer = world.agent(self.agent).ask(self.question, {}, timeout=self.timeout, quiet=True)
        judge(world, answer["messages"], accepted=self.accepted, refused=self.refused)
        world.note(str(answer.get("note", "")))


def judge(
    world: World, messages: Iterable[Mapping[str, Any]], *, accepted: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    """Tell what stops nothing. Raises ActionFailed with what does."""
    failing = []
    for message in messages:
        text = f"({message['id']}) {message['text']}"
        stops = message["level"] >= ERROR or message["id"] in refused
        if stops and message["id"] not in accepted:
            failing.append(text)
        elif stops:
            world.warn(f"({message['id']}) was overruled: {message['text']}")
        else:
            world.warn(text)
    if failing:
        several = "\n    ".join((f"{len(failing)} messages:", *failing))
        raise ActionFailed(several if len(failing) > 1 else failing[0])
