"""manage.py deploy_run: a manage.py command in the live release, with its environment."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from django.core.management.base import CommandParser

from django_selfdeploy import inventory
from django_selfdeploy.management.base import DeployCommand
from django_selfdeploy.management.running import Ran, run_here, run_on


class Command(DeployCommand):
    help = "Run a manage.py command in the live release, for example `deploy_run migrate --plan`."
    takes_target = False

    def more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--target", default="default", help="A key of settings.SELFDEPLOY.")
        parser.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND", help="The command and its options.")

    def perform(self, *, target: str, words: list[str], as_json: bool, **options: Any) -> int:
        """On this machine, on the hosts that were named, or else on the one that does what is done once."""
        project = self.project(target, **options)
        command = tuple(word for word in words if word != "--")
        if not project.target.hosts:
            return self._told((run_here(project, command, kept=as_json),), as_json=as_json)
        lead = inventory.lead(project.target.hosts).name
        with self.looking(replace(project, hosts=project.hosts or (lead,))) as fleet:
            return self._told(run_on(fleet, command, kept=as_json), as_json=as_json)

    def _told(self, ran: tuple[Ran, ...], *, as_json: bool) -> int:
        for one in ran if as_json else ():
            where = {"host": one.host} if one.host else {}
            self.print_json({**where, "status": one.status, "output": one.output, "errors": one.errors})
        return max((one.status for one in ran), key=abs)
