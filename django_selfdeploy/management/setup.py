"""What `deploy_setup` prints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.management.base import BaseCommand

from django_selfdeploy.core import codec
from django_selfdeploy.core.errors import ConfigError, HostError
from django_selfdeploy.core.plan import Plan
from django_selfdeploy.tell.console import print_plan
from django_selfdeploy.tell.jsonlines import dumps

NOTHING = "Nothing to do: everything is there."


def print_scripts(command: BaseCommand, scripts: Mapping[str, str], *, why: str = "") -> int:
    """Print the one script that all hosts need; the exit code. `why` says that it was not what was asked for.

    Raises ConfigError where hosts need different ones.
    """
    texts = set(scripts.values())
    if len(texts) > 1:
        raise ConfigError(
            "The hosts of this target need different scripts.",
            hint=f"Choose one with `--hosts`: {', '.join(scripts)}.",
        )
    command.stdout.write(texts.pop(), ending="")
    if not why:
        return 0
    command.stderr.write(f"{why} Above is a script that an administrator can run; nothing was changed.")
    return HostError.exit_code


def print_left(command: BaseCommand, left: Mapping[str, Plan], *, as_json: bool, verbosity: int, **options: Any) -> int:
    """Print what would be done."""
    if as_json:
        command.stdout.write(dumps({"plans": {name: json.loads(codec.dumps(plan)) for name, plan in left.items()}}))
        return 0
    for name, plan in left.items():
        for line in _heading(name, left):
            command.stdout.write(line)
        if plan.steps:
            print_plan(plan, command.stdout, verbosity=verbosity)
        else:
            command.stdout.write(NOTHING)
    return 0


def print_outcome(
    command: BaseCommand,
    target: str,
    changed: Mapping[str, tuple[str, ...]],
    *,
    as_json: bool,
    verbosity: int,
    **options: Any,
) -> int:
    """Print what was changed, and what to type next."""
    if as_json:
        command.stdout.write(dumps({"changed": changed}))
        return 0
    for name, lines in changed.items() if verbosity else ():
        for line in (*_heading(name, changed), *(f"changed: {line}" for line in lines)):
            command.stdout.write(line)
        if not lines:
            command.stdout.write("Nothing changed.")
    if verbosity:
        command.stdout.write(f"Next: python manage.py deploy{'' if target == 'default' else f' {target}'}")
    return 0


def _heading(name: str, every: Mapping[str, object]) -> Iterator[str]:
    if len(every) > 1:
        yield f"{name}:"
