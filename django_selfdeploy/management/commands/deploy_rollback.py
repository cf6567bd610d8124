"""manage.py deploy_rollback: back to the previous good release."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from django_selfdeploy import operations
from django_selfdeploy.management.base import DeployCommand, asked


class Command(DeployCommand):
    help = "Go back to the previous good release, or to the one named. The database is left as it is."
    takes_lock = True

    def more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", default="", metavar="ID", help="The release to go to; `deploy_history` lists them.")
        parser.add_argument("--no-wait", action="store_true", help="Return once the release is live.")

    def perform(self, *, target: str, to: str, **options: Any) -> int:
        project = self.project(target, **options)
        with self.listeners(project, **options) as listeners:
            outcome = operations.rollback(project, to=to, options=asked(**options), listeners=listeners)
        if options["as_json"]:
            self.print_json({"outcome": asdict(outcome)})
        return 0
