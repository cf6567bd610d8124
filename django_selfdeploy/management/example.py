""".env.example: printed, written, compared, or what is in it as JSON."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.management.base import DeployCommand
from django_selfdeploy.options import Project
from django_selfdeploy.project import changes, dry, own_files
from django_selfdeploy.project.changes import Change
from django_selfdeploy.project.contract import Contract
from django_selfdeploy.project.example import FILE, example


def run(command: DeployCommand, project: Project, *, write: bool, check: bool, as_json: bool) -> int:
    """Print the file, or with `write` write it, or with `check` compare it; the exit code.

    The settings are imported once more, in a process of its own, and watched. Raises ReleaseError when they fail for
    something else than a variable.
    """
    found = dry.contract(project.target.settings_module, code=project.folder, project=project.folder)
    before = _text(project.folder)
    text = example(found, before or "", partial(own_files.words, project.folder))
    current = text == before
    if write and not current:
        changes.write(
            project.folder, (Change(FILE, "the variables that the settings read", before, text),), check=_fine
        )
    if as_json:
        command.print_json(as_fields(found, current=current or write))
    elif check and not write:
        _tell(command, current=current)
    else:
        command.stdout.write(f"{FILE}: {'nothing to do' if current else 'written'}" if write else text, ending="\n")
    return 1 if check and not write and not current else 0


def as_fields(found: Contract, *, current: bool) -> dict[str, Any]:
    """What --json prints."""
    return {"contract": found.to_json(), "path": FILE, "current": current}


def _tell(command: DeployCommand, *, current: bool) -> None:
    if current:
        command.stdout.write(f"{FILE} is as it should be.")
    else:
        command.stderr.write(f"{FILE} is out of date: `manage.py deploy_init --example --write` mends it.")


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
