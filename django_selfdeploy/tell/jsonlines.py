"""What programs see of a deployment: each event as one JSON object in a line of its own."""

from __future__ import annotations

import dataclasses
import enum
import json
import re
from datetime import date
from os import PathLike
from typing import Any, TextIO

from django.core.management.base import OutputWrapper

from django_selfdeploy.core.events import Event
from django_selfdeploy.core.secret import MASK, Secret
from django_selfdeploy.hosts.news import OnHost, Planned, Recorded

from .stream import Stream


class JsonLines:
    """A listener that writes `{"event": NAME, ...}`; it never raises for a reader that left.

    The texts are free of secrets. Times are seconds, as numbers. New events and new keys may be added in any
    version; those that are there keep their meaning:

    =============== ===================================================================================
    event           keys
    =============== ===================================================================================
    `started`       `deployment` (its id), `kind` ("deploy", "rollback", "restart"), `target`, `release`
    `step_started`  `number` (from 1), `phase`, `name`
    `doing`         `number`, `what`: one action of the step begins
    `output`        `number`, `text`: a piece of what a command wrote; it may end within a line
    `step_finished` `number`, `name`, `status` ("done", "failed", "undone"), `seconds`, `note`
    `live`          `release`, `seconds` since the command was given, `url`
    `undoing`       `reason`: what was begun is taken back now
    `warned`        `text`
    `remarked`      `text`: a choice that was made for the user, told at the first deployment
    `finished`      `status` ("succeeded", "incomplete", "failed", "switched back", "cancelled"), `seconds`
    =============== ===================================================================================

    Of several hosts each tells all of it, and `host` says which.
    """

    def __init__(self, stream: TextIO | OutputWrapper) -> None:
        self._stream = Stream(stream)

    def __call__(self, event: Event) -> None:
        if isinstance(event, (Planned, Recorded)):
            return
        host = {"host": event.host} if isinstance(event, OnHost) else {}
        told = event.event if isinstance(event, OnHost) else event
        self._stream.write(dumps({"event": _snake_case(type(told).__name__), **host, **_fields(told)}) + "\n")
        self._stream.flush()


def dumps(value: Any) -> str:
    """`value` as JSON in one line of ASCII.

    Dataclasses become objects, tuples and sets arrays, enums their values, paths and dates texts; secrets are
    masked. Raises TypeError for anything else that JSON does not know.
    """
    return json.dumps(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(_plain, value))
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {key: _plain(item) for key, item in _fields(value).items()}
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, str):
        # half a surrogate pair, as in a file name that is no UTF-8: strict parsers refuse it
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, PathLike):
        return _plain(str(value))
    return value.isoformat() if isinstance(value, date) else value


def _fields(record: Any) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


def _snake_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
