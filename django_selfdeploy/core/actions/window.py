"""Closing the site to visitors: files below one folder, which the front server looks at with every request."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from .. import atomic, http
from ..agent import AgentSpec
from ..codec import record
from ..layout import CLOSED, PAGE
from ..release import Front, ProbeSpec
from .base import Action, ActionFailed, World
from .files import Remove
from .web import POLL

ANSWER = "X-Selfdeploy-Closed"
"""Response header of the page that visitors get meanwhile."""

PATIENCE = 5.0


@record
@dataclass(frozen=True)
class CloseSite(Action):
    """Let the front server answer with 503 and the project's page, and prove it by asking.

    `key` is what staff get in with; a file of that name lets them. The folder is passable and not to be listed, so
    that nobody on the host finds the key in it. The file that closes the site is the last to be written.
    """

    folder: str
    key: str
    agent: AgentSpec
    front: Front
    spec: ProbeSpec

    def describe(self) -> str:
        return f"answer every visitor at {self.front.address} with 503"

    def do(self, world: World) -> None:
        page = world.agent(self.agent).ask("closed_page", {}, timeout=60.0, quiet=True)["text"]
        os.makedirs(self.folder, exist_ok=True)
        os.chmod(self.folder, 0o711)  # noqa: S103 - the front server's user passes through it
        atomic.write(f"{self.folder}/{PAGE}", page.encode(), mode=0o644)
        atomic.write(f"{self.folder}/{self.key}", b"", mode=0o644)
        atomic.write(f"{self.folder}/{CLOSED}", b"", mode=0o644)
        if not self._is_closed():
            Remove((self.folder,)).do(world)
            raise ActionFailed(
                "The front server does not answer with 503: its configuration is that of an older release."
            )

    def _is_closed(self) -> bool:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                answer = http.get(self.front.address, self.spec.path, {"Host": self.spec.host}, timeout=PATIENCE)
            except http.NoAnswer:
                return False
            if answer.status == 503 and ANSWER.lower() in answer.headers:
                return True
            time.sleep(POLL)
        return False
