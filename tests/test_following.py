"""A deployment that goes on without us is told from its journal, as it grows."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy import following
from django_selfdeploy.core.errors import DeployError, NothingThere, SwitchedBack
from django_selfdeploy.core.events import Event, Finished, Live, Started, StepFinished, StepStarted, Warned
from django_selfdeploy.following import _Seen, error_of, follow
from django_selfdeploy.hosts.fleet import Fleet
from django_selfdeploy.hosts.memory import MemoryConnection
from django_selfdeploy.hosts.news import OnHost
from django_selfdeploy.options import Project
from tests.making import target

PROJECT = Project(Path("/site"), target(HOSTS=["web1", "web2"]))


def step(number: int, name: str, status: str = "done", *, phase: str = "stage", note: str = "") -> dict[str, Any]:
    seconds = None if status == "running" else float(number)
    return {"number": number, "phase": phase, "name": name, "status": status, "seconds": seconds, "note": note}


def story(*steps: dict[str, Any], status: str = "running", **more: Any) -> dict[str, Any]:
    about = {"id": "d1", "kind": "deploy", "target": "production", "release": "r2", "url": "", "seconds": None}
    return {**about, "status": status, "steps": list(steps), "warnings": [], "live_after": None, "error": None, **more}


class Growing(MemoryConnection):
    """A host whose journal is another one at each look; its runner is at work until the last."""

    def __init__(self, *stories: dict[str, Any]) -> None:
        super().__init__()
        self.left = list(stories)

    def holder(self, *, kill: bool = False) -> dict[str, Any] | None:
        return {"pid": 1} if len(self.left) > 1 else None

    def stories(self, count: int) -> list[dict[str, Any]]:
        return [self.left.pop(0) if len(self.left) > 1 else self.left[0]] if self.left else []


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "POLL", 0.0)


def followed(monkeypatch: pytest.MonkeyPatch, **hosts: MemoryConnection) -> tuple[dict[str, Any], list[Event]]:
    fleet = Fleet(dict(hosts))
    monkeypatch.setattr(following, "connected", lambda project: contextlib.nullcontext(fleet))
    heard: list[Event] = []
    return follow(PROJECT, (heard.append,)), heard


def test_what_is_new_in_a_journal_is_told_once() -> None:
    seen = _Seen()
    assert seen.news(story(step(1, "lay", "running"))) == [
        Started("d1", "deploy", "production", "r2"),
        StepStarted(1, "stage", "lay"),
    ]
    assert seen.news(story(step(1, "lay", "running"))) == []
    grown = story(step(1, "lay", note="2 files new"), step(2, "install", "running"), warnings=["Slow."])
    assert seen.news(grown) == [
        StepFinished(1, "lay", "done", 1.0, "2 files new"),
        StepStarted(2, "stage", "install"),
        Warned("Slow."),
    ]
    assert seen.news({**grown, "warnings": ["Slow.", "Slower."]}) == [Warned("Slower.")]


def test_the_switch_is_told_where_it_was() -> None:
    seen = _Seen()
    live = story(step(1, "switch", phase="switch"), step(2, "watch", "running", phase="confirm"), live_after=1.5)
    assert seen.news(live)[3:] == [Live("r2", 1.5, ""), StepStarted(2, "confirm", "watch")]
    assert seen.news(live) == []


def test_a_step_that_is_taken_back_is_told_again() -> None:
    seen = _Seen()
    seen.news(story(step(1, "lay")))
    assert seen.news(story(step(1, "lay", "undone"))) == [StepFinished(1, "lay", "undone", 1.0, "")]


def test_a_deployment_is_followed_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    end = story(step(1, "lay"), status="succeeded", seconds=4.0)
    stories, heard = followed(monkeypatch, web1=Growing(story(), story(step(1, "lay", "running")), end))
    assert heard == [
        Started("d1", "deploy", "production", "r2"),
        StepStarted(1, "stage", "lay"),
        StepFinished(1, "lay", "done", 1.0, ""),
        Finished("succeeded", 4.0),
    ]
    assert (stories, error_of(stories["web1"])) == ({"web1": end}, None)


def test_each_host_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = story(status="succeeded", seconds=1.0), story(status="switched back", seconds=2.0)
    _, heard = followed(monkeypatch, web1=Growing(good), web2=Growing(bad))
    ends = {event for event in heard if isinstance(event, OnHost) and isinstance(event.event, Finished)}
    assert ends == {OnHost("web1", Finished("succeeded", 1.0)), OnHost("web2", Finished("switched back", 2.0))}


def test_a_runner_that_was_killed_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    stories, heard = followed(monkeypatch, web1=Growing(story(step(1, "lay", "running"))))
    assert heard[-1] == Finished("failed", 0.0)
    error = error_of(stories["web1"])
    assert error is not None
    assert (error.message, error.exit_code) == ("The deployment 'd1' was interrupted: its runner was killed.", 1)


def test_where_nothing_was_deployed_there_is_nothing_to_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NothingThere, match="Nothing was deployed yet"):
        followed(monkeypatch, web1=Growing())


def test_the_error_of_a_journal_is_the_one_that_it_was() -> None:
    fields = {"error": "SwitchedBack", "message": "It failed.", "hint": "Look.", "exit_code": 12}
    error = error_of(story(status="switched back", error=fields))
    assert isinstance(error, SwitchedBack)
    assert (error.message, error.hint, error.exit_code) == ("It failed.", "Look.", 12)
    unknown = error_of(story(status="failed", error={"error": "Strange", "message": "?", "hint": "", "exit_code": 9}))
    assert (type(unknown), unknown and unknown.exit_code) == (DeployError, 9)
    assert error_of(story(status="unchanged")) is None
