"""The runner does what a controller sends, and ends alone what the controller left."""

import contextlib
import getpass
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from django_selfdeploy.core import codec, events, release, runner
from django_selfdeploy.core.actions.base import Action, ActionFailed, World
from django_selfdeploy.core.actions.files import KeepSecret, MakeFolders, Remove, Write
from django_selfdeploy.core.actions.processes import Run
from django_selfdeploy.core.actions.source import Receive
from django_selfdeploy.core.actions.system import OwnFolder
from django_selfdeploy.core.agent import AgentSpec
from django_selfdeploy.core.errors import Cancelled, DeployError, HostError, Locked, NothingThere, RunnerLost, Unchanged
from django_selfdeploy.core.events import Doing
from django_selfdeploy.core.journal import read
from django_selfdeploy.core.layout import Layout
from django_selfdeploy.core.lock import Lock, holder
from django_selfdeploy.core.outcomes import status_of
from django_selfdeploy.core.plan import Failure, Phase, Plan, Step
from django_selfdeploy.core.runner import Runner
from django_selfdeploy.core.wire import Channel
from django_selfdeploy.hosts.base import Connection
from tests.making import entry

ID = "20261122-101112-345"
ABOUT = {"id": ID, "kind": "deploy", "target": "default", "release": "r1", "who": "ann", "elapsed": 1.5}
LOOK = {"control": "", "port": 0, "programs": ()}


@codec.record
@dataclass(frozen=True)
class Await(Action):
    """Says that it has begun, and goes on when it is let."""

    name: str
    begun: ClassVar[threading.Event] = threading.Event()
    go_on: ClassVar[threading.Event] = threading.Event()

    def describe(self) -> str:
        return "await"

    def do(self, world: World) -> None:
        self.begun.set()
        assert self.go_on.wait(5)


@codec.record
@dataclass(frozen=True)
class Answer(Action):
    text: str

    def describe(self) -> str:
        return "answer"

    def do(self, world: World) -> None:
        world.answers["facts"] = {"text": self.text}


@dataclass
class Host:
    """A runner in a thread, and a controller's connection to it."""

    connection: Connection
    heard: list[events.Event]
    thread: threading.Thread
    streams: tuple[Any, ...]
    layout: Layout

    def open(self, **about: Any) -> Any:
        return self.connection.open(self.layout.root, look=LOOK, about={**ABOUT, **about})

    def leave(self) -> None:
        """The controller goes away; returns when the runner has ended."""
        for stream in self.streams:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        self.thread.join(5)
        assert not self.thread.is_alive()

    def story(self) -> dict[str, Any]:
        found = read(self.layout.journal(ID))
        assert found is not None
        return found

    def of(self, kind: type[events.Event]) -> list[events.Event]:
        return [event for event in self.heard if isinstance(event, kind)]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with running(tmp_path / "site") as made:
        yield made


class running:
    """A host whose runner ends with the block."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __enter__(self) -> Host:
        Await.begun.clear()
        Await.go_on.clear()
        to_runner, to_controller = os.pipe(), os.pipe()
        ours = (os.fdopen(to_controller[0], "rb"), os.fdopen(to_runner[1], "wb"))
        self._theirs = (os.fdopen(to_runner[0], "rb"), os.fdopen(to_controller[1], "wb"))
        thread = threading.Thread(target=Runner(Channel(*self._theirs)).listen, daemon=True)
        thread.start()
        connection = Connection(Channel(*ours))
        heard: list[events.Event] = []
        connection.listeners.append(heard.append)
        self.host = Host(connection, heard, thread, ours, Layout(str(self._root)))
        return self.host

    def __exit__(self, *_: Any) -> None:
        Await.go_on.set()
        self.host.leave()
        for stream in self._theirs:
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def plan(*steps: Step, kind: str = "deploy") -> Plan:
    return Plan(kind, "default", "r1", steps)


def write(layout: Layout, name: str, phase: str = "stage", *more: Action) -> Step:
    """A step that writes a file and takes it back."""
    path = f"{layout.root}/{name}"
    return Step(phase, f"write {name}", (Write(path, name), *more), undo=(Remove((path,)),))


def failing(phase: str = "activate") -> Step:
    failure = Failure("TestsFailed", "The tests fail.", "Mend them.")
    return Step(phase, "run the tests", (Run(("false",)),), failure=failure)


def there(layout: Layout) -> list[str]:
    return sorted(name for name in os.listdir(layout.root) if name not in ("journal", "lock"))


def test_looking_changes_nothing(host: Host) -> None:
    state = host.connection.open(host.layout.root, look=LOOK)
    assert (state.root, state.exists, state.current, state.releases) == (host.layout.root, False, "", ())
    assert not os.path.exists(host.layout.root)
    assert host.heard == []


def test_opening_locks_and_begins_a_journal(host: Host) -> None:
    state = host.open()
    assert (state.exists, state.unfinished) == (True, ())
    held = holder(host.layout)
    assert held is not None
    assert (held["kind"], held["who"], held["release"], held["deployment"]) == ("deploy", "ann", "r1", ID)
    story = host.story()
    assert {key: story[key] for key in ("id", "status", "previous", "who")} == {
        "id": ID,
        "status": "running",
        "previous": "",
        "who": "ann",
    }
    assert "elapsed" not in story
    assert host.heard == [events.Started(ID, "deploy", "default", "r1")]


@pytest.mark.parametrize("kind", ["rollback", "restart", "start", "stop"])
def test_only_a_deployment_makes_a_root(host: Host, kind: str) -> None:
    with pytest.raises(NothingThere) as caught:
        host.open(kind=kind)
    root = host.layout.root
    assert (caught.value.message, caught.value.hint) == (
        f"Nothing is deployed in {root!r}.",
        "Deploy first: `manage.py deploy`.",
    )
    assert not os.path.exists(root)
    host.open()
    assert holder(host.layout) is not None


@pytest.mark.parametrize(("given", "told"), [({"host": "web1:2201"}, "web1:2201"), ({}, socket.gethostname())])
def test_the_journal_names_the_host_as_the_controller_does(host: Host, given: dict[str, str], told: str) -> None:
    host.open(**given)
    assert host.story()["host"] == told


def test_a_plan_is_carried_out_and_its_answers_come_back(host: Host) -> None:
    host.open()
    answers = host.connection.carry_out(plan(write(host.layout, "a", "stage", Answer("ünï"))))
    assert answers == {"facts": {"text": "ünï"}}
    more = {"versions": {}, "judged": ["It is \x1b[1modd."]}
    host.connection.carry_out(plan(write(host.layout, "b", "switch")), url="http://x/", last=True, more=more)
    assert there(host.layout) == ["a", "b"]
    story = host.story()
    assert (story["warnings"], "judged" in story, host.of(events.Warned)) == (["It is odd."], False, [])
    assert (story["status"], story["versions"], [row["status"] for row in story["steps"]]) == (
        "succeeded",
        {},
        ["done", "done"],
    )
    assert story["seconds"] > 1.5
    assert holder(host.layout) is None
    [live] = host.of(events.Live)
    assert isinstance(live, events.Live)
    assert (live.release, live.url, live.seconds > 1.5) == ("r1", "http://x/", True)
    [finished] = host.of(events.Finished)
    assert isinstance(finished, events.Finished)
    assert finished.status == "succeeded"


def test_a_failure_is_taken_back_and_raised_here(host: Host) -> None:
    host.open()
    with pytest.raises(DeployError) as caught:
        host.connection.carry_out(plan(write(host.layout, "a"), failing()))
    error = caught.value
    assert (type(error).__name__, error.message, error.hint, error.exit_code) == (
        "TestsFailed",
        "The tests fail. `false` ended with status 1.",
        "Mend them.",
        8,
    )
    assert there(host.layout) == []
    assert (host.story()["status"], [row["status"] for row in host.story()["steps"]]) == (
        "failed",
        ["undone", "failed"],
    )
    assert host.story()["error"] == {
        "error": "TestsFailed",
        "message": error.message,
        "hint": "Mend them.",
        "exit_code": 8,
    }
    assert holder(host.layout) is None


def test_what_the_controller_gives_up_is_taken_back(host: Host) -> None:
    host.open()
    host.connection.carry_out(plan(write(host.layout, "a")))
    reason = HostError("Port 8000 is taken.", hint="Stop it.")
    host.connection.abandon(reason)
    assert there(host.layout) == []
    assert (host.story()["status"], host.story()["error"]["message"]) == ("failed", "Port 8000 is taken.")
    assert host.of(events.Undoing) == [events.Undoing("Port 8000 is taken.")]
    host.connection.abandon(reason)
    assert len(host.of(events.Finished)) == 1


def test_what_is_unchanged_is_no_error_in_the_journal(host: Host) -> None:
    host.open()
    host.connection.abandon(Unchanged("Nothing changed: r0 is live."))
    assert (host.story()["status"], host.story()["error"]) == ("unchanged", None)


def test_secrets_of_the_deployment_are_masked_in_output_and_errors(host: Host) -> None:
    host.connection.open(host.layout.root, look=LOOK, about=dict(ABOUT), secrets=("hunter2-hunter2",))
    say = Step("stage", "say", (Run(("sh", "-c", "echo hunter2-hunter2; exit 3")),))
    with pytest.raises(HostError) as caught:
        host.connection.carry_out(plan(say))
    assert caught.value.message == "'say' failed. `sh -c 'echo ********; exit 3'` ended with status 3.\n    ********"
    assert "hunter2" not in Path(host.layout.journal(ID)).read_text()
    assert host.of(events.Output) == [events.Output(1, "********\n")]


def test_without_a_controller_before_the_switch_everything_is_taken_back(host: Host) -> None:
    host.open()
    host.connection.carry_out(plan(write(host.layout, "a")))
    host.leave()
    assert there(host.layout) == []
    assert (host.story()["status"], host.story()["error"]["message"], host.story()["error"]["exit_code"]) == (
        "cancelled",
        "The controller went away before the switch.",
        130,
    )
    assert holder(host.layout) is None


def start(host: Host, *steps: Step) -> threading.Thread:
    """Send a plan from a thread, and return when an Await of it has begun."""

    def send() -> None:
        try:
            host.connection.carry_out(plan(*steps), last=True)
        except (DeployError, ValueError, OSError) as error:
            host.heard.append(error)  # type: ignore[arg-type]

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    assert Await.begun.wait(5)
    return thread


def cut(host: Host) -> None:
    """The controller is killed: its end of the runner's input is closed, in the middle of whatever it does."""
    host.streams[1].close()
    time.sleep(0.03)
    Await.go_on.set()
    host.thread.join(5)
    assert not host.thread.is_alive()


def test_a_controller_that_is_lost_in_a_step_before_the_switch_is_no_harm(host: Host) -> None:
    host.open()
    start(host, write(host.layout, "a", "stage", Await("1"), Write(f"{host.layout.root}/never", "")))
    cut(host)
    assert there(host.layout) == []
    assert host.story()["status"] == "cancelled"


def test_a_controller_that_is_lost_after_the_switch_is_not_needed(host: Host) -> None:
    host.open()
    steps = (write(host.layout, "a", "switch", Await("1")), write(host.layout, "b", "finish"))
    start(host, *steps)
    cut(host)
    assert there(host.layout) == ["a", "b"]
    assert host.story()["status"] == "succeeded"
    assert holder(host.layout) is None


def test_a_deployment_that_is_called_off_is_taken_back(host: Host) -> None:
    host.open()
    sending = start(host, write(host.layout, "a", "stage", Await("1"), Write(f"{host.layout.root}/never", "")))
    host.connection.call_off()
    time.sleep(0.03)
    Await.go_on.set()
    sending.join(5)
    [error] = [one for one in host.heard if isinstance(one, Cancelled)]
    assert (error.message, error.exit_code) == ("The deployment was called off.", 130)
    assert there(host.layout) == []


def test_a_second_deployment_is_refused_while_one_is_at_work(host: Host, tmp_path: Path) -> None:
    host.open()
    with (
        running(tmp_path / "site") as other,
        pytest.raises(Locked, match="Another deployment is at work: `deploy` of ann"),
    ):
        other.open(id="20261122-101113-000")


def test_who_waits_for_the_lock_hears_so_and_gets_it(host: Host, tmp_path: Path) -> None:
    lock = Lock(Layout(str(tmp_path / "site")))
    os.makedirs(host.layout.root)
    lock.take({"kind": "stop", "who": "bob"}, wait=0, tell=print)
    threading.Timer(0.05, lock.release).start()
    host.connection.open(host.layout.root, look=LOOK, about=dict(ABOUT), wait=5)
    [warned] = host.of(events.Warned)
    assert isinstance(warned, events.Warned)
    assert warned.text.startswith("waiting for `stop` of bob (pid ")


def test_a_source_is_asked_for_and_sent(host: Host) -> None:
    texts = {entry(f"{number}.txt", f"text {number}"): f"text {number}" for number in range(20)}
    sent: list[str] = []

    def source(wanted: Any) -> Iterator[tuple[str, bytes]]:
        known = {one.blob: text.encode() for one, text in texts.items()}
        for blob in wanted:
            sent.append(blob)
            yield blob, known[blob]

    host.connection.source = source
    host.open()
    receive = Receive(f"{host.layout.root}/releases/r1/source", tuple(texts))
    host.connection.carry_out(plan(Step("stage", "lay the source down", (receive,))))
    assert sorted(sent) == sorted(one.blob for one in texts)
    assert (Path(host.layout.root) / "releases/r1/source/7.txt").read_text() == "text 7"
    assert host.connection.manifest("r1") == tuple(texts)
    assert host.connection.round_trips == 4


def test_a_source_that_is_not_sent_fails_the_step(host: Host) -> None:
    host.open()
    receive = Receive(f"{host.layout.root}/source", (entry("a.txt", "text"),))
    with pytest.raises(HostError, match=r"'lay' failed\. 'a\.txt' did not arrive\."):
        host.connection.carry_out(plan(Step("stage", "lay", (receive,), undo=(Remove((receive.path,)),))))
    assert there(host.layout) == []


def test_a_controller_that_is_lost_while_it_sends_is_no_harm(host: Host) -> None:
    def source(wanted: Any) -> Iterator[tuple[str, bytes]]:
        host.streams[1].close()
        return iter(())

    host.connection.source = source
    host.open()
    receive = Receive(f"{host.layout.root}/source", (entry("a.txt", "text"),))
    step = Step("stage", "lay", (MakeFolders((receive.path,)), receive), undo=(Remove((receive.path,)),))
    with pytest.raises((RunnerLost, ValueError)):
        host.connection.carry_out(plan(step))
    host.thread.join(5)
    assert (there(host.layout), host.story()["status"]) == ([], "cancelled")


def test_a_release_without_a_source_is_said_not_to_be_there(host: Host) -> None:
    host.open()
    with pytest.raises(NothingThere, match="The source of 'r9' is not listed"):
        host.connection.manifest("r9")


def test_the_state_of_the_host_can_be_asked_for(host: Host) -> None:
    host.open()
    assert [story["id"] for story in host.connection.stories(5)] == [ID]
    assert host.connection.status(look=LOOK, deployments=1)["healthy"] is False
    assert host.connection.logs((), {}, lines=5) == {"logs": {}, "known": ()}
    held = host.connection.holder()
    assert held is not None
    assert held["deployment"] == ID


def test_nobody_holds_a_lock_that_is_free(host: Host) -> None:
    host.connection.open(host.layout.root, look=LOOK)
    assert host.connection.holder() is None
    assert host.connection.stories(5) == []


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with running(tmp_path / "file" / "site") as host, pytest.raises(HostError) as caught:
        host.open()
    assert caught.value.message == f"'open {tmp_path}/file/site' failed: Not a directory '{tmp_path}/file/site'."


def test_a_sign_of_life_is_answered_at_once(host: Host) -> None:
    """By the thread that reads: whatever step stands, the controller hears that the runner lives."""
    host.open()
    sending = start(host, write(host.layout, "a", "stage", Await("1")))
    deadline = time.monotonic() + 5
    while not any(isinstance(event, Doing) and event.what == "await" for event in host.heard):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    before = host.connection._channel.received
    host.connection._channel.send_if_idle("alive")
    while host.connection._channel.received == before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert host.connection._channel.received - before == len(b'{"kind": "alive", "bytes": 0}\n')
    Await.go_on.set()
    sending.join(5)
    assert host.story()["status"] == "succeeded"


def test_a_request_that_is_unknown_is_answered_and_harms_nothing(host: Host) -> None:
    with pytest.raises(RunnerLost, match="The runner failed at 'reboot': AttributeError"):
        host.connection._ask("reboot")
    assert host.connection.open(host.layout.root, look=LOOK).exists is False


def test_a_controller_that_cannot_be_understood_is_one_that_is_gone(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    host.open()
    host.connection.carry_out(plan(write(host.layout, "a")))
    host.streams[1].write(b"no frame\n")
    host.streams[1].flush()
    host.thread.join(5)
    assert (there(host.layout), host.story()["status"]) == ([], "cancelled")
    assert "The controller cannot be understood: " in capsys.readouterr().err


def test_a_database_that_does_not_take_the_record_is_a_warning(host: Host) -> None:
    host.open()
    spec = AgentSpec(("/nowhere/python",), "/")
    host.connection.carry_out(plan(write(host.layout, "a")), last=True, record=spec)
    assert host.of(events.Warned) == [
        events.Warned(
            "The deployment is not in the database yet, only in its journal: "
            "'/nowhere/python' cannot be run: No such file or directory."
        )
    ]
    assert host.story()["status"] == "succeeded"


def test_a_journal_that_cannot_be_closed_takes_nothing_back(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    @codec.record
    @dataclass(frozen=True)
    class FillTheDisk(Action):
        def describe(self) -> str:
            return "fill the disk"

        def do(self, world: World) -> None:
            def full(*_: object, **__: object) -> None:
                raise OSError(28, "No space left on device")

            monkeypatch.setattr(runner.journal.Journal, "close", full)

    host.open()
    host.connection.carry_out(plan(write(host.layout, "a", "switch", FillTheDisk())), last=True)
    host.connection.abandon(HostError("Too late."))
    assert there(host.layout) == ["a"]
    assert host.of(events.Warned) == [events.Warned("The journal could not be closed: No space left on device.")]
    assert holder(host.layout) is None


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (None, "succeeded"),
        (DeployError(""), "failed"),
        (Cancelled(""), "cancelled"),
        (Unchanged(""), "unchanged"),
        (KeepSecret, "failed"),
    ],
)
def test_how_it_ended_has_a_word(reason: Any, status: str) -> None:
    assert status_of(reason) == status


def test_an_action_that_fails_outside_of_a_plan_is_told(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ActionFailed("It cannot be looked at.")

    monkeypatch.setattr(runner.state, "look", broken)
    with pytest.raises(HostError, match=r"^It cannot be looked at\.$"):
        host.connection.open(host.layout.root, look=LOOK)


def test_no_id_of_a_release_is_given_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(["20261122-101112", "20261122-101112", "20261122-101112", "20261122-101113"])
    monkeypatch.setattr(release.time, "strftime", lambda *_: next(moments))
    monkeypatch.setattr(release.time, "sleep", lambda seconds: None)
    layout = Layout(str(tmp_path))
    first = release.new_release(layout, "+1a2b3c4d")
    os.makedirs(layout.release(first))
    second = release.new_release(layout, "+1a2b3c4d")
    assert (first, second) == ("20261122-101112-1a2b3c4d", "20261122-101113-1a2b3c4d")
    assert release.new_release(layout, "20261122-101112-1c1c1c1c") == "20261122-101112-1c1c1c1c"


def test_a_deployment_without_an_id_gets_one(host: Host) -> None:
    about = {key: value for key, value in ABOUT.items() if key != "id"}
    host.connection.open(host.layout.root, look=LOOK, about={**about, "release": "+1a2b3c4d"})
    assert (len(host.connection.deployment), host.connection.release[15:]) == (19, "-1a2b3c4d")


def test_a_controller_that_sends_something_else_for_the_source_is_told(host: Host) -> None:
    host.open()
    receive = Receive(f"{host.layout.root}/source", (entry("a.txt", "text"),))

    def confused(wanted: Any) -> Iterator[tuple[str, bytes]]:
        host.connection._channel.send("weather")
        return iter(())

    host.connection.source = confused
    with pytest.raises(RunnerLost, match="The controller sent 'weather' in the middle of the source"):
        host.connection.carry_out(plan(Step("stage", "lay", (receive,), undo=(Remove((receive.path,)),))))
    assert host.story()["status"] == "failed"


def test_the_host_may_be_looked_at_again(host: Host) -> None:
    host.open()
    assert host.connection._ask("look", look=LOOK).exists is True


def test_a_host_is_prepared_before_it_has_a_root(host: Host, tmp_path: Path) -> None:
    folder = str(tmp_path / "srv/site")
    made = Plan(
        "setup", "default", "site", (Step(Phase.STAGE.value, "make it", (OwnFolder(folder, getpass.getuser()),)),)
    )
    assert host.connection.examine(made) == (False,)
    assert host.connection.prepare(made) == {"changed": (f"make the folder {folder} of {getpass.getuser()}",)}
    assert host.connection.examine(made) == (True,)
    assert host.connection.prepare(made) == {"changed": ()}
    assert [one.note for one in host.of(events.StepFinished)] == ["changed", "nothing to do"]
    assert not os.path.exists(host.layout.root)


def test_a_preparation_that_fails_is_told_and_nothing_is_taken_back(host: Host, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    step = Step(Phase.STAGE.value, "make it", (OwnFolder(f"{tmp_path}/file", "nobody-else"),))
    with pytest.raises(HostError, match=r"^'make it' failed\. '.*/file' is there already"):
        host.connection.prepare(Plan("setup", "default", "site", (step,)))
    assert host.of(events.Undoing) == []
