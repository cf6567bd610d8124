"""manage.py deploy_run: a manage.py command in the live release, with its environment."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

from django.core.management.base import CommandParser

from django_selfdeploy import inventory
from django_selfdeploy.core.children import INHERITED
from django_selfdeploy.core.errors import NothingThere
from django_selfdeploy.hosts.fleet import Fleet
from django_selfdeploy.management.base import DeployCommand
from django_selfdeploy.options import Project
from django_selfdeploy.tell.voices import Voices


class Command(DeployCommand):
    help = "Run a manage.py command in the live release, for example `deploy_run migrate --plan`."
    takes_target = False

    def more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--target", default="default", help="A key of settings.SELFDEPLOY.")
        parser.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND", help="The command and its options.")

    def perform(self, *, target: str, words: list[str], as_json: bool, **options: Any) -> int:
        project = self.project(target, **options)
        command = tuple(word for word in words if word != "--")
        if project.target.hosts:
            return self._elsewhere(project, command, as_json=as_json)
        return self._here(project, command, as_json=as_json)

    def _here(self, project: Project, words: tuple[str, ...], *, as_json: bool) -> int:
        """As a child of this process, so that it can ask its user."""
        manage = f"{project.layout.bin}/manage"
        if not os.path.exists(manage):
            raise NothingThere("Nothing is live.", hint="Deploy first: `manage.py deploy`.")
        environment = {name: os.environ[name] for name in (*INHERITED, "TERM") if name in os.environ}
        if not as_json:
            return subprocess.call((manage, *words), env=environment)
        done = subprocess.run((manage, *words), capture_output=True, text=True, env=environment)
        self.print_json({"status": done.returncode, "output": done.stdout, "errors": done.stderr})
        return done.returncode

    def _elsewhere(self, project: Project, words: tuple[str, ...], *, as_json: bool) -> int:
        """On the hosts that were named, else on the one that does what is done once."""
        lead = inventory.lead(project.target.hosts).name
        with self.looking(replace(project, hosts=project.hosts or (lead,))) as fleet:
            return self._told(fleet, words, as_json=as_json)

    def _told(self, fleet: Fleet, words: tuple[str, ...], *, as_json: bool) -> int:
        voices = Voices(sys.stdout.buffer, sys.stderr.buffer, kept=as_json, named=fleet.several)
        statuses = fleet.each(lambda name, connection: connection.run(words, voices.of(name)))
        voices.end()
        if as_json:
            for name, status in statuses.items():
                self.print_json({"host": name, "status": status, **voices.texts(name)})
        return max(statuses.values(), key=abs)
