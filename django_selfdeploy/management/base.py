"""What all commands have in common: the target, --json, and errors with their exit codes."""

from __future__ import annotations

import json
import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from .. import conf
from ..core.errors import DeployError
from ..operations import Project
from ..project.place import project_folder


class DeployCommand(BaseCommand):
    """A command about one target. Sub-classes write `perform`; its DeployErrors become exit codes."""

    requires_system_checks = []
    takes_target = True

    def add_arguments(self, parser: CommandParser) -> None:
        if self.takes_target:
            parser.add_argument(
                "target", nargs="?", default="default", help="A key of settings.SELFDEPLOY (default: default)."
            )
        parser.add_argument("--json", action="store_true", dest="as_json", help="Print JSON, for programs.")
        self.more_arguments(parser)

    def more_arguments(self, parser: CommandParser) -> None:
        """Options of the command's own."""

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code = self.perform(**options)
        except DeployError as error:
            if options["as_json"]:
                self.print_json({"error": as_json(error)})
            raise CommandError(str(error), returncode=error.exit_code) from error
        if code:
            raise SystemExit(code)

    def perform(self, **options: Any) -> int:
        """Do it; the exit code. Raises DeployError."""
        raise NotImplementedError

    def project(self, target: str) -> Project:
        """The project on this machine with the target that was named. Raises ConfigError."""
        configured = getattr(settings, "SELFDEPLOY", None)
        module = os.environ.get("DJANGO_SETTINGS_MODULE", "")
        return Project(project_folder(), conf.load(target, configured, settings_module=module))

    def print_json(self, value: Any) -> None:
        self.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def as_json(error: DeployError) -> dict[str, Any]:
    """An error for programs."""
    name = type(error).__name__
    return {"error": name, "message": error.message, "hint": error.hint, "exit_code": error.exit_code}
