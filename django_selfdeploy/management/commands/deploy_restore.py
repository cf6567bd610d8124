"""manage.py deploy_restore: put databases and media back to a backup."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

from django.core.management.base import CommandParser

from django_selfdeploy import safekeeping
from django_selfdeploy.core.backups.store import Backup
from django_selfdeploy.management.base import DeployCommand, asked
from django_selfdeploy.management.confirming import confirmed


class Command(DeployCommand):
    help = "Put the databases back to a backup. The site is closed meanwhile; its present state is backed up first."
    takes_lock = True
    takes_target = False

    def more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("target", nargs="?", default="default", help="A key of settings.SELFDEPLOY.")
        parser.add_argument("identity", metavar="ID", help="The backup; `deploy_backup --list` lists them.")
        parser.add_argument("--media", action="store_true", help="Uploaded files too; those that came since stay.")
        parser.add_argument("--from", default="", dest="directory", metavar="DIR", help="The folder it was made --to.")
        parser.add_argument("--no-backup", action="store_true", help="Do not back up the present state first.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def perform(self, *, target: str, identity: str, media: bool, directory: str, **options: Any) -> int:
        project = self.project(target, **options)
        with self.listeners(project, **options) as listeners:
            outcome = safekeeping.restore(
                project,
                identity,
                media=media,
                save=not options["no_backup"],
                directory=directory,
                agree=partial(_agree, yes=options["yes"]),
                options=asked(**options),
                listeners=listeners,
            )
        if options["as_json"]:
            self.print_json({"outcome": asdict(outcome)})
        return 0


def _agree(backup: Backup, *, yes: bool) -> bool:
    what = ", ".join(dump.alias for dump in backup.dumps) or "media"
    return confirmed(f"Restore {what} as of {backup.created}? What came since is lost.", yes=yes)
