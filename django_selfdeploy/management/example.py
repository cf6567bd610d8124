""".env.example: printed, written, compared, or what is in it as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.project import changes, dry, own_files
from django_selfdeploy.project.changes import Change
from django_selfdeploy.project.contract import Contract
from django_selfdeploy.project.example import FILE, example
from django_selfdeploy.tell.jsonlines import dumps


@dataclass(frozen=True)
class Asked:
    """What to do with the file: `write` it, or `check` whether it is as it should be, else print it or the JSON."""

    write: bool = False
    check: bool = False
    as_json: bool = False


def run(folder: Path, settings: str, asked: Asked, tell: Callable[[str], Any]) -> int:
    """Do it for the project in `folder` with the settings module `settings`, and `tell` a text; the exit code.

    The settings are imported in a process of its own, and watched; this process need not have them. Raises
    ReleaseError when they fail for something else than a variable.
    """
    found = dry.contract(settings, code=folder, project=folder)
    before = _text(folder)
    text = example(found, before or "", partial(own_files.words, folder))
    current = text == before
    if asked.write and not current:
        change = Change(FILE, "the variables that the settings read", before, text)
        changes.write(folder, (change,), check=_fine)
    tell(_told(text, found, asked, current=current))
    return 1 if asked.check and not asked.write and not current else 0


def _told(text: str, found: Contract, asked: Asked, *, current: bool) -> str:
    if asked.as_json:
        return dumps({"contract": found.to_json(), "path": FILE, "current": current or asked.write})
    if asked.write:
        return "nothing to do" if current else f"wrote {FILE}"
    if asked.check:
        mend = "`manage.py deploy_init --example --write` mends it"
        return f"{FILE} is as it should be" if current else f"{FILE} is out of date: {mend}"
    return text.rstrip("\n")


def _text(folder: Path) -> str | None:
    try:
        return (folder / FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{FILE!r} cannot be read: {error}.", hint="Mend its mode or encoding.") from error


def _fine(folder: Path) -> str:
    """An example changes nothing that would have to be checked."""
    return ""
