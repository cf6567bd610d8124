"""The copy of other hosts' records in the database of the project here, so that its admin shows them too."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from django.core.management.base import OutputWrapper

from django_selfdeploy.core.events import Event
from django_selfdeploy.hosts.news import OnHost, Recorded
from django_selfdeploy.options import Project
from django_selfdeploy.tell.copies import keep


class Keeper:
    """A listener that collects journals, and keeps them when all is over. Not frozen: it collects."""

    def __init__(self, project: Project, errors: OutputWrapper) -> None:
        self._elsewhere, self._errors = bool(project.target.hosts), errors
        self._stories: list[dict[str, Any]] = []

    def __enter__(self) -> Keeper:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._elsewhere and self._stories and (trouble := keep(self._stories)):
            self._errors.write(trouble)

    def __call__(self, event: Event) -> None:
        told = event.event if isinstance(event, OnHost) else event
        if isinstance(told, Recorded):
            self._stories.append(told.story)
