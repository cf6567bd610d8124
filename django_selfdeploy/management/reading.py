"""Following the logs of all hosts: their new lines, one host after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.termcolors import make_style

from django_selfdeploy.core.errors import DeployError, NothingThere
from django_selfdeploy.hosts.base import Connection
from django_selfdeploy.hosts.fleet import Fleet

COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red")


@dataclass(frozen=True)
class LogLine:
    """A line of a log; `named` says that others are read beside it, `number` counts the hosts, -1 for an only one."""

    host: str
    log: str
    text: str
    named: bool
    number: int

    def shown(self, *, coloured: bool) -> str:
        """The line as people see it: of several hosts each has a colour of its own."""
        log = f"{self.log}: " if self.named else ""
        if self.number < 0:
            return f"{log}{self.text}"
        paint = make_style(fg=COLOURS[self.number % len(COLOURS)]) if coloured else str
        return f"{paint(self.host)} {log}{self.text}"


class Reader:
    """Remembers how far each log of each host was read, and who is still there, so it is not frozen.

    `lost` hears of a host that stops answering, once.
    """

    def __init__(
        self, fleet: Fleet, wanted: tuple[str, ...], lines: int, *, lost: Callable[[str, DeployError], None]
    ) -> None:
        self._fleet, self._wanted, self._lines, self._lost = fleet, wanted, lines, lost
        self._offsets: dict[str, dict[str, Any]] = {name: {} for name in fleet.names}
        self._numbers = {name: number if fleet.several else -1 for number, name in enumerate(fleet.names)}

    def read(self) -> Iterator[LogLine]:
        """What is new since the last time. Raises NothingThere for a log that no host has, and the error of the
        last host that answered.
        """
        found = self._ask()
        _expect(self._wanted, found)
        for host, answer in found.items():
            for log, read in answer["logs"].items():
                self._offsets[host][log] = {"path": read["path"], "offset": read["offset"]}
                named = len(answer["logs"]) > 1
                yield from (LogLine(host, log, text, named, self._numbers[host]) for text in read["text"].splitlines())

    def _ask(self) -> dict[str, dict[str, Any]]:
        def ask(name: str, connection: Connection) -> dict[str, Any]:
            return connection.logs(self._wanted, self._offsets[name], lines=self._lines)

        found, failed = self._fleet.try_each(ask)
        if failed and not found:
            raise next(iter(failed.values()))
        for name, error in failed.items():
            self._lost(name, error)
        if failed:
            self._fleet = self._fleet.narrowed(found)
        return found


def _expect(wanted: tuple[str, ...], found: dict[str, dict[str, Any]]) -> None:
    known = tuple(dict.fromkeys(name for answer in found.values() for name in answer["known"]))
    for name in wanted:
        if name not in known:
            raise NothingThere(f"There is no log {name!r}.", hint=f"There are: {', '.join(known) or 'none'}.")
