"""What stands on a host: the root of a site, and the release that answers there."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django_selfdeploy.core.supervisor import Supervisor, Unreachable


@dataclass(frozen=True)
class Answer:
    """What a visitor gets; `headers` have names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class Standing:
    """What a test asks of a site, wherever its root is; a subclass knows where that is, and how to visit the site."""

    root: Path

    @property
    def name(self) -> str:
        """The beginning of the names of its programs."""
        raise NotImplementedError

    def get(self, path: str) -> Answer:
        """Raises OSError or HTTPException where there is no answer."""
        raise NotImplementedError

    @property
    def serving(self) -> str:
        """The id of the release that answers."""
        answer = self.get("/release/")
        assert answer.status == 200, answer.text
        return answer.text.strip()

    @property
    def current(self) -> str:
        """The release that `current` points to; "" for none."""
        try:
            return os.path.basename(os.readlink(self.root / "current"))
        except FileNotFoundError:
            return ""

    @property
    def releases(self) -> list[str]:
        """Oldest first."""
        return sorted(entry.name for entry in (self.root / "releases").iterdir())

    @property
    def journals(self) -> list[dict[str, Any]]:
        """Newest first; what a killed runner half wrote has a name that begins with a dot."""
        return [json.loads(p.read_text()) for p in sorted((self.root / "journal").glob("[!.]*.json"), reverse=True)]

    @property
    def groups(self) -> dict[str, str]:
        """State by group of what supervisord has; empty where none answers."""
        try:
            return {p.group: p.state for p in Supervisor(str(self.root / "run/supervisor.sock")).processes()}
        except Unreachable:
            return {}

    @property
    def lock_is_free(self) -> bool:
        with open(self.root / "lock") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    @property
    def is_well(self) -> bool:
        """Whether the live release answers and nobody deploys."""
        try:
            return self.serving == self.current and self.lock_is_free
        except (OSError, http.client.HTTPException, AssertionError):
            return False
