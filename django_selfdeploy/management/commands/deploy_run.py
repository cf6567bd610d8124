"""manage.py deploy_run: a manage.py command in the live release, with its environment."""

from __future__ import annotations

import argparse
import os
import subprocess
from typing import Any

from django.core.management.base import CommandParser

from django_selfdeploy.core.children import INHERITED
from django_selfdeploy.core.errors import NothingThere
from django_selfdeploy.management.base import DeployCommand


class Command(DeployCommand):
    help = "Run a manage.py command in the live release, for example `deploy_run migrate --plan`."
    takes_target = False

    def more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--target", default="default", help="A key of settings.SELFDEPLOY.")
        parser.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND", help="The command and its options.")

    def perform(self, *, target: str, words: list[str], as_json: bool, **options: Any) -> int:
        manage = f"{self.project(target).layout.bin}/manage"
        if not os.path.exists(manage):
            raise NothingThere("Nothing is live.", hint="Deploy first: `manage.py deploy`.")
        command = [manage, *[word for word in words if word != "--"]]
        environment = {name: os.environ[name] for name in (*INHERITED, "TERM") if name in os.environ}
        if not as_json:
            return subprocess.call(command, env=environment)
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        self.print_json({"status": done.returncode, "output": done.stdout, "errors": done.stderr})
        return done.returncode
