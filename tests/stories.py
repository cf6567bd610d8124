"""Journals as the runner writes them, for the tests of the record and of the admin."""

import json
from pathlib import Path
from typing import Any

ID = "20261122-101112-4be1d0c7"

HOSTILE = "<script>alert(1)</script>\x1b[31mred\x1b[0m \u202ecod.exe\x00\ud800"
"""What a page, a terminal and PostgreSQL must not get as it is."""

HARMLESS = "<script>alert(1)</script>red \\x202ecod.exe\\x00?"
"""What is left of it in the database."""


def step(number: int, phase: str, name: str, at: float, seconds: float | None, **changes: Any) -> dict[str, Any]:
    about = {"number": number, "phase": phase, "name": name, "status": "done", "at": at, "seconds": seconds}
    return {**about, "note": "", "tail": "", **changes}


STEPS = (
    step(1, "stage", "take the source", 0.3, 0.2, note="214 files", tail="3 files sent\n"),
    step(2, "stage", "load the release", 0.5, 0.7),
    step(3, "activate", "migrate", 1.2, 0.3, tail="Applying pages.0005... OK\n"),
    step(4, "switch", "switch", 1.5, 0.003),
    step(5, "finish", "remove old releases", 1.6, 0.4),
)


def story(identity: str = ID, **changes: Any) -> dict[str, Any]:
    """A deployment that succeeded in two seconds."""
    return {
        "schema": 1,
        "id": identity,
        "kind": "deploy",
        "target": "default",
        "release": identity,
        "previous": "20261121-164210-9f01c2aa",
        "commit": "4be1d0c7a1f0e2b3c4d5e6f708192a3b4c5d6e7f",
        "subject": "Keep the words of an entry",
        "who": "ada",
        "host": "web1.example.com",
        "versions": {"django": "5.2.19", "python": "3.12.1"},
        "configuration": {"KEEP": 5, "APP_SERVER": {"BACKEND": "gunicorn"}},
        "options": {"skip_tests": True, "processes": {"clock": "clock; There is a <schedule>."}},
        "started": "2026-11-22T10:11:12.120Z",
        "finished": "2026-11-22T10:11:14.120Z",
        "status": "succeeded",
        "live_after": 1.503,
        "seconds": 2.0,
        "error": None,
        "warnings": ["There is no backup."],
        "steps": [dict(row) for row in STEPS],
        **changes,
    }


def write(folder: Path, identity: str = ID, **changes: Any) -> Path:
    path = folder / f"{identity}.json"
    path.write_text(json.dumps(story(identity, **changes)))
    return path
