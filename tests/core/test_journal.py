"""The journal on disk is the truth: whole at every moment, whatever happens to the runner."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy.core import journal
from django_selfdeploy.core.journal import Journal, interrupt, newest, read
from django_selfdeploy.core.layout import Layout

ABOUT = {"id": "20261122-101112-345", "kind": "deploy", "release": "20261122-101112-1c1c1c1c"}
NOW = "2026-11-22T10:11:12.345Z"


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    (tmp_path / "journal").mkdir()
    monkeypatch.setattr(journal, "now", lambda: NOW)
    return Layout(str(tmp_path))


def kept(layout: Layout, identity: str = ABOUT["id"]) -> dict[str, Any]:
    story = read(layout.journal(identity))
    assert story is not None
    return story


BEGUN = {
    "schema": 1,
    **ABOUT,
    "started": NOW,
    "finished": None,
    "status": "running",
    "live_after": None,
    "seconds": None,
    "error": None,
    "warnings": [],
    "steps": [],
}


def test_a_story_is_on_disk_from_its_beginning(layout: Layout) -> None:
    Journal(layout, ABOUT)
    assert kept(layout) == BEGUN
    assert os.stat(layout.journal(ABOUT["id"])).st_mode & 0o777 == 0o640
    assert os.listdir(layout.journals) == ["20261122-101112-345.json"]


def test_each_step_is_on_disk_before_and_after(layout: Layout) -> None:
    story = Journal(layout, ABOUT)
    story.begin_step(number=1, phase="stage", name="lay the source down", at=0.12345)
    begun = {"number": 1, "phase": "stage", "name": "lay the source down", "status": "running", "at": 0.123}
    assert kept(layout)["steps"] == [{**begun, "seconds": None, "note": "", "tail": ""}]
    story.end_step(status="done", seconds=0.56789, note="3 files new", tail="said\n")
    done = {**begun, "status": "done", "seconds": 0.568, "note": "3 files new", "tail": "said\n"}
    assert kept(layout)["steps"] == [done]


def test_a_story_ends_with_its_status_and_seconds(layout: Layout) -> None:
    story = Journal(layout, ABOUT)
    story.live(1.50349)
    story.warn("There is no backup.")
    story.close("succeeded", seconds=2.00049)
    assert kept(layout) == {
        **BEGUN,
        "finished": NOW,
        "status": "succeeded",
        "live_after": 1.503,
        "seconds": 2.0,
        "warnings": ["There is no backup."],
    }


def test_a_failure_is_kept_with_its_hint(layout: Layout) -> None:
    error = {"error": "TestsFailed", "message": "They fail.", "hint": "Mend them.", "exit_code": 8}
    Journal(layout, ABOUT).close("failed", seconds=1, error=error)
    assert (kept(layout)["status"], kept(layout)["error"]) == ("failed", error)


def test_steps_that_were_taken_back_say_so(layout: Layout) -> None:
    story = Journal(layout, ABOUT)
    for number, status in ((1, "done"), (2, "done"), (3, "failed")):
        story.begin_step(number=number, phase="stage", name=f"step {number}", at=0)
        story.end_step(status=status, seconds=0, note="", tail="")
    for number in (3, 2):
        story.mark_undone(number)
    story.save()
    assert [step["status"] for step in kept(layout)["steps"]] == ["done", "undone", "failed"]


def test_text_that_is_no_unicode_does_not_end_a_deployment(layout: Layout) -> None:
    Journal(layout, ABOUT).warn("caf\udce9 \u2028")
    story = Journal(layout, {**ABOUT, "subject": "caf\udce9"})
    story.save()
    assert kept(layout)["subject"] == "caf?"


def test_a_full_disk_leaves_the_last_story(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    story = Journal(layout, ABOUT)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        story.close("succeeded", seconds=1)
    assert kept(layout) == BEGUN
    assert os.listdir(layout.journals) == ["20261122-101112-345.json"]


def test_the_story_of_a_killed_runner_is_closed_where_it_stood(layout: Layout) -> None:
    story = Journal(layout, ABOUT)
    for number in (1, 2):
        story.begin_step(number=number, phase="stage", name=f"step {number}", at=0)
        if number == 1:
            story.end_step(status="done", seconds=0, note="", tail="")
    interrupt(layout, ABOUT["id"])
    found = kept(layout)
    assert (found["status"], found["finished"], [step["status"] for step in found["steps"]]) == (
        "interrupted",
        NOW,
        ["done", "interrupted"],
    )
    assert found["error"] == {
        "error": "Interrupted",
        "message": "The runner was killed in 'step 2'.",
        "hint": "",
        "exit_code": 1,
    }


def test_a_runner_that_was_killed_before_its_first_step_is_closed_too(layout: Layout) -> None:
    Journal(layout, ABOUT)
    interrupt(layout, ABOUT["id"])
    assert kept(layout)["error"]["message"] == "The runner was killed in 'its first step'."


def test_a_story_that_is_closed_or_gone_is_left_alone(layout: Layout) -> None:
    Journal(layout, ABOUT).close("succeeded", seconds=1)
    interrupt(layout, ABOUT["id"])
    interrupt(layout, "20260101-000000-000")
    assert kept(layout)["status"] == "succeeded"
    assert os.listdir(layout.journals) == ["20261122-101112-345.json"]


def test_the_newest_stories_come_first_and_what_is_no_story_is_skipped(layout: Layout) -> None:
    names = ("20261120-000000-000", "20261121-000000-000", "20261122-000000-000")
    for name in names:
        Journal(layout, {**ABOUT, "id": name})
    for name, text in (("20261121-500000-000.json", "no json"), ("20261121-600000-000.json", "[]"), ("notes.txt", "")):
        Path(layout.journals, name).write_text(text)
    whole = Path(layout.journals, f"{names[2]}.json").read_text()
    Path(layout.journals, f".tmp-1a2b3c4d-{names[2]}.json").write_text(whole)
    assert [story["id"] for story in newest(layout, 9)] == list(reversed(names))
    assert [story["id"] for story in newest(layout, 4)] == ["20261122-000000-000", "20261121-000000-000"]
    assert [story["id"] for story in newest(layout, 1)] == ["20261122-000000-000"]
    assert newest(Layout("/nowhere"), 5) == []


def test_an_id_sorts_by_its_time() -> None:
    first, second = journal.new_id(), journal.new_id()
    assert re.fullmatch(r"\d{8}-\d{6}-\d{3}", first)
    assert first <= second


def test_a_moment_is_told_in_utc_with_milliseconds() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", journal.now())


def test_a_story_is_one_line_of_json(layout: Layout) -> None:
    Journal(layout, {**ABOUT, "who": "jürgen"})
    text = Path(layout.journal(ABOUT["id"])).read_text(encoding="utf-8")
    assert "jürgen" in text
    assert (text.count("\n"), json.loads(text)["who"]) == (0, "jürgen")
