"""manage.py deploy: take the project to a running site."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandParser

from django_selfdeploy import operations
from django_selfdeploy.management.base import DeployCommand

STARTED = time.monotonic()


class Command(DeployCommand):
    help = "Deploy this project: to this machine, or to the target named."

    def more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--commit", default="", metavar="REV", help="The commit, tag or branch (default: HEAD).")
        parser.add_argument("--allow-dirty", action="store_true", help="Deploy uncommitted changes too.")
        parser.add_argument("--skip-tests", action="store_true", help="Do not run the tests; the record says so.")
        parser.add_argument("--force", action="store_true", help="Deploy though nothing changed.")
        parser.add_argument("--dry-run", action="store_true", help="Print the plan, and change nothing.")
        parser.add_argument("--lock-wait", type=float, default=0.0, metavar="SECONDS", help="Wait for the lock.")
        parser.add_argument("--no-wait", action="store_true", help="Return once the release is live.")

    def perform(self, *, target: str, **options: Any) -> int:
        project = self.project(target)
        listeners = (lambda event: self.stdout.write(repr(event)),)
        asked = operations.Options(
            commit=options["commit"],
            allow_dirty=options["allow_dirty"],
            skip_tests=options["skip_tests"],
            force=options["force"],
            lock_wait=options["lock_wait"],
            wait=not options["no_wait"],
            began=STARTED,
        )
        outcome = operations.deploy(project, asked, listeners)
        self.stdout.write(f"{outcome}")
        return 0
