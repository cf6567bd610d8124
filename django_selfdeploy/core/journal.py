"""The story of a deployment on disk: rewritten whole before and after each step, so a crash leaves the truth."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from typing import Any

from . import atomic
from .layout import Layout

SCHEMA = 1

RUNNING, SUCCEEDED, FAILED = "running", "succeeded", "failed"
SWITCHED_BACK, CANCELLED, INTERRUPTED = "switched back", "cancelled", "interrupted"
UNCHANGED, INCOMPLETE = "unchanged", "incomplete"


def now() -> str:
    """UTC in ISO 8601 with milliseconds, for example "2026-11-22T10:11:12.345Z"."""
    moment = datetime.now(timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def new_id() -> str:
    """A name for a deployment that sorts by time, for example "20261122-101112-345" (UTC, milliseconds)."""
    moment = datetime.now(timezone.utc)
    return moment.strftime("%Y%m%d-%H%M%S-") + f"{moment.microsecond // 1000:03d}"


class Journal:
    """One deployment's file. What it holds is described in docs/reference/journal.md."""

    def __init__(self, layout: Layout, about: dict[str, Any]) -> None:
        self.path = layout.journal(about["id"])
        self.story: dict[str, Any] = {
            "schema": SCHEMA,
            **about,
            "started": now(),
            "finished": None,
            "status": RUNNING,
            "live_after": None,
            "seconds": None,
            "error": None,
            "warnings": [],
            "steps": [],
        }
        self.save()

    def begin_step(self, *, number: int, phase: str, name: str, at: float) -> None:
        """`at` is in seconds since the command was given."""
        step = {"number": number, "phase": phase, "name": name, "status": RUNNING, "at": round(at, 3)}
        self.story["steps"].append({**step, "seconds": None, "note": "", "tail": ""})
        self.save()

    def end_step(self, *, status: str, seconds: float, note: str, tail: str) -> None:
        self.story["steps"][-1].update(status=status, seconds=round(seconds, 3), note=note, tail=tail)
        self.save()

    def mark_undone(self, number: int) -> None:
        for step in self.story["steps"]:
            if step["number"] == number and step["status"] == "done":
                step["status"] = "undone"

    def live(self, seconds: float) -> None:
        self.story["live_after"] = round(seconds, 3)
        self.save()

    def warn(self, text: str) -> None:
        self.story["warnings"].append(text)

    def keep(self, key: str, value: Any) -> None:
        """Add `value` to the list called `key`."""
        self.story.setdefault(key, []).append(value)
        self.save()

    def close(self, status: str, *, seconds: float, error: dict[str, Any] | None = None) -> None:
        """`error` has the keys "error", "message", "hint" and "exit_code"."""
        self.story.update(status=status, finished=now(), seconds=round(seconds, 3), error=error)
        self.save()

    def save(self) -> None:
        atomic.write(self.path, encoded(self.story), mode=0o640)


def encoded(story: dict[str, Any]) -> bytes:
    """The bytes of the file of `story`: the same again for a story that was read from it, wherever it was sent."""
    return json.dumps(story, ensure_ascii=False).encode("utf-8", "replace")


def read(path: str) -> dict[str, Any] | None:
    """The story at `path`; None for a file that is gone or is no journal."""
    try:
        with open(path, encoding="utf-8") as file:
            story = json.load(file)
    except (OSError, ValueError):
        return None
    return story if isinstance(story, dict) and "id" in story else None


def newest(layout: Layout, count: int) -> list[dict[str, Any]]:
    """The newest `count` stories, newest first (ids begin with their time); none that a killed runner half wrote."""
    try:
        names = sorted((n for n in os.listdir(layout.journals) if n.endswith(".json") and n[0] != "."), reverse=True)
    except OSError:
        return []
    stories = (read(os.path.join(layout.journals, name)) for name in names[:count])
    return [story for story in stories if story is not None]


def interrupt(layout: Layout, identity: str) -> None:
    """Close the story of a runner that was killed: where it stood is its last step."""
    path = layout.journal(identity)
    story = read(path)
    if story is None or story["status"] != RUNNING:
        return
    step = story["steps"][-1]["name"] if story["steps"] else "its first step"
    error = {
        "error": "Interrupted",
        "message": f"The runner was killed in {step!r}.",
        "hint": "",
        "exit_code": 1,
    }
    story.update(status=INTERRUPTED, finished=now(), error=error)
    for row in story["steps"]:
        if row["status"] == RUNNING:
            row["status"] = INTERRUPTED
    atomic.write(path, encoded(story), mode=0o640)
