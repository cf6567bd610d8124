"""manage.py deploy_rollback: back to the previous good release."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

from django.core.management.base import CommandParser

from django_selfdeploy import going_back
from django_selfdeploy.core.backups.applied import Applied
from django_selfdeploy.management.base import DeployCommand, asked
from django_selfdeploy.management.confirming import confirmed
from django_selfdeploy.tell.console import print_plan


class Command(DeployCommand):
    help = "Go back to the previous good release, or to the one named; with --migrations the database goes along."
    takes_lock = True

    def more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", default="", metavar="ID", help="The release to go to; `deploy_history` lists them.")
        parser.add_argument("--migrations", action="store_true", help="Take the migrations back that came since.")
        parser.add_argument("--code-only", action="store_true", help="Go, though the release may not fit the database.")
        parser.add_argument("--dry-run", action="store_true", help="Print what would be done, and change nothing.")
        parser.add_argument("--yes", action="store_true", help="Do not ask before migrations are taken back.")
        parser.add_argument("--no-wait", action="store_true", help="Return once the release is live.")

    def perform(self, *, target: str, to: str, yes: bool, dry_run: bool, **options: Any) -> int:
        project = self.project(target, **options)
        agree = partial(_agree, yes=yes)
        way = going_back.Way(migrations=options["migrations"], code_only=options["code_only"], agree=agree)
        if dry_run:
            plan, back = going_back.rehearse_rollback(project, to=to, way=way)
            print_plan(plan, self.stdout, verbosity=options["verbosity"])
            self.stdout.write(_listed(back))
            return 0
        with self.listeners(project, **options) as listeners:
            outcome = going_back.rollback(project, to=to, options=asked(**options), listeners=listeners, way=way)
        if options["as_json"]:
            self.print_json({"outcome": asdict(outcome)})
        return 0


def _listed(back: tuple[Applied, ...]) -> str:
    return "\n".join(("Migrations taken back:", *(f"  {one.label}" for one in back))) if back else "No migration goes."


def _agree(back: tuple[Applied, ...], *, yes: bool) -> bool:
    return confirmed(f"{_listed(back)}\nWhat they added to the database is lost. Go on?", yes=yes)
