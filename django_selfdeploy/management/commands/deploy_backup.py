"""manage.py deploy_backup: back up databases and media, and list the backups."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandParser

from django_selfdeploy import safekeeping
from django_selfdeploy.core import codec
from django_selfdeploy.core.backups.store import Backup
from django_selfdeploy.management.base import DeployCommand, asked


class Command(DeployCommand):
    help = "Back up the databases of the live release, read the backup back, and let older ones go."
    takes_lock = True

    def more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--media", action="store_true", help="Uploaded files too.")
        parser.add_argument("--to", default="", metavar="DIR", help="Another folder; BACKUP has the usual one.")
        parser.add_argument("--list", action="store_true", dest="listing", help="Only list those that there are.")

    def perform(self, *, target: str, media: bool, to: str, listing: bool, as_json: bool, **options: Any) -> int:
        project = safekeeping.at(self.project(target, **options), to)
        if listing:
            self._list(safekeeping.backups(project), as_json=as_json)
            return 0
        with self.listeners(project, as_json=as_json, **options) as listeners:
            made = safekeeping.backup(project, media=media, options=asked(**options), listeners=listeners)
        if as_json:
            self.print_json({"backup": made["id"], "folder": made["folder"]})
        return 0

    def _list(self, found: tuple[Backup, ...], *, as_json: bool) -> None:
        if as_json:
            self.print_json([json.loads(codec.dumps(backup)) for backup in reversed(found)])
            return
        for backup in reversed(found):
            parts = [*(dump.alias for dump in backup.dumps), *(["media"] if backup.media else [])]
            size = f"{backup.size / 1e6:.1f} MB"
            self.stdout.write("  ".join((backup.id, size, ", ".join(parts), backup.release, backup.reason)).rstrip())
        if not found:
            self.stdout.write("There is no backup yet.")
