"""The controller's end of the conversation, and the runner that it starts on this machine."""

import io
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy.core import events
from django_selfdeploy.core.actions.processes import Run
from django_selfdeploy.core.errors import Locked, RunnerLost
from django_selfdeploy.core.plan import Plan, Step
from django_selfdeploy.core.runner_files import runner_files
from django_selfdeploy.core.wire import Channel
from django_selfdeploy.hosts import local
from django_selfdeploy.hosts.base import Connection
from django_selfdeploy.hosts.interrupt import calling_off

HINT = "`deploy_status` tells what is live; the next `deploy` puts right what was left."


def talking(*frames: tuple[str, dict[str, Any]], trouble: str = "") -> Connection:
    """A connection to a runner that says just this."""
    said = io.BytesIO()
    for kind, fields in frames:
        Channel(io.BytesIO(), said).send(kind, **fields)
    return Connection(Channel(io.BytesIO(said.getvalue()), io.BytesIO()), trouble=lambda: trouble)


def test_an_error_of_the_host_is_raised_as_it_was() -> None:
    fields = {"error": "Locked", "message": "At work.", "hint": "Wait.", "exit_code": 75}
    with pytest.raises(Locked) as caught:
        talking(("error", fields)).stories(1)
    assert (caught.value.message, caught.value.hint, caught.value.exit_code) == ("At work.", "Wait.", 75)


def test_an_exit_code_that_is_not_the_errors_own_is_kept() -> None:
    fields = {"error": "Unheard", "message": "Odd.", "hint": "", "exit_code": 42}
    with pytest.raises(Exception, match="Odd") as caught:
        talking(("error", fields)).stories(1)
    assert caught.value.exit_code == 42  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        ("", "The runner ended without a word."),
        (" Killed\n", "The runner ended without a word: Killed"),
    ],
)
def test_a_runner_that_ends_without_a_word_is_lost(trouble: str, message: str) -> None:
    with pytest.raises(RunnerLost) as caught:
        talking(trouble=trouble).stories(1)
    assert (caught.value.message, caught.value.hint, caught.value.exit_code) == (message, HINT, 13)


def test_a_runner_that_talks_nonsense_is_lost() -> None:
    with pytest.raises(RunnerLost):
        Connection(Channel(io.BytesIO(b"Traceback\n"), io.BytesIO())).stories(1)


def test_a_runner_that_cannot_be_reached_is_lost() -> None:
    class Closed(io.BytesIO):
        def flush(self) -> None:
            raise BrokenPipeError

    with pytest.raises(RunnerLost):
        Connection(Channel(io.BytesIO(), Closed())).stories(1)


def test_events_are_told_to_every_listener_in_this_thread_in_order() -> None:
    told = [events.Warned("a"), events.Warned("b")]
    connection = talking(*(("event", {"event": event}) for event in told), ("done", {"answer": []}))
    heard: list[tuple[str, Any, int]] = []
    for name in ("first", "second"):
        connection.listeners.append(lambda event, name=name: heard.append((name, event, threading.get_ident())))
    assert connection.stories(1) == []
    here = threading.get_ident()
    assert heard == [(name, event, here) for event in told for name in ("first", "second")]


def test_a_listener_that_fails_breaks_nothing_and_hears_no_more(caplog: pytest.LogCaptureFixture) -> None:
    told = [events.Warned("a"), events.Warned("b")]
    connection = talking(*(("event", {"event": event}) for event in told), ("done", {"answer": []}))
    heard: list[events.Event] = []

    def broken(event: events.Event) -> None:
        heard.append(event)
        raise BrokenPipeError

    connection.listeners += [broken, heard.append]
    connection.stories(1)
    assert heard == [told[0], told[0], told[1]]
    [line] = caplog.messages
    assert line.startswith("A listener failed and is left out from now on: <function ")


def test_until_it_is_live_is_until_it_is_live() -> None:
    live = events.Live("r1", 1.0, "http://x/")
    connection = talking(("event", {"event": live}), ("done", {"answer": {"answers": {"a": 1}}}))
    assert connection.carry_out(Plan("deploy", "default", "r1", ()), until=events.Live) == {}


def test_the_first_question_is_on_its_way_before_the_greeting() -> None:
    order: list[str] = []

    class Noted(io.BytesIO):
        def flush(self) -> None:
            order.append("sent")

    said = io.BytesIO()
    Channel(io.BytesIO(), said).send("done", answer=[])
    said.write(said.getvalue())
    said.seek(0)
    connection = Connection(Channel(said, Noted()), greet=lambda: order.append("greeted"))
    assert (connection.stories(1), connection.stories(1), order) == ([], [], ["sent", "greeted", "sent"])


def test_a_runner_that_never_began_says_so_in_its_greeting() -> None:
    class Closed(io.BytesIO):
        def flush(self) -> None:
            raise BrokenPipeError

    def greet() -> None:
        raise Locked("It does not begin.")

    with pytest.raises(Locked, match="It does not begin"):
        Connection(Channel(io.BytesIO(), Closed()), greet=greet).stories(1)


def test_a_transport_says_what_broke_and_what_to_do() -> None:
    connection = Connection(Channel(io.BytesIO(), io.BytesIO()), broken="The link was cut", hint="Mend it.")
    with pytest.raises(RunnerLost) as caught:
        connection.stories(1)
    assert str(caught.value) == "The link was cut.\nMend it."


def test_a_frame_that_is_unknown_is_passed_over() -> None:
    assert talking(("weather", {}), ("done", {"answer": [1]})).stories(1) == [1]


# on this machine


def test_a_runner_of_this_machine_is_started_and_let_go(tmp_path: Path) -> None:
    with local.connected() as connection:
        state = connection.open(f"{tmp_path}/site", look={"control": "", "port": 0, "programs": ("sh", "no-such")})
    assert (state.exists, state.uid, list(state.programs)) == (False, os.geteuid(), ["sh"])
    assert os.listdir(tmp_path) == []


def test_a_runner_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "BOOT", "print('no such module: fcntl')")
    with pytest.raises(RunnerLost, match="The runner does not start on this machine: no such module: fcntl"):
        with local.connected() as connection:
            connection.stories(1)


def test_a_runner_that_is_killed_is_lost_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boot = local.BOOT.replace("from core", "sys.stderr.write('last words'); sys.stderr.flush(); from core")
    monkeypatch.setattr(local, "BOOT", boot)
    plan = Plan("deploy", "default", "r1", (Step("stage", "die", (Run(("sh", "-c", "kill -9 $PPID")),)),))
    about = {"kind": "deploy", "target": "default", "release": "r1", "who": "ann"}
    with local.connected() as connection, pytest.raises(RunnerLost, match="without a word: last words"):
        connection.open(f"{tmp_path}/site", look={"control": "", "port": 0, "programs": ()}, about=about)
        connection.carry_out(plan)


# Ctrl-C


def press(*numbers: int) -> None:
    for number in numbers:
        os.kill(os.getpid(), number)
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_one_asks_for_an_end_and_raises_nothing(number: int) -> None:
    asked = threading.Event()
    with calling_off(asked.set):
        press(number)
        assert asked.wait(5)


def test_the_second_one_leaves_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), calling_off(lambda: None):
        press(signal.SIGINT, signal.SIGINT)


def test_afterwards_it_means_what_it_did_before() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with calling_off(lambda: None):
        pass
    assert {number: signal.getsignal(number) for number in before} == before


def test_a_runner_that_is_gone_needs_no_asking() -> None:
    def gone() -> None:
        raise BrokenPipeError

    with calling_off(gone):
        press(signal.SIGINT)


def test_in_another_thread_signals_are_not_touched() -> None:
    def inside(done: Callable[[bool], None]) -> None:
        before = signal.getsignal(signal.SIGINT)
        with calling_off(lambda: None):
            done(signal.getsignal(signal.SIGINT) is before)

    seen: list[bool] = []
    thread = threading.Thread(target=inside, args=(seen.append,))
    thread.start()
    thread.join()
    assert seen == [True]


def test_the_runner_that_is_left_on_a_host_is_the_one_that_is_installed() -> None:
    package = Path(local.__file__).parents[1] / "core"
    files = dict(runner_files())
    installed = {f"core/{path.relative_to(package)}": path.read_text() for path in package.rglob("*.py")}
    assert files == {"__main__.py": files["__main__.py"], **installed}
    assert "from core.__main__ import main" in files["__main__.py"]


class KilledInTheMiddle(io.BytesIO):
    """The input of a runner that ends as soon as it is given a blob."""

    def write(self, data: Any) -> int:
        if b'"blob"' in data:
            raise BrokenPipeError(32, "Broken pipe")
        return super().write(data)


def test_a_runner_that_is_killed_while_it_is_given_the_source_is_lost() -> None:
    said = io.BytesIO(b'{"kind": "need", "bytes": 0, "blobs": ["1a2b"]}\n')
    connection = Connection(Channel(said, KilledInTheMiddle()), trouble=lambda: "Killed")
    connection.source = lambda wanted: iter((blob, b"text\n") for blob in wanted)
    with pytest.raises(RunnerLost, match="The runner ended without a word: Killed"):
        connection.stories(1)
