"""Databases and uploaded files put back to a backup, and what was there before put back again when that fails."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from ..agent import AgentSpec
from ..codec import record
from .base import Action, ActionFailed, World

DAY = 86_400.0


@record
@dataclass(frozen=True)
class Restore(Action):
    """Put the databases, and with `media` uploaded files, back to the backup `identity` in `folder`.

    What of them was touched is kept for PutBack.
    """

    agent: AgentSpec
    folder: str
    identity: str
    media: bool
    timeout: float = DAY

    def describe(self) -> str:
        return f"restore the backup {self.identity}{' with its media' if self.media else ''}"

    def do(self, world: World) -> None:
        asked = {"folder": self.folder, "identity": self.identity, "media": self.media}
        world.answers["restore"] = {"media": self.media}  # should its process end in the middle
        answer: dict[str, Any] = world.agent(self.agent).ask("restore", asked, timeout=self.timeout, quiet=False)
        world.answers["restore"] = answer
        if answer["failure"]:
            raise ActionFailed(answer["failure"])
        world.note(answer["note"])


@record
@dataclass(frozen=True)
class PutBack(Action):
    """Put back what a Restore touched, from the backup that was made just before it."""

    agent: AgentSpec
    timeout: float = DAY

    def describe(self) -> str:
        return "put back what was there before the restore"

    def do(self, world: World) -> None:
        restored, saved = world.answers.get("restore"), world.answers.get("backup", {})
        if restored is None or (restored.get("touched") == [] and not restored["media"]):
            return
        if not saved.get("id"):
            world.warn("There is no backup of what was there before the restore.")
            return
        asked = {
            "folder": os.path.dirname(saved["folder"]),
            "identity": saved["id"],
            "media": restored["media"],
            "aliases": restored.get("touched"),
        }
        answer: dict[str, Any] = world.agent(self.agent).ask("restore", asked, timeout=self.timeout, quiet=False)
        if answer["failure"]:
            raise ActionFailed(answer["failure"])
