"""Taking a deployment up again that goes on without us: from its journal, until its runner has ended."""

from __future__ import annotations

import time
from typing import Any

from .core import journal
from .core.errors import DeployError, NothingThere, named
from .core.events import Event, Finished, Live, Started, StepFinished, StepStarted, Warned
from .hosts.base import Connection, Listener
from .operations import look
from .options import Project
from .reaching import connected

POLL = 0.3
"""Seconds between two looks into the journal."""

Story = dict[str, Any]


def follow(project: Project, listeners: tuple[Listener, ...]) -> dict[str, Story]:
    """Tell the last deployment of each host as if it happened now, and what is left of it as it happens.

    The journal of each host when nobody is at work any more. Raises NothingThere where nothing was ever deployed.
    """
    with connected(project) as fleet:
        look(project, fleet)
        fleet.listeners += listeners
        return fleet.each(lambda name, connection: _follow(connection))


def error_of(story: Story) -> DeployError | None:
    """What the deployment ended with; None where it succeeded, or had nothing to do."""
    if story["status"] in (journal.SUCCEEDED, journal.UNCHANGED):
        return None
    fields = story.get("error") or {}
    if not fields:
        return DeployError(
            f"The deployment {story['id']!r} was interrupted: its runner was killed.",
            hint="The next `deploy` puts right what it left.",
        )
    error = named(str(fields["error"]))(str(fields["message"]), hint=str(fields.get("hint", "")))
    error.exit_code = int(fields.get("exit_code", error.exit_code))
    return error


def _follow(connection: Connection) -> Story:
    seen = _Seen()
    while True:
        at_work = connection.holder() is not None  # asked before the journal: what it wrote last is in there then
        stories = connection.stories(1)
        if not stories:
            raise NothingThere("Nothing was deployed yet.", hint="Deploy first: `manage.py deploy`.")
        connection.tell(*seen.news(stories[0]))
        if not at_work:
            status = stories[0]["status"]
            ended = journal.FAILED if status in (journal.RUNNING, journal.INTERRUPTED) else status
            connection.tell(Finished(ended, float(stories[0].get("seconds") or 0.0)))
            return stories[0]
        time.sleep(POLL)


class _Seen:
    """How much of a journal was told. It changes as the journal grows, so it is not frozen."""

    def __init__(self) -> None:
        self._begun: set[int] = set()
        self._ended: dict[int, str] = {}
        self._warned = 0
        self._started = self._live = False

    def news(self, story: Story) -> list[Event]:
        """What happened since the last time, as the events that it was."""
        told: list[Event] = []
        if not self._started:
            self._started = True
            about = (str(story.get(key) or "") for key in ("kind", "target", "release"))
            told.append(Started(str(story["id"]), *about))
        for step in story["steps"]:
            told += self._of_step(step)
            if story.get("live_after") is not None and step["phase"] == "switch" and not self._live:
                self._live = True
                told.append(Live(str(story["release"]), float(story["live_after"]), str(story.get("url") or "")))
        warnings = story.get("warnings") or []
        told += [Warned(str(text)) for text in warnings[self._warned :]]
        self._warned = len(warnings)
        return told

    def _of_step(self, step: Story) -> list[Event]:
        number, name, status = int(step["number"]), str(step["name"]), str(step["status"])
        told: list[Event] = []
        if number not in self._begun:
            self._begun.add(number)
            told.append(StepStarted(number, str(step["phase"]), name))
        if status not in (journal.RUNNING, self._ended.get(number)):
            self._ended[number] = status
            told.append(StepFinished(number, name, status, float(step["seconds"] or 0.0), str(step["note"])))
        return told
