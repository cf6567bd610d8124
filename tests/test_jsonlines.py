"""What programs see: one JSON object per event."""

import io
import json
import os
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import Any

import pytest
from django.core.management.base import OutputWrapper
from hypothesis import given
from hypothesis import strategies as st

from django_selfdeploy.core.events import (
    Doing,
    Event,
    Finished,
    Live,
    Output,
    Remarked,
    Started,
    StepFinished,
    StepStarted,
    Undoing,
    Warned,
)
from django_selfdeploy.core.plan import Phase
from django_selfdeploy.core.secret import MASK, Secret
from django_selfdeploy.hosts.news import OnHost, Planned, Recorded
from django_selfdeploy.tell.jsonlines import JsonLines, dumps

CASES: list[tuple[Event, dict[str, Any]]] = [
    (
        Started("d1", "deploy", "default", "r1"),
        {"event": "started", "deployment": "d1", "kind": "deploy", "target": "default", "release": "r1"},
    ),
    (
        StepStarted(1, "stage", "test"),
        {"event": "step_started", "number": 1, "phase": "stage", "name": "test"},
    ),
    (Doing(1, "make /a"), {"event": "doing", "number": 1, "what": "make /a"}),
    (Output(1, "50 %\r\x1b[0m\n"), {"event": "output", "number": 1, "text": "50 %\r\x1b[0m\n"}),
    (
        StepFinished(1, "test", "done", 1.25, "3 tests"),
        {
            "event": "step_finished",
            "number": 1,
            "name": "test",
            "status": "done",
            "seconds": 1.25,
            "note": "3 tests",
        },
    ),
    (Live("r1", 2.5, "http://a/"), {"event": "live", "release": "r1", "seconds": 2.5, "url": "http://a/"}),
    (Undoing("why"), {"event": "undoing", "reason": "why"}),
    (Warned("café"), {"event": "warned", "text": "café"}),
    (Remarked("chosen"), {"event": "remarked", "text": "chosen"}),
    (Finished("succeeded", 9.5), {"event": "finished", "status": "succeeded", "seconds": 9.5}),
]


def test_each_event_is_an_object_in_a_line_of_its_own() -> None:
    stream = io.StringIO()
    listener = JsonLines(OutputWrapper(stream))
    for event, _ in CASES:
        listener(event)
    assert [json.loads(line) for line in stream.getvalue().split("\n")[:-1]] == [fields for _, fields in CASES]


def test_of_several_hosts_each_line_names_its_host() -> None:
    stream = io.StringIO()
    listener = JsonLines(stream)
    for event in (OnHost("web1", Warned("a")), Planned((("lay", ("web1",)),)), Recorded({"id": "1"}), Warned("b")):
        listener(event)
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [
        {"event": "warned", "host": "web1", "text": "a"},
        {"event": "warned", "text": "b"},
    ]


def test_a_line_begins_with_the_name_of_its_event() -> None:
    stream = io.StringIO()
    JsonLines(stream)(Warned("café"))
    assert stream.getvalue() == '{"event": "warned", "text": "caf\\u00e9"}\n'


def test_every_event_is_described() -> None:
    assert {type(event) for event, _ in CASES} == {
        kind for kind in Event.__subclasses__() if kind.__module__ == Event.__module__
    }
    for _, fields in CASES:
        assert JsonLines.__doc__ is not None
        assert all(f"`{name}`" in JsonLines.__doc__ for name in [fields.pop("event"), *fields])


def test_a_reader_that_left_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as stream:
        listener = JsonLines(stream)
        listener(Warned("a"))
        listener(Warned("b"))


@given(st.text(st.characters()))
def test_any_text_is_one_line_of_ascii_that_every_parser_takes(text: str) -> None:
    line = dumps({"text": text})
    assert line.isascii()
    assert "\n" not in line
    json.loads(line)["text"].encode("utf-8")


@dataclass(frozen=True)
class Release:
    path: PurePosixPath
    phase: Phase
    key: Secret
    names: tuple[str, ...]
    at: datetime


def test_the_final_object_may_hold_records() -> None:
    moment = datetime(2026, 11, 22, 10, 11, 12, tzinfo=timezone.utc)
    release = Release(PurePosixPath("/srv"), Phase.TEST, Secret("hush"), ("a", "b"), moment)
    assert json.loads(dumps({"release": release, "tags": {"y", "x"}, "code": 0, "error": None})) == {
        "release": {
            "path": "/srv",
            "phase": "test",
            "key": MASK,
            "names": ["a", "b"],
            "at": "2026-11-22T10:11:12+00:00",
        },
        "tags": ["x", "y"],
        "code": 0,
        "error": None,
    }


def test_what_json_does_not_know_is_refused() -> None:
    with pytest.raises(TypeError):
        dumps({"what": object()})
