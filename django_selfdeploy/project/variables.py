"""The environment file of a target: read as django-environ reads it."""

from __future__ import annotations

import re
from pathlib import Path

from ..core.errors import ConfigError
from ..core.secret import Secret
from .env_text import parsed

ASSIGNMENT = re.compile(r"(?:export )?([A-Za-z_][A-Za-z_0-9]*)=")
"""The beginning of a line that django-environ takes; no space may stand around the name."""

CONFLICT = ("<<<<<<< ", "||||||| ", ">>>>>>> ", "=======")
"""How git begins the lines between which a conflict is to be resolved."""


def find(folder: Path, *, named: str, alias: str) -> Path | None:
    """The environment file beside manage.py: the one named, `.env.TARGET`, or `.env`. None where there is none.

    Raises ConfigError when the one named is not there.
    """
    if named:
        path = folder / named
        if not path.is_file():
            raise ConfigError(f"The file of environment variables {named!r} is not there.", hint=f"Write {path}.")
        return path
    return next((path for path in (folder / f".env.{alias}", folder / ".env") if path.is_file()), None)


def read(path: Path) -> tuple[Secret, dict[str, str]]:
    """The text of the file and its variables. Raises ConfigError for a line that would be lost or cut."""
    text = text_in(path)
    judge(path.name, text)
    return Secret(text), parsed(text)


def text_in(path: Path) -> str:
    """Raises ConfigError for a file that cannot be read, or is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{str(path)!r} cannot be read: {error.strerror}.", hint="Mend its mode.") from error
    except ValueError as error:
        raise ConfigError(f"{str(path)!r} is not UTF-8.", hint="Save it as UTF-8, then try again.") from error


def judge(name: str, text: str) -> None:
    """Raise ConfigError for a line of the file called `name` that django-environ would leave out or cut."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            _judge(name, number, line)


def _judge(place: str, number: int, line: str) -> None:
    if line.startswith(CONFLICT):
        raise ConfigError(f"Line {number} of {place!r} is a merge conflict.", hint="Resolve it, then try again.")
    found = ASSIGNMENT.match(line)
    if found is None:
        raise ConfigError(f"Line {number} of {place!r} is no NAME=value.", hint="Mend or remove the line.")
    if "\0" in line:
        raise ConfigError(f"The value of {found[1]} in {place!r} holds a NUL.", hint="Encode it, in base64 say.")
