"""A plan is carried out in order, and taken back in the other one when a step fails."""

import errno
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from django_selfdeploy.core import events
from django_selfdeploy.core.actions.base import Action, ActionFailed, World
from django_selfdeploy.core.actions.processes import Say
from django_selfdeploy.core.errors import Cancelled, DeployError, HostError, NotReady, TestsFailed
from django_selfdeploy.core.events import Event
from django_selfdeploy.core.executor import Executor
from django_selfdeploy.core.journal import Journal, read
from django_selfdeploy.core.layout import Layout
from django_selfdeploy.core.lock import Lock
from django_selfdeploy.core.plan import Failure, Phase, Plan, Step, stretches
from django_selfdeploy.core.secret import MASK
from django_selfdeploy.core.session import LONGEST_LINE, Session

LIFE = ("recover", "stage", "test", "activate", "close", "migrate", "start", "hand over")
LIFE += ("switch", "confirm", "reopen")
LIFE += ("finish", "contract", "tidy")


@dataclass(frozen=True)
class Do(Action):
    """Remembers that it was done, and fails with `trouble`."""

    name: str
    trouble: Exception | None = None
    done: ClassVar[list[str]] = []

    def describe(self) -> str:
        return f"do {self.name}"

    def do(self, world: World) -> None:
        if self.trouble:
            raise self.trouble
        self.done.append(self.name)


@dataclass(frozen=True)
class Talk(Action):
    pieces: tuple[str, ...]

    def describe(self) -> str:
        return "talk with hunter2-hunter2"

    def do(self, world: World) -> None:
        world.learn_secrets(("hunter2-hunter2",))
        for piece in self.pieces:
            world.tell(piece)
        world.note("\x1b[1mnoted\x1b[0m hunter2-hunter2")


@dataclass(frozen=True)
class CallOff(Action):
    session: Session

    def describe(self) -> str:
        return "call it off"

    def do(self, world: World) -> None:
        self.session.calling_off.set()


@dataclass
class Stage:
    """A session with everything that was heard of it, on a disk."""

    session: Session
    executor: Executor
    heard: list[Event]
    journal: Journal

    def story(self) -> dict[str, Any]:
        """As the runner leaves it on disk."""
        self.journal.save()
        story = read(self.journal.path)
        assert story is not None
        return story

    def texts(self, kind: type[Event]) -> list[str]:
        return [
            str(getattr(event, "text", "") or getattr(event, "reason", ""))
            for event in self.heard
            if isinstance(event, kind)
        ]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    layout = Layout(str(tmp_path))
    os.mkdir(layout.journals)
    Do.done.clear()
    heard: list[Event] = []
    lock = Lock(layout)
    lock.take({}, wait=0, tell=print)
    journal = Journal(layout, {"id": "1"})
    began = time.monotonic()
    session = Session(
        deployment="1", listener=heard.append, journal=journal, lock=lock, fetch=lambda wanted: iter(()), began=began
    )
    yield Stage(session, Executor(session), heard, journal)
    lock.release()


def step(name: str, phase: str = "stage", *actions: Action, failing: Exception | None = None, **more: Any) -> Step:
    """A step that does `name` and undoes it as "un-NAME"."""
    undo = more.pop("undo", (Do(f"un-{name}"),))
    return Step(phase, name, actions or (Do(name, failing),), undo=undo, **more)


def plan(*steps: Step) -> Plan:
    return Plan("deploy", "default", "release-1", steps)


def carried_out(stage: Stage, *steps: Step) -> DeployError | None:
    try:
        stage.executor.carry_out(plan(*steps))
    except DeployError as error:
        return error
    return None


def told(error: DeployError | None) -> tuple[str, str, str, int]:
    assert error is not None
    return type(error).__name__, error.message, error.hint, error.exit_code


def test_every_step_is_done_told_and_written_down(stage: Stage) -> None:
    assert carried_out(stage, *(step(phase, phase) for phase in LIFE)) is None
    assert Do.done == list(LIFE)
    for event in stage.heard:
        if isinstance(event, (events.StepFinished, events.Live)):
            object.__setattr__(event, "seconds", 0.0)
    expected: list[Event] = []
    for number, phase in enumerate(LIFE, 1):
        expected += [events.StepStarted(number, phase, phase), events.Doing(number, f"do {phase}")]
        expected.append(events.StepFinished(number, phase, "done", 0.0))
        if phase == "switch":
            expected.append(events.Live("release-1", 0.0, ""))
    assert stage.heard == expected
    rows = [(row["number"], row["phase"], row["name"], row["status"]) for row in stage.story()["steps"]]
    assert rows == [(number, phase, phase, "done") for number, phase in enumerate(LIFE, 1)]
    assert stage.story()["live_after"] is not None


def test_a_failure_takes_everything_back_last_first(stage: Stage) -> None:
    error = carried_out(stage, step("a"), step("b"), step("c", failing=ActionFailed("It broke.")), step("d"))
    assert told(error) == ("HostError", "'c' failed. It broke.", "", 4)
    assert Do.done == ["a", "b", "un-c", "un-b", "un-a"]
    assert [row["status"] for row in stage.story()["steps"]] == ["undone", "undone", "failed"]
    assert stage.texts(events.Undoing) == ["'c' failed. It broke."]


def test_steps_of_an_earlier_plan_are_taken_back_too(stage: Stage) -> None:
    assert carried_out(stage, step("a")) is None
    assert carried_out(stage, step("b", "activate", failing=ActionFailed("No."))) is not None
    assert Do.done == ["a", "un-b", "un-a"]


def test_what_was_taken_back_is_not_taken_back_again(stage: Stage) -> None:
    carried_out(stage, step("a", failing=ActionFailed("No.")))
    stage.executor.take_back(DeployError("Again."))
    assert Do.done == ["un-a"]
    assert stage.texts(events.Undoing) == ["'a' failed. No."]


def test_the_first_error_is_the_one_reported_and_a_failed_undo_stops_nothing(stage: Stage) -> None:
    broken = (Do("x", ActionFailed("It cannot.")), Do("y", OSError(errno.EIO, "Input/output error")), Do("z"))
    worse = (Do("u", KeyError("nobody foresaw")),)
    error = carried_out(
        stage, step("a"), step("b", undo=broken), step("c", undo=worse), step("d", failing=ActionFailed("First."))
    )
    assert told(error)[1] == "'d' failed. First."
    assert Do.done == ["a", "b", "c", "un-d", "z", "un-a"]
    assert stage.texts(events.Warned) == [
        "Taking back 'c' failed: 'nobody foresaw'",
        "Taking back 'b' failed: It cannot.",
        "Taking back 'b' failed: [Errno 5] Input/output error",
    ]
    assert stage.executor._begun == []


def test_after_the_confirmation_a_failure_is_a_warning_and_the_rest_goes_on(stage: Stage) -> None:
    failing = step("b", "finish", failing=ActionFailed("It is busy."))
    full = step("c", "finish", failing=OSError(errno.ENOSPC, "No space left on device"))
    assert carried_out(stage, step("a", "switch"), failing, full, step("d", "finish")) is None
    assert Do.done == ["a", "d"]
    assert stage.texts(events.Warned) == ["'b' failed. It is busy.", "'c' failed: No space left on device."]
    assert stage.story()["warnings"] == stage.texts(events.Warned)
    assert [row["status"] for row in stage.story()["steps"]] == ["done", "failed", "failed", "done"]


@pytest.mark.parametrize("phase", ["switch", "confirm"])
def test_a_failure_at_the_switch_or_behind_it_brings_the_old_release_back(stage: Stage, phase: str) -> None:
    failure = Failure("SwitchedBack", "The new release failed.", "Look at its log.")
    error = carried_out(
        stage, step("start", "activate"), step(phase, phase, failing=ActionFailed("GET / got 500."), failure=failure)
    )
    assert told(error) == ("SwitchedBack", "The new release failed. GET / got 500.", "Look at its log.", 12)
    assert Do.done == ["start", f"un-{phase}", "un-start"]


def test_a_deployment_is_live_once_however_many_steps_switch(stage: Stage) -> None:
    carried_out(stage, step("link", "switch"), step("front", "switch"))
    assert [event for event in stage.heard if isinstance(event, events.Live)] == [
        events.Live("release-1", pytest.approx(0, abs=5), "")
    ]


SYSTEM = [
    (
        OSError(errno.ENOSPC, "No space left on device", "/srv/x"),
        "'a' failed: No space left on device '/srv/x'.",
        "Make room on that file system, then deploy again; the live release is untouched.",
    ),
    (
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        "'a' failed: Disk quota exceeded.",
        "The quota of this user is used up: make room, then deploy again.",
    ),
    (
        PermissionError(errno.EACCES, "Permission denied", "/srv/x"),
        "'a' failed: Permission denied '/srv/x'.",
        "See who owns it with `ls -ld`, and deploy as the user that made the root.",
    ),
    (
        PermissionError(errno.EPERM, "Operation not permitted"),
        "'a' failed: Operation not permitted.",
        "See who owns it with `ls -ld`, and deploy as the user that made the root.",
    ),
    (
        OSError(errno.EROFS, "Read-only file system"),
        "'a' failed: Read-only file system.",
        "The file system is mounted read-only: see `mount` and the kernel's log.",
    ),
    (OSError("without a number"), "'a' failed: without a number.", ""),
]


@pytest.mark.parametrize(("trouble", "message", "hint"), SYSTEM)
def test_an_error_of_the_system_is_a_sentence_with_a_hint(
    stage: Stage, trouble: OSError, message: str, hint: str
) -> None:
    failure = Failure("TestsFailed", "The tests fail.")
    assert told(carried_out(stage, step("a", failing=trouble, failure=failure))) == ("HostError", message, hint, 4)


def test_a_step_says_what_its_failure_means(stage: Stage) -> None:
    failure = Failure("TestsFailed", "The tests fail.", "Mend them.")
    error = carried_out(stage, step("a", "test", failing=ActionFailed("`test` ended with status 1."), failure=failure))
    assert told(error) == ("TestsFailed", "The tests fail. `test` ended with status 1.", "Mend them.", 8)
    assert isinstance(error, TestsFailed)


def test_an_error_that_is_one_already_stays_what_it_is(stage: Stage) -> None:
    found = NotReady("It does not answer.", hint="Wait.")
    assert carried_out(stage, step("a", failing=found, failure=Failure("HostError", "Other."))) is found


def test_an_error_that_nobody_foresaw_is_told_with_its_place_and_taken_back(stage: Stage) -> None:
    error = carried_out(stage, step("a"), step("b", failing=ZeroDivisionError("division by zero")))
    kind, message, hint, code = told(error)
    assert re.fullmatch(
        r"'b' failed in a way that nobody foresaw: ZeroDivisionError: division by zero \(do, line \d+\)\.", message
    )
    assert (kind, hint, code) == ("DeployError", "Please report it.", 1)
    assert Do.done == ["a", "un-b", "un-a"]


def test_no_secret_and_no_control_character_is_in_an_error(stage: Stage) -> None:
    stage.session.learn_secrets(("hunter2-hunter2",))
    trouble = ActionFailed("`x` ended with status 1.\n    \x1b]0;evil\x07 password hunter2-hunter2")
    for failure in (None, Failure("TestsFailed", "The tests fail.")):
        error = carried_out(stage, step("a", failing=trouble, failure=failure))
        assert told(error)[1].endswith(f"\n    \\x1b]0;evil\\x07 password {MASK}")


def test_output_is_told_in_whole_lines_without_secrets_and_kept_in_the_journal(stage: Stage) -> None:
    talk = Talk(("first hunter2-", "hunter2\nsecond \x1b[31mred\x1b[0m", " line\r\n", "and the rest"))
    carried_out(stage, step("a", "stage", talk))
    assert stage.texts(events.Output) == [f"first {MASK}\n", "second red line\n", "and the rest"]
    [row] = stage.story()["steps"]
    assert (row["tail"], row["note"]) == (f"first {MASK}\nsecond red line\nand the rest", f"noted {MASK}")
    assert stage.heard[1] == events.Doing(1, "talk with hunter2-hunter2")
    carried_out(stage, step("b", "stage", talk))
    assert events.Doing(2, f"talk with {MASK}") in stage.heard


def test_a_line_without_an_end_is_told_all_the_same(stage: Stage) -> None:
    carried_out(stage, step("a", "stage", Talk(("x" * LONGEST_LINE, "x", "y"))))
    assert [len(text) for text in stage.texts(events.Output)] == [LONGEST_LINE + 1, 1]


def test_what_is_called_off_before_the_switch_is_taken_back(stage: Stage) -> None:
    actions = (Do("a"), CallOff(stage.session), Do("never"))
    error = carried_out(stage, step("first"), step("second", "activate", *actions), step("switch", "switch"))
    assert told(error) == ("Cancelled", "The deployment was called off.", "", 130)
    assert Do.done == ["first", "a", "un-second", "un-first"]


def test_what_is_called_off_from_the_switch_on_goes_to_its_end(stage: Stage) -> None:
    switch = step("switch", "switch", Do("a"), CallOff(stage.session), Do("b"))
    assert carried_out(stage, switch, step("watch", "confirm"), step("tidy", "finish")) is None
    assert Do.done == ["a", "b", "watch", "tidy"]


def test_the_reason_of_an_end_is_told(stage: Stage) -> None:
    stage.session.reason = "The controller went away before the switch."
    stage.session.calling_off.set()
    assert told(carried_out(stage, step("a")))[1] == "The controller went away before the switch."


def test_a_pause_ends_when_the_deployment_is_called_off(stage: Stage) -> None:
    stage.session.calling_off.set()
    stage.session.enter(Phase.ACTIVATE)
    with pytest.raises(Cancelled):
        stage.session.pause(60)
    stage.session.enter(Phase.CONFIRM)
    stage.session.pause(0.001)


def test_the_way_back_is_not_called_off(stage: Stage) -> None:
    stage.session.calling_off.set()
    stage.session.enter(None)
    assert not stage.session.cancelled()


def test_what_cannot_be_taken_back_is_said_and_not_called_undone(stage: Stage) -> None:
    stays = "The database is not taken back."
    migrate = step("migrate", "activate", undo=(Say(stays),))
    carried_out(stage, migrate, step("start", "activate", failing=ActionFailed("No.")))
    assert stage.texts(events.Warned) == [stays]
    assert [row["status"] for row in stage.story()["steps"]] == ["done", "failed"]


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_journal_that_cannot_be_written_takes_everything_back(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert carried_out(stage, step("a")) is None
    monkeypatch.setattr(os, "fsync", full)
    error = carried_out(stage, step("b", "activate"))
    assert told(error)[:2] == ("HostError", "'b' failed: No space left on device.")
    assert Do.done == ["a", "un-b", "un-a"]


def test_a_journal_that_cannot_be_written_after_the_confirmation_is_a_warning(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert carried_out(stage, step("a", "switch")) is None
    monkeypatch.setattr(os, "fsync", full)
    assert carried_out(stage, step("b", "finish"), step("c", "finish")) is None
    assert stage.texts(events.Warned) == [
        "'b' failed: No space left on device.",
        "'c' failed: No space left on device.",
    ]


def test_a_failure_whose_end_cannot_be_written_is_the_one_reported(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dataclass(frozen=True)
    class FillAndFail(Do):
        def do(self, world: World) -> None:
            monkeypatch.setattr(os, "fsync", full)
            raise ActionFailed("First.")

    error = carried_out(stage, step("a"), step("b", "stage", FillAndFail("b")))
    assert told(error)[1] == "'b' failed. First."
    assert Do.done == ["a", "un-b", "un-a"]


def test_only_the_finish_is_not_taken_back_and_only_what_comes_before_the_switch_may_be_called_off() -> None:
    assert [phase.value for phase in Phase] == list(LIFE)
    assert [phase.value for phase in Phase if not phase.undone_on_failure] == ["finish", "contract", "tidy"]
    alone = ["switch", "confirm", "reopen", "finish", "contract", "tidy"]
    assert [phase.value for phase in Phase if phase.outlives_controller] == alone


def test_hosts_go_together_but_for_what_is_done_once_and_what_is_switched_in_batches() -> None:
    assert [(pace.name, *(phase.value for phase in phases)) for pace, phases in stretches()] == [
        ("TOGETHER", "recover", "stage"),
        ("ONCE", "test"),
        ("TOGETHER", "activate", "close"),
        ("ONCE", "migrate"),
        ("TOGETHER", "start"),
        ("AFTER_ALL", "hand over"),
        ("IN_BATCHES", "switch", "confirm"),
        ("TOGETHER", "reopen", "finish"),
        ("ONCE", "contract"),
        ("TOGETHER", "tidy"),
    ]
    without = stretches((Phase.STAGE, Phase.ACTIVATE, Phase.START, Phase.SWITCH, Phase.FINISH, Phase.TIDY))
    together = (("stage", "activate", "start"), ("switch",), ("finish", "tidy"))
    assert tuple(tuple(phase.value for phase in phases) for _, phases in without) == together
    whole = plan(*(step(phase, phase) for phase in LIFE))
    assert whole.during((Phase.SWITCH, Phase.CONFIRM)) == plan(step("switch", "switch"), step("confirm", "confirm"))


def test_once_the_old_release_may_be_gone_nothing_goes_back_to_it(stage: Stage) -> None:
    executor = Executor(stage.session)
    executor.carry_out(plan(step("start", "start"), step("switch", "switch"), step("confirm", "confirm")))
    assert not executor.confirmed
    executor.carry_out(plan(step("finish", "finish")))
    executor.take_back(Cancelled("Another host failed."))
    assert (executor.confirmed, Do.done) == (True, ["start", "switch", "confirm", "finish"])


def test_steps_without_actions_are_left_out() -> None:
    empty = Step("stage", "nothing to do", ())
    assert plan(empty, step("a"), empty).without_empty_steps() == plan(step("a"))


def test_a_plan_of_an_unknown_phase_is_an_error() -> None:
    with pytest.raises(ValueError, match="'later' is not a valid Phase"):
        _ = Step("later", "x", ()).stretch


def test_host_error_is_what_an_unknown_failure_becomes(stage: Stage) -> None:
    error = carried_out(stage, step("a", failing=ActionFailed("No."), failure=Failure("Unheard", "It fails.")))
    assert told(error) == ("DeployError", "It fails. No.", "", 1)
    assert not isinstance(error, HostError)
