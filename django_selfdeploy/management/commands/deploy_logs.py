"""manage.py deploy_logs: what the processes of the live release write."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandParser

from django_selfdeploy.core.errors import NothingThere
from django_selfdeploy.management.base import DeployCommand

POLL = 0.3


class Command(DeployCommand):
    help = "Show the logs of the live release's processes; `access`, `front` and `supervisord` too."

    def more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("process", nargs="*", help="Names of logs (default: all but `access`).")
        parser.add_argument("-f", "--follow", action="store_true", help="Go on, over new releases too, until Ctrl-C.")
        parser.add_argument("-n", "--lines", type=int, default=50, metavar="N", help="Last lines (default: 50).")
        parser.add_argument("--target", default="default", help="A key of settings.SELFDEPLOY.")

    takes_target = False

    def perform(self, *, target: str, process: list[str], follow: bool, lines: int, **options: Any) -> int:
        wanted = tuple(process)
        offsets: dict[str, Any] = {}
        with self.looking(target) as connection:
            while True:
                found = connection.logs(wanted, offsets, lines=lines)
                _expect(wanted, found)
                for name, log in found["logs"].items():
                    offsets[name] = {"path": log["path"], "offset": log["offset"]}
                    self._print(name, log["text"], as_json=options["as_json"], named=len(found["logs"]) > 1)
                if not follow:
                    return 0
                time.sleep(POLL)

    def _print(self, name: str, text: str, *, as_json: bool, named: bool) -> None:
        for line in text.splitlines():
            if as_json:
                self.print_json({"log": name, "line": line})
            else:
                self.stdout.write(f"{name}: {line}" if named else line)
        self.stdout.flush()


def _expect(wanted: tuple[str, ...], found: dict[str, Any]) -> None:
    for name in wanted:
        if name not in found["known"]:
            raise NothingThere(f"There is no log {name!r}.", hint=f"There are: {', '.join(found['known']) or 'none'}.")
