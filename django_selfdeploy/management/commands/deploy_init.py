"""manage.py deploy_init: what a new project needs for production."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.utils.crypto import get_random_string

from django_selfdeploy import initial
from django_selfdeploy.management import example
from django_selfdeploy.management.base import DeployCommand
from django_selfdeploy.project import changes

KEY_LENGTH = 50
"""As long as the keys that startproject makes; letters and digits alone are 297 bits."""


class Command(DeployCommand):
    help = "Show, or write, the settings and the .env that a new project needs for production."

    def more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true", help="Write the files (default: show what would change).")
        only = "Only .env.example: every variable that the settings read (default: print it; --json for programs)."
        parser.add_argument("--example", action="store_true", help=only)
        current = "With --example: exit code 1 where the file is out of date; for CI."
        parser.add_argument("--check", action="store_true", help=current)

    def perform(self, *, target: str, write: bool, as_json: bool, **options: Any) -> int:
        project = self.project(target)
        if options["example"] or options["check"]:
            wanted = example.Asked(write, options["check"], as_json)
            return example.run(project.folder, project.target.settings_module, wanted, self.stdout.write)
        module = os.environ["DJANGO_SETTINGS_MODULE"]
        found = initial.look(project.folder, project.target, module, _overridden())
        decision = initial.decide(found, lambda: get_random_string(KEY_LENGTH))
        if write and decision.changes:
            changes.write(project.folder, decision.changes, check=changes.checked)
        if as_json:
            self.print_json(decision.to_json(written=write and bool(decision.changes)))
            return 0
        self.stdout.write(initial.told(decision, found, written=write))
        return 0


def _overridden() -> dict[str, Any]:
    """The settings that the project's module sets."""
    names = filter(settings.is_overridden, dir(settings))  # type: ignore[misc] # the plugin knows Settings only
    return {name: getattr(settings, name) for name in names}
