"""A release is waited for, watched and drained; what fails is told with its log."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy.core import queue
from django_selfdeploy.core.actions import web as web_actions
from django_selfdeploy.core.actions.base import Action, ActionFailed
from django_selfdeploy.core.actions.web import AwaitReady, AwaitWorkers, Drain, SmokeTest, Watch, end_of, expect_alive
from django_selfdeploy.core.agent import AgentSpec
from django_selfdeploy.core.errors import Cancelled
from django_selfdeploy.core.release import Front, ProbeSpec
from django_selfdeploy.hosts.memory import MemoryWorld
from tests.faking import FakeSupervisord, Headers, Page, row, supervisord, web

WEB, MAIL = "mysite-1-web", "mysite-1-mail"
SPEC = ProbeSpec("/", "localhost", seconds=2.0)
FRONT = Front("127.0.0.1:1", "m", "mysite.selfdeploy.invalid", True, "mysite-front", "")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_actions, "POLL", 0.005)


@contextmanager
def site(path: Path, *statuses: int, release: str = "1", **programs: Any) -> Iterator[tuple[str, str, FakeSupervisord]]:
    """A socket that answers with these statuses in turn, the last for good, and a supervisord beside it."""
    left = list(statuses)

    def page(_: str, headers: Headers) -> Page:
        return left.pop(0) if len(left) > 1 else left[0], {"X-Selfdeploy-Release": release}, b""

    fake = FakeSupervisord(programs={group: row(group, **about) for group, about in {WEB: {}, **programs}.items()})
    with web(page, path=path / "app.sock"), supervisord(path / "s.sock", fake) as control:
        yield f"{path}/app.sock", control, fake


def failed(action: Action, world: MemoryWorld | None = None) -> str:
    with pytest.raises(ActionFailed) as caught:
        action.do(world or MemoryWorld())
    return str(caught.value)


# wait until they answer


def test_a_release_is_ready_when_it_answers_twice_in_a_row(tmp_path: Path) -> None:
    world = MemoryWorld()
    with site(tmp_path, 200, 500, 200, 200) as (app, control, _):
        AwaitReady(app, SPEC, "1", control, (WEB,)).do(world)
    assert len(world.pauses) == 1


def test_an_answer_that_stays_wrong_fails_at_once_with_the_log(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("Traceback\nKeyError: 'x'\n")
    with site(tmp_path, 500, **{WEB: {"stdout_logfile": str(log)}}) as (app, control, _):
        began = time.monotonic()
        text = failed(AwaitReady(app, replace(SPEC, seconds=60), "1", control, (WEB,)))
    assert text == "GET / was answered with 500.\n    Traceback\n    KeyError: 'x'"
    assert time.monotonic() - began < 5


def test_why_an_answer_is_wrong_the_release_is_asked(tmp_path: Path) -> None:
    world = MemoryWorld(questions={"explain": {"why": "KeyError: 'x'\n  in views.py\n"}})
    with site(tmp_path, 500) as (app, control, _):
        spec = replace(SPEC, path="/health/", https=True)
        text = failed(AwaitReady(app, spec, "1", control, (WEB,), AgentSpec(("python",), "/")), world)
    assert text == "GET /health/ was answered with 500.\n    KeyError: 'x'\n      in views.py"
    assert world.asked == [("explain", {"path": "/health/", "host": "localhost", "https": True})]


def test_a_release_that_cannot_explain_itself_says_so(tmp_path: Path) -> None:
    world = MemoryWorld(questions={"explain": ActionFailed("The Django process of the release ended.")})
    with site(tmp_path, 500) as (app, control, _):
        text = failed(AwaitReady(app, SPEC, "1", control, (WEB,), AgentSpec(("python",), "/")), world)
    assert text == "GET / was answered with 500. The Django process of the release ended."


def test_silence_fails_after_its_time(tmp_path: Path) -> None:
    with site(tmp_path, 200) as (_, control, __):
        silent = AwaitReady(f"{tmp_path}/none", replace(SPEC, seconds=0.05), "1", control, (WEB,))
        assert failed(silent) == "GET / got no answer (No such file or directory)."


def test_no_time_at_all_fails_with_a_sentence(tmp_path: Path) -> None:
    with site(tmp_path, 200) as (app, control, _):
        assert failed(AwaitReady(app, replace(SPEC, seconds=0), "1", control, (WEB,))) == "No answer came in time."


def test_the_answer_of_another_release_is_waited_out(tmp_path: Path) -> None:
    with site(tmp_path, 200, release="0") as (app, control, _):
        text = failed(AwaitReady(app, replace(SPEC, seconds=0.05), "1", control, (WEB,)))
    assert text == "GET / was answered with 200 by release '0'."


def test_a_program_that_ends_is_not_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("ModuleNotFoundError: No module named 'mysite'\n")
    ended = {"state": "BACKOFF", "spawnerr": "Exited too quickly", "stdout_logfile": str(log)}
    with site(tmp_path, 200, **{WEB: ended}) as (app, control, _):
        text = failed(AwaitReady(app, SPEC, "1", control, (WEB,)))
    assert text == (
        "The program 'mysite-1-web' is BACKOFF: Exited too quickly.\n    ModuleNotFoundError: No module named 'mysite'"
    )


def test_waiting_ends_when_the_deployment_is_called_off(tmp_path: Path) -> None:
    with site(tmp_path, 500) as (app, control, _), pytest.raises(Cancelled):
        AwaitReady(app, SPEC, "1", control, (WEB,)).do(MemoryWorld(called_off=True))


# expect_alive


def test_programs_that_run_are_known_by_their_pids(tmp_path: Path) -> None:
    with site(tmp_path, 200, **{MAIL: {"pid": 5, "state": "STARTING"}}) as (_, control, __):
        assert expect_alive(control, (WEB, MAIL)) == {WEB: 4711, MAIL: 5}


def test_a_program_that_supervisord_does_not_know_is_named(tmp_path: Path) -> None:
    with site(tmp_path, 200) as (_, control, __), pytest.raises(ActionFailed) as caught:
        expect_alive(control, (WEB, MAIL))
    assert str(caught.value) == "supervisord does not know the program 'mysite-1-mail'."


def test_a_supervisord_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(ActionFailed) as caught:
        expect_alive(f"{tmp_path}/none", (WEB,))
    assert str(caught.value) == "supervisord does not answer ([Errno 2] No such file or directory)."


# workers


def test_workers_are_waited_for_until_they_run(tmp_path: Path) -> None:
    world = MemoryWorld()
    with site(tmp_path, 200, **{MAIL: {"state": "STARTING"}}) as (_, control, fake):
        world.pause = _then(world.pause, lambda: fake.programs.update({MAIL: row(MAIL)}))  # type: ignore[method-assign]
        AwaitWorkers(control, (MAIL,)).do(world)
    assert len(world.pauses) == 1


def test_workers_that_never_run_fail(tmp_path: Path) -> None:
    with site(tmp_path, 200, **{MAIL: {"state": "STARTING"}}) as (_, control, __):
        assert failed(AwaitWorkers(control, (MAIL,), seconds=0.02)) == "mysite-1-mail did not start in 0 seconds."


def _then(first: Callable[..., None], second: Callable[[], None]) -> Callable[..., None]:
    def both(*arguments: Any) -> None:
        first(*arguments)
        second()

    return both


# behind the front server


@contextmanager
def fronted(*statuses: int, release: str = "1") -> Iterator[Front]:
    left = list(statuses)

    def page(_: str, headers: Headers) -> Page:
        return left.pop(0) if len(left) > 1 else left[0], {"X-Selfdeploy-Release": release}, b""

    with web(page) as address:
        yield replace(FRONT, address=address)


def test_a_visitor_gets_the_new_release() -> None:
    with fronted(502, 502, 200) as front:
        SmokeTest(front, SPEC, "1").do(MemoryWorld())


def test_a_visitor_who_gets_an_error_fails_the_step_with_the_fronts_log(tmp_path: Path) -> None:
    (tmp_path / "front.log").write_text("connect() failed\n")
    with fronted(502) as front:
        text = failed(SmokeTest(replace(front, log=f"{tmp_path}/front.log"), SPEC, "1"))
    assert text == "GET / was answered with 502.\n    connect() failed"


def test_a_visitor_who_gets_the_old_release_fails_the_step() -> None:
    with fronted(200, release="0") as front:
        assert failed(SmokeTest(front, SPEC, "1", tries=1)) == "GET / was answered with 200 by release '0'."


def watch(front: Front, control: str, seconds: float = 0.1) -> Watch:
    return Watch(front, SPEC, "1", control, (WEB,), seconds, every=0.001)


def really(world: MemoryWorld) -> MemoryWorld:
    """A world in which a pause takes its time."""
    world.pause = _then(world.pause, lambda: time.sleep(0.005))  # type: ignore[method-assign]
    return world


def test_a_release_that_works_is_watched_to_the_end(tmp_path: Path) -> None:
    world = really(MemoryWorld())
    with fronted(200, 500, 200, 500, 200) as front, site(tmp_path, 200) as (_, control, __):
        watch(front, control).do(world)
    [note] = world.notes
    asked, failures = note.split(" requests, ")
    assert (int(asked) > 3, failures) == (True, "2 failed")


def test_three_failures_bring_the_old_release_back(tmp_path: Path) -> None:
    with fronted(200, 500, 200, 500, 200, 500) as front, site(tmp_path, 200) as (_, control, __):
        text = failed(watch(front, control, seconds=5))
    assert text == "GET / was answered with 500. That was failure 3 of 6 requests."


def test_a_program_that_was_started_again_brings_the_old_release_back(tmp_path: Path) -> None:
    world = MemoryWorld()
    with fronted(200) as front, site(tmp_path, 200) as (_, control, fake):
        world.pause = _then(world.pause, lambda: fake.programs.update({WEB: row(WEB, pid=5)}))  # type: ignore[method-assign]
        text = failed(watch(front, control, seconds=5), world)
    assert text == "The program 'mysite-1-web' ended and was started again."


def test_each_process_of_a_program_is_watched(tmp_path: Path) -> None:
    world = MemoryWorld()
    with fronted(200) as front, site(tmp_path, 200) as (_, control, fake):
        fake.programs = {name: {**row(WEB), "name": name} for name in ("first", "second")}
        world.pause = _then(world.pause, lambda: fake.programs["first"].update(pid=5))  # type: ignore[method-assign]
        text = failed(watch(front, control, seconds=5), world)
    assert text == "The program 'first' ended and was started again."


def test_no_watch_is_no_request(tmp_path: Path) -> None:
    world = MemoryWorld()
    with site(tmp_path, 200) as (_, control, __):
        watch(FRONT, control, seconds=0).do(world)
    assert world.notes == ["0 requests, 0 failed"]


# drain


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{tmp_path}/old.sock")
        server.listen()
        yield server


def drained(path: Path, seconds: float) -> tuple[list[str], float]:
    world = MemoryWorld()
    began = time.monotonic()
    Drain(f"{path}/old.sock", seconds).do(world)
    return world.notes, time.monotonic() - began


def test_a_socket_without_connections_is_drained_soon(tmp_path: Path, listening: socket.socket) -> None:
    notes, seconds = drained(tmp_path, 5)
    assert (notes, seconds < 2) == ([], True)


def test_a_socket_that_nobody_listens_on_is_drained_at_once(tmp_path: Path) -> None:
    notes, seconds = drained(tmp_path, 5)
    assert (notes, seconds < 1) == ([], True)


def test_connections_that_stay_are_cut_and_counted(tmp_path: Path, listening: socket.socket) -> None:
    clients = [socket.socket(socket.AF_UNIX) for _ in range(3)]
    for client in clients:
        client.connect(f"{tmp_path}/old.sock")
    accepted, _ = listening.accept()
    notes, seconds = drained(tmp_path, 0.1)
    for client in (*clients, accepted):
        client.close()
    assert (notes, 0.1 <= seconds < 2) == (["3 connections cut after 0.1 s"], True)


def test_where_the_kernel_does_not_tell_the_whole_time_is_waited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> None:
        raise OSError(1, "the kernel refuses sock_diag")

    monkeypatch.setattr(queue, "of", refuse)
    notes, seconds = drained(tmp_path, 0.05)
    assert seconds >= 0.05


def test_no_time_to_drain_is_none(tmp_path: Path, listening: socket.socket) -> None:
    assert drained(tmp_path, 0)[1] < 1


def test_of_a_long_log_the_end_is_read(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * 5000 + b"\xffend\n")
    assert end_of(f"{tmp_path}/log", 6) == "x�end\n"
    assert end_of(f"{tmp_path}/none") == ""


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (AwaitReady("/s", ProbeSpec("/a/", "b"), "1", "", ()), "wait until 1 answers GET /a/ for b"),
        (AwaitWorkers("", (WEB, MAIL)), "wait until mysite-1-web, mysite-1-mail run"),
        (SmokeTest(FRONT, ProbeSpec("/a/", "b"), "1"), "GET /a/ for b at 127.0.0.1:1"),
        (Watch(FRONT, SPEC, "1", "", (), 2.5), "watch the new release for 2.5 s"),
        (Drain("/s", 30.0), "wait until /s has no connection"),
    ],
)
def test_an_action_says_what_it_does(action: Action, expected: str) -> None:
    assert action.describe() == expected
