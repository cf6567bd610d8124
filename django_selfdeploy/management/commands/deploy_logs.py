"""manage.py deploy_logs: what the processes of the live release write, on every host."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandParser
from django.utils.termcolors import make_style

from django_selfdeploy.core.errors import NothingThere
from django_selfdeploy.hosts.base import Connection
from django_selfdeploy.hosts.fleet import Fleet
from django_selfdeploy.management.base import DeployCommand

POLL = 0.3
COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red")

Offsets = dict[str, Any]


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
        offsets: dict[str, Offsets] = {}
        with self.looking(self.project(target, **options)) as fleet:
            while True:
                self._show(fleet, wanted, offsets, lines=lines, **options)
                if not follow:
                    return 0
                time.sleep(POLL)

    def _show(
        self, fleet: Fleet, wanted: tuple[str, ...], offsets: dict[str, Offsets], *, lines: int, **options: Any
    ) -> None:
        def read(name: str, connection: Connection) -> dict[str, Any]:
            return connection.logs(wanted, offsets.get(name, {}), lines=lines)

        found = fleet.each(read)
        _expect(wanted, found)
        for number, (host, answer) in enumerate(found.items()):
            seen = offsets.setdefault(host, {})
            for name, log in answer["logs"].items():
                seen[name] = {"path": log["path"], "offset": log["offset"]}
                mark = self._mark(host, number) if fleet.several else ""
                named = f"{name}: " if len(answer["logs"]) > 1 else ""
                self._print(host, name, log["text"], head=f"{mark}{named}", as_json=options["as_json"])

    def _print(self, host: str, name: str, text: str, *, head: str, as_json: bool) -> None:
        where = {"host": host} if host else {}
        for line in text.splitlines():
            if as_json:
                self.print_json({**where, "log": name, "line": line})
            else:
                self.stdout.write(f"{head}{line}")
        self.stdout.flush()

    def _mark(self, host: str, number: int) -> str:
        """The host's name, in a colour of its own where there are colours."""
        if self.style.SUCCESS("") == "" and self.style.SUCCESS("x") == "x":
            return f"{host} "
        return f"{make_style(fg=COLOURS[number % len(COLOURS)])(host)} "


def _expect(wanted: tuple[str, ...], found: dict[str, dict[str, Any]]) -> None:
    known = tuple(dict.fromkeys(name for answer in found.values() for name in answer["known"]))
    for name in wanted:
        if name not in known:
            raise NothingThere(f"There is no log {name!r}.", hint=f"There are: {', '.join(known) or 'none'}.")
