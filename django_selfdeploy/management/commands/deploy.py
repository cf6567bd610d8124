"""manage.py deploy: take the project to a running site."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from django_selfdeploy import operations
from django_selfdeploy.management.base import DeployCommand, asked
from django_selfdeploy.management.rehearsal import print_rehearsal


class Command(DeployCommand):
    help = "Deploy this project: to this machine, or to the target named."
    takes_lock = True

    def more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--commit", default="", metavar="REV", help="The commit, tag or branch (default: HEAD).")
        parser.add_argument("--allow-dirty", action="store_true", help="Deploy uncommitted changes too.")
        parser.add_argument("--skip-tests", action="store_true", help="Do not run the tests; the record says so.")
        parser.add_argument("--force", action="store_true", help="Deploy though nothing changed.")
        parser.add_argument("--dry-run", action="store_true", help="Print the plan, and change nothing.")
        window = "Close the site to visitors meanwhile, and apply all migrations in that window."
        parser.add_argument("--maintenance", action="store_true", help=window)
        judged = "Treat a migration as `expand`, `locking` or `contract`, whatever it was judged to be."
        parser.add_argument(
            "--migration", action="append", default=[], dest="migrations", metavar="NAME=KIND", help=judged
        )
        parser.add_argument("--no-wait", action="store_true", help="Return once the release is live.")

    def perform(self, *, target: str, dry_run: bool, **options: Any) -> int:
        project = self.project(target, **options)
        if dry_run:
            print_rehearsal(self, project, asked(**options), **options)
            return 0
        with self.listeners(project, **options) as listeners:
            outcome = operations.deploy(project, asked(**options), listeners)
        if options["as_json"]:
            self.print_json({"outcome": asdict(outcome)})
        elif outcome.status == "unchanged" and options["verbosity"]:
            self.stdout.write(f"{outcome.release} is live already; `--force` deploys it all the same.")
        return 0
