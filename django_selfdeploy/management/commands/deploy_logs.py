"""manage.py deploy_logs: what the processes of the live release write, on every host."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandParser

from django_selfdeploy.management.base import DeployCommand
from django_selfdeploy.management.reading import LogLine, Reader

POLL = 0.3


class Command(DeployCommand):
    help = "Show the logs of the live release's processes; `access`, `front` and `supervisord` too."
    takes_target = False

    def more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("process", nargs="*", help="Names of logs (default: all but `access`).")
        parser.add_argument("-f", "--follow", action="store_true", help="Go on, over new releases too, until Ctrl-C.")
        parser.add_argument("-n", "--lines", type=int, default=50, metavar="N", help="Last lines (default: 50).")
        parser.add_argument("--target", default="default", help="A key of settings.SELFDEPLOY.")

    def perform(self, *, target: str, process: list[str], follow: bool, lines: int, **options: Any) -> int:
        with self.asking(self.project(target, **options)) as (fleet, code):
            reader = Reader(fleet, tuple(process), lines, lost=self.unanswered)
            while True:
                for line in reader.read():
                    self._print(line, **options)
                self.stdout.flush()
                if not follow:
                    return code
                time.sleep(POLL)

    def _print(self, line: LogLine, *, as_json: bool, **options: Any) -> None:
        if as_json:
            where = {"host": line.host} if line.host else {}
            self.print_json({**where, "log": line.log, "line": line.text})
            return
        coloured = self.style.SUCCESS("x") != "x"
        self.stdout.write(line.shown(coloured=coloured))
