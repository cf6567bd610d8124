"""Judging the packages of an environment: whether they fit each other, and what is known against them."""

from __future__ import annotations

import glob
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .. import children, machine
from ..codec import record
from .base import Action, ActionFailed, World
from .django import judge
from .processes import last_lines

WARNING = 30
"""The level of a warning, as Django's checks count."""


@record
@dataclass(frozen=True)
class CheckPackages(Action):
    """Run `argv`, which says with its exit status whether the installed packages require what is there.

    A warning, unless `refused` has its id; never more than one where `accepted` has it.
    """

    argv: tuple[str, ...]
    id: str
    accepted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def describe(self) -> str:
        return "see whether the packages require each other as they are"

    def do(self, world: World) -> None:
        status, tail = children.run(world, self.argv, cwd="/", environment={}, timeout=120.0, quiet=True)
        if status != 0:
            text = f"The installed packages do not fit each other.{last_lines(tail)}"
            found = [{"level": WARNING, "id": self.id, "text": text}]
            judge(world, found, accepted=self.accepted, refused=self.refused)


@record
@dataclass(frozen=True)
class Audit(Action):
    """Let pip-audit look up what is known against the packages of the virtualenv `env`.

    Where it is missing, or its data cannot be reached, that is a message of its own, `unknown`.
    """

    env: str
    id: str
    unknown: str
    accepted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    timeout: float = 120.0

    def describe(self) -> str:
        return f"look up known vulnerabilities of the packages in {self.env}"

    def do(self, world: World) -> None:
        found = [{"level": WARNING, "id": name, "text": text} for name, text in self._messages(world)]
        judge(world, found, accepted=self.accepted, refused=self.refused)
        world.note(f"{sum(message['id'] == self.id for message in found)} known vulnerabilities")

    def _messages(self, world: World) -> Iterator[tuple[str, str]]:
        own = f"{self.env}/bin/pip-audit"
        program = own if os.access(own, os.X_OK) else machine.find("pip-audit")
        if not program:
            yield self.unknown, "AUDIT is on, and pip-audit is not on the host: nothing is known of vulnerabilities."
            return
        with tempfile.TemporaryDirectory() as folder:
            report = os.path.join(folder, "report.json")
            tail = self._run(world, (program, *self._words(report)))
            try:
                with open(report, encoding="utf-8") as file:
                    yield from ((self.id, text) for text in _told(json.load(file)))
            except (OSError, ValueError):
                yield self.unknown, f"pip-audit could not look up known vulnerabilities.{last_lines(tail, 3)}"

    def _words(self, report: str) -> tuple[str, ...]:
        places = sorted(glob.glob(f"{glob.escape(self.env)}/lib/python*/site-packages"))
        paths = tuple(word for place in places for word in ("--path", place))
        return ("--progress-spinner", "off", "--format", "json", "--output", report, *paths)

    def _run(self, world: World, argv: tuple[str, ...]) -> str:
        """The end of its output; its status is 1 where it found something, and where it failed."""
        try:
            _, tail = children.run(world, argv, cwd="/", environment={}, timeout=self.timeout, quiet=True)
        except ActionFailed as error:
            return str(error)
        return tail


def _told(report: dict[str, Any]) -> Iterator[str]:
    for package in report.get("dependencies", ()):
        for one in package.get("vulns", ()):
            fixed = ", ".join(one.get("fix_versions", ()))
            mended = f"mended in {fixed}" if fixed else "not mended yet"
            yield f"{package['name']} {package['version']} has {one['id']}, {mended}."
