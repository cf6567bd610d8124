"""What `deploy_env` speaks of: the words that it takes, and what it prints of variables."""

from __future__ import annotations

import getpass
import os
import secrets
import shlex
import string
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

from django_selfdeploy.changing import Overview
from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.core.secret import MASK
from django_selfdeploy.env_files import Edit, setting
from django_selfdeploy.project import variables
from django_selfdeploy.project.env_changes import Changes
from django_selfdeploy.project.env_text import NAME, parsed
from django_selfdeploy.project.private import private_folder, write_private

KEY_LENGTH = 64
"""Letters and digits of a new SECRET_KEY, as of the one that the host keeps."""

ANSWERS_LIVE = {True: "live", False: "not live", None: "nothing is live"}


def settings_of(words: Iterable[str]) -> dict[str, str | None]:
    """The variables that words of the command line set: `NAME=VALUE`, or `NAME -` for one line or more of standard
    input, or `NAME` for a question on the terminal. Raises ConfigError.
    """
    found: dict[str, str | None] = {}
    pending = list(words)
    while pending:
        name, equals, value = pending.pop(0).partition("=")
        _judge(name)
        if not equals:
            from_input = pending[:1] == ["-"]
            del pending[: int(from_input)]
            value = _typed(name, from_input=from_input)
        found[name] = value
    if not found:
        raise ConfigError("Nothing is set.", hint="Write NAME=VALUE, or NAME - and give the value by standard input.")
    return found


def unset_of(words: Iterable[str]) -> dict[str, str | None]:
    """The variables that words take out. Raises ConfigError."""
    found: dict[str, str | None] = dict.fromkeys(words)
    for name in found:
        _judge(name)
    if not found:
        raise ConfigError("Nothing is named.", hint="Name the variables to take out.")
    return found


def _judge(name: str) -> None:
    if not NAME.match(name):
        raise ConfigError(f"{name.partition('=')[0]!r} is neither a target nor a variable.", hint="See --help.")


def _typed(name: str, *, from_input: bool) -> str:
    """In neither way the value gets into the shell's history or a list of processes."""
    if not from_input and sys.stdin and sys.stdin.isatty():
        return getpass.getpass(f"{name}: ")
    if not from_input:
        hint = f"Write {name}=VALUE, or {name} - and give the value by standard input."
        raise ConfigError(f"{name} has no value.", hint=hint)
    return sys.stdin.read().removesuffix("\n").removesuffix("\r")


def edited(text: str, *, name: str) -> str:
    """The text after the user's editor had it: in a private file, which is removed. Raises ConfigError."""
    words = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    with private_folder() as folder:
        path = folder / "variables.env"
        write_private(path, text)
        try:
            status = subprocess.call((*words, str(path)))
        except OSError as error:
            raise ConfigError(
                f"The editor {words[0]!r} cannot be run: {error.strerror}.", hint="Set EDITOR."
            ) from error
        if status:
            raise ConfigError(f"The editor {words[0]!r} ended with status {status}.", hint="Nothing was changed.")
        after = variables.text_in(path)
    variables.judge(name, after)
    return after


def new_secret_key(text: str) -> Edit:
    """Gives the project another SECRET_KEY, and keeps the one before it in SECRET_KEY_FALLBACKS, a list."""
    before = parsed(text)
    letters = string.ascii_letters + string.digits
    values: dict[str, str | None] = {"SECRET_KEY": "".join(secrets.choice(letters) for _ in range(KEY_LENGTH))}
    old = before.get("SECRET_KEY", "")
    if old and "," not in old:
        values["SECRET_KEY_FALLBACKS"] = old
    return setting(values)


def told(found: Overview, *, reveal: bool) -> list[str]:
    """A line for each variable: name, value if it may be seen, where that comes from, and whether it is live."""
    rows = [(r.name, r.value.reveal() if reveal else MASK, r.source, ANSWERS_LIVE[r.live]) for r in found.rows]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    lines = [
        "  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3])) for row in rows
    ]
    gone = sorted({name for one in found.differences().values() for name in one.gone})
    return [*lines, *(f"{name}  is live, and not here" for name in gone)] or ["There is no variable."]


def as_json(found: Overview, *, reveal: bool) -> dict[str, Any]:
    """The same for programs, and what differs from what is live by host."""
    rows = [
        {"name": row.name, "value": row.value.reveal() if reveal else MASK, "source": row.source, "live": row.live}
        for row in found.rows
    ]
    return {"variables": rows, "hosts": differing(found), "silent": sorted(found.silent)}


def differing(found: Overview) -> dict[str, dict[str, list[str]]]:
    return {host: one.to_json() for host, one in found.differences().items()}


def compared(host: str, found: Changes) -> list[str]:
    """A line for each name, with + for what is new, - for what goes and ~ for what changes."""
    marks = {"+": found.new, "-": found.gone, "~": found.changed}
    lines = [f"{mark} {name}" for mark, names in marks.items() for name in names] or ["no difference"]
    return [f"{host}: {line}" if host else line for line in lines]
