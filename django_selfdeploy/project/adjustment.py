"""What is put right in the settings of a release, as data."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Values = dict[str, Any]

WARNED, STOPPING = 3, (77,)
"""Numbers up to which an adjustment is a warning, and those that must be mended by somebody."""


@dataclass(frozen=True)
class Places:
    """Where a release lives: `code` its source, `project` the folder of manage.py, `public` its static files; and
    what outlives it: `shared`, `media`, and `log` for the log files of the project.
    """

    code: str
    project: str
    public: str
    shared: str
    media: str
    log: str = ""


@dataclass(frozen=True)
class Adjustment:
    """What was found and what is used instead; `number` is that of its check, `values` the settings that change.

    `folders` must be there before the settings are used.
    """

    number: int
    found: str
    instead: str
    hint: str
    values: Values
    folders: tuple[str, ...] = ()

    def identity(self, *, applied: bool) -> str:
        """The id of its check: an error where it is not `applied`."""
        letter = "E" if not applied or self.number in STOPPING else "W" if self.number <= WARNED else "I"
        return f"selfdeploy.{letter}{self.number:03}"


def inside(path: str, places: Places) -> str | None:
    """`path` relative to the release's source when it lies in it, else None. Relative ones start at manage.py."""
    whole = os.path.realpath(os.path.join(places.project, path))
    code = os.path.realpath(places.code)
    if os.path.commonpath((whole, code)) != code:
        return None
    return os.path.relpath(whole, code)


def like(path: str, given: Any) -> str | Path:
    """The path as the project gave its own: views may go on from a Path with `/`."""
    return Path(path) if isinstance(given, Path) else path
