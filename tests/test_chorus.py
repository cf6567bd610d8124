"""What several hosts tell, merged: one line a step, in order, told when all are through."""

import pytest

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
from django_selfdeploy.hosts.news import OnHost, Planned, Recorded
from django_selfdeploy.tell.chorus import Chorus, worst

BOTH = ("web1", "web2")
STARTED = Started("d1", "deploy", "production", "r2")
HEARD_OF = Planned((("lay", BOTH), ("install", BOTH)))


def told(*events: Event) -> list[Event]:
    heard: list[Event] = []
    chorus = Chorus(heard.append)
    for event in events:
        chorus(event)
    return heard


def begun(name: str, *, on: str, number: int = 1) -> OnHost:
    return OnHost(on, StepStarted(number, "stage", name))


def done(name: str, seconds: float = 1.0, note: str = "", *, on: str, number: int = 1) -> OnHost:
    return OnHost(on, StepFinished(number, name, "done", seconds, note))


def on_both(event: Event) -> tuple[OnHost, ...]:
    return tuple(OnHost(name, event) for name in BOTH)


def test_a_step_is_told_once_and_is_over_when_all_are_through_it() -> None:
    assert told(
        *on_both(STARTED),
        HEARD_OF,
        begun("lay", on="web1"),
        begun("lay", on="web2"),
        done("lay", 1.0, on="web1"),
        done("lay", 3.0, on="web2"),
    ) == [STARTED, StepStarted(1, "stage", "lay"), StepFinished(1, "lay", "done", 3.0)]


def test_a_host_that_is_faster_does_not_change_the_order() -> None:
    events = (
        HEARD_OF,
        begun("lay", on="web1"),
        done("lay", on="web1"),
        begun("install", on="web1", number=2),
        done("install", 2.0, on="web1", number=2),
    )
    assert told(*events) == [StepStarted(1, "stage", "lay")]
    assert told(*events, done("lay", on="web2"), done("install", on="web2", number=2)) == [
        StepStarted(1, "stage", "lay"),
        StepFinished(1, "lay", "done", 1.0),
        StepStarted(2, "stage", "install"),
        StepFinished(2, "install", "done", 2.0),
    ]


def test_a_step_of_one_host_is_told_as_begun_though_another_host_was_behind() -> None:
    assert told(
        Planned((("lay", BOTH), ("install", ("web1",)))),
        begun("lay", on="web1"),
        done("lay", on="web1"),
        begun("install", on="web1", number=2),
        done("lay", on="web2"),
    )[1:] == [StepFinished(1, "lay", "done", 1.0), StepStarted(2, "stage", "install")]


def test_steps_are_numbered_on_over_the_stretches_and_batches() -> None:
    heard = told(
        Planned((("lay", BOTH),)),
        *(done("lay", on=name) for name in BOTH),
        Planned((("switch", ("web1",)),)),
        done("switch", on="web1", number=7),
        Planned((("switch", ("web2",)),)),
        done("switch", on="web2", number=7),
    )
    assert [event.number for event in heard if isinstance(event, StepFinished)] == [1, 2, 3]


def test_a_step_of_some_hosts_says_which() -> None:
    switched = done("switch", note="reloaded", on="web1")
    heard = told(*on_both(STARTED), Planned((("switch", ("web1",)),)), switched)
    assert heard[1:] == [StepFinished(1, "switch", "done", 1.0, "on web1; reloaded")]


@pytest.mark.parametrize(
    ("notes", "note"),
    [
        (("", ""), ""),
        (("2 files new", "2 files new"), "2 files new"),
        (("", "2 files new"), "2 files new"),
        (("2 files new", "9 files new"), "web1: 2 files new; web2: 9 files new"),
    ],
)
def test_a_note_names_the_hosts_where_they_differ(notes: tuple[str, str], note: str) -> None:
    events = [done("lay", note=text, on=name) for name, text in zip(BOTH, notes, strict=True)]
    assert told(HEARD_OF, *events) == [StepFinished(1, "lay", "done", 1.0, note)]


def test_what_is_done_and_written_is_told_with_the_host() -> None:
    assert told(
        HEARD_OF,
        OnHost("web2", Doing(5, "make /srv")),
        OnHost("web2", Output(5, "one\n\ntw")),
        OnHost("web1", Warned("Old.")),
        OnHost("web2", Remarked("Chosen.")),
    ) == [
        Doing(1, "web2: make /srv"),
        Output(1, "web2: one\n\nweb2: tw"),
        Warned("web1: Old."),
        Remarked("web2: Chosen."),
    ]


def test_a_failure_names_its_host_and_what_is_taken_back_is_told_once() -> None:
    assert told(
        *on_both(STARTED),
        HEARD_OF,
        begun("lay", on="web1"),
        done("lay", on="web1"),
        OnHost("web2", StepFinished(1, "lay", "failed", 2.0)),
        *on_both(Undoing("No room.")),
        *on_both(StepFinished(1, "lay", "undone", 0.0)),
        OnHost("web1", Finished("cancelled", 4.0)),
        OnHost("web2", Finished("failed", 3.0)),
    ) == [
        STARTED,
        StepStarted(1, "stage", "lay"),
        StepFinished(1, "lay", "failed", 2.0, "on web2"),
        Undoing("No room."),
        StepFinished(1, "lay", "undone", 0.0),
        Finished("failed", 4.0),
    ]


def test_the_release_is_live_when_it_is_on_all_hosts_that_still_work() -> None:
    live = Live("r2", 2.0, "")
    assert told(*on_both(STARTED), OnHost("web1", live))[1:] == []
    assert told(*on_both(STARTED), OnHost("web1", live), OnHost("web2", Live("r2", 3.0, "http://a/")))[1:] == [
        Live("r2", 3.0, "http://a/")
    ]
    assert told(*on_both(STARTED), OnHost("web2", Finished("unchanged", 1.0)), OnHost("web1", live))[1:] == [live]


def test_a_host_that_was_lost_at_the_end_holds_no_step_up_once_it_is_known_to_be_well() -> None:
    assert told(
        *on_both(STARTED),
        HEARD_OF,
        *(done("lay", on=name) for name in BOTH),
        begun("install", on="web1"),
        done("install", on="web1"),
        OnHost("web1", Finished("succeeded", 9.0)),
        OnHost("web2", Finished("succeeded", 0.0)),
    )[2:] == [
        StepStarted(2, "stage", "install"),
        StepFinished(2, "install", "done", 1.0),
        Finished("succeeded", 9.0),
    ]


def test_an_only_host_and_the_controller_itself_are_passed_on_as_they_are() -> None:
    alone = [STARTED, StepStarted(1, "stage", "lay"), Warned("Old."), Finished("succeeded", 1.0)]
    assert told(*alone, Recorded({"id": "d1"})) == alone


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        (("succeeded", "unchanged"), "succeeded"),
        (("succeeded", "switched back"), "switched back"),
        (("cancelled", "failed"), "failed"),
        ((), "failed"),
    ],
)
def test_the_failure_of_one_is_the_failure_of_all(statuses: tuple[str, ...], status: str) -> None:
    assert worst(statuses) == status
