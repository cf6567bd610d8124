"""Programs and the front server are started, proven and stopped; what is right already is left alone."""

import os
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy.core.actions import front as front_actions
from django_selfdeploy.core.actions import programs as program_actions
from django_selfdeploy.core.actions.base import Action, ActionFailed
from django_selfdeploy.core.actions.front import RotateLogs, ServeFront, StopFront, loaded_configuration
from django_selfdeploy.core.actions.programs import (
    ForgetOthers,
    QuietPrograms,
    ShutDown,
    StartPrograms,
    StartSupervisor,
    StopPrograms,
)
from django_selfdeploy.core.release import Control, Front
from django_selfdeploy.hosts.memory import MemoryWorld
from tests.faking import FakeSupervisord, Headers, Page, row, supervisord, web

GROUPS = ("mysite-1-web", "mysite-1-mail")
FRONT = Front("127.0.0.1:1", "new-marker", "mysite.selfdeploy.invalid", True, "mysite-front", "")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (program_actions, front_actions):
        monkeypatch.setattr(module, "PATIENCE", 0.1)
        monkeypatch.setattr(module, "POLL", 0.01)


def do(action: Action) -> MemoryWorld:
    world = MemoryWorld()
    action.do(world)
    return world


@contextmanager
def controlled(path: Path, **about: Any) -> Iterator[tuple[str, FakeSupervisord]]:
    fake = FakeSupervisord(**about)
    with supervisord(path / "supervisor.sock", fake) as control:
        yield control, fake


def having(*groups: str, state: str = "RUNNING") -> dict[str, dict[str, Any]]:
    return {group: row(group, state) for group in groups}


# the release's programs


def test_programs_are_included_read_and_started(tmp_path: Path) -> None:
    with controlled(tmp_path, available=set(GROUPS)) as (control, fake):
        do(StartPrograms(control, f"{tmp_path}/link", "/srv/release/etc/supervisor.conf", GROUPS))
    assert os.readlink(tmp_path / "link") == "/srv/release/etc/supervisor.conf"
    assert fake.calls == [("reread",), ("add", GROUPS[0]), ("add", GROUPS[1])]


def test_programs_that_run_are_left_alone(tmp_path: Path) -> None:
    with controlled(tmp_path, programs=having(*GROUPS)) as (control, fake):
        do(StartPrograms(control, f"{tmp_path}/link", "/conf", GROUPS))
    assert (fake.calls, os.readlink(tmp_path / "link")) == ([], "/conf")


def test_a_program_that_ended_is_taken_out_and_started_anew(tmp_path: Path) -> None:
    programs = {**having(GROUPS[0]), **having(GROUPS[1], state="FATAL")}
    with controlled(tmp_path, available=set(GROUPS), programs=programs) as (control, fake):
        do(StartPrograms(control, f"{tmp_path}/link", "/conf", GROUPS))
    again = GROUPS[1]
    assert fake.calls == [("reread",), ("add", again), ("stop", again), ("remove", again), ("add", again)]


def test_a_program_that_supervisord_does_not_know_is_named(tmp_path: Path) -> None:
    with controlled(tmp_path) as (control, _), pytest.raises(ActionFailed) as caught:
        do(StartPrograms(control, f"{tmp_path}/link", "/conf", GROUPS[:1]))
    assert str(caught.value) == "supervisord does not take 'mysite-1-web': BAD_NAME: mysite-1-web"


def test_a_file_that_supervisord_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    broken = "File contains parsing errors: /etc/supervisor/conf.d/other.conf"
    with controlled(tmp_path, broken=broken) as (control, _), pytest.raises(ActionFailed) as caught:
        do(StartPrograms(control, f"{tmp_path}/link", "/conf", GROUPS))
    assert str(caught.value) == f"supervisord refuses a file of its include folder: CANT_REREAD: {broken}"


def test_programs_are_stopped_taken_out_and_no_longer_included(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/conf")
    with controlled(tmp_path, programs=having(*GROUPS)) as (control, fake):
        action = StopPrograms(control, (f"{tmp_path}/link",), GROUPS, 1.0)
        do(action)
        stopped = list(fake.calls)
        do(action)
    stops, removes = [("stop", group) for group in GROUPS], [("remove", group) for group in GROUPS]
    assert stopped == [*stops, *removes, ("reread",)]
    assert (fake.programs, os.path.lexists(tmp_path / "link")) == ({}, False)


def test_a_program_that_does_not_stop_is_named(tmp_path: Path) -> None:
    with controlled(tmp_path, programs=having(*GROUPS), stubborn={GROUPS[1]}) as (control, _):
        with pytest.raises(ActionFailed, match=r"^The program 'mysite-1-mail' does not stop\.$"):
            do(StopPrograms(control, (f"{tmp_path}/link",), GROUPS, 0.05))


def test_without_a_supervisord_there_is_nothing_to_stop(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/conf")
    do(StopPrograms(f"{tmp_path}/none", (f"{tmp_path}/link",), GROUPS, 1.0))
    assert not os.path.lexists(tmp_path / "link")


def test_programs_that_are_quieted_are_told_to_stop_and_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/conf")
    with controlled(tmp_path, programs=having(*GROUPS), stubborn=set(GROUPS)) as (control, fake):
        do(QuietPrograms(control, f"{tmp_path}/link", GROUPS, (), 0.05))
    assert fake.calls == [("stop", group) for group in GROUPS]
    assert not os.path.lexists(tmp_path / "link")


def test_one_that_runs_alone_is_waited_for(tmp_path: Path) -> None:
    with controlled(tmp_path, programs=having(*GROUPS), stubborn={GROUPS[0]}) as (control, _):
        do(QuietPrograms(control, f"{tmp_path}/link", GROUPS, GROUPS[1:], 0.05))
        with pytest.raises(ActionFailed, match=r"^The program 'mysite-1-web' does not stop\.$"):
            do(QuietPrograms(control, f"{tmp_path}/link", GROUPS, GROUPS, 0.05))


def test_programs_that_are_gone_are_quiet(tmp_path: Path) -> None:
    with controlled(tmp_path) as (control, _):
        do(QuietPrograms(control, f"{tmp_path}/link", GROUPS, GROUPS, 1.0))
    do(QuietPrograms(f"{tmp_path}/none", f"{tmp_path}/link", GROUPS, GROUPS, 1.0))


def test_before_a_supervisord_starts_other_releases_are_taken_out(tmp_path: Path) -> None:
    programs, releases = tmp_path / "programs", tmp_path / "releases"
    programs.mkdir()
    for name, to in (("old", "1/etc/a"), ("new", "2/etc/a")):
        (programs / name).symlink_to(releases / to)
    (programs / "front").symlink_to("/etc/front.conf")
    (programs / "file").touch()
    with controlled(tmp_path) as (control, _):
        do(ForgetOthers(Control(control, str(programs), own=True), str(releases), "1"))
        assert len(os.listdir(programs)) == 4, "what runs is not touched"
    do(ForgetOthers(Control(f"{tmp_path}/none", str(programs), own=True), str(releases), "1"))
    assert sorted(os.listdir(programs)) == ["file", "front", "old"]


# supervisord itself


def test_a_supervisord_that_answers_is_left_alone(tmp_path: Path) -> None:
    with controlled(tmp_path) as (control, _):
        do(StartSupervisor(Control(control, "", own=True, start=("/nowhere/supervisord",))))


def test_the_machines_supervisord_is_not_started_by_us(tmp_path: Path) -> None:
    with pytest.raises(ActionFailed) as caught:
        do(StartSupervisor(Control(f"{tmp_path}/none", "", own=False)))
    assert str(caught.value) == f"The machine's supervisord does not answer on '{tmp_path}/none'."


def test_a_supervisord_that_does_not_start_tells_why(tmp_path: Path) -> None:
    start = ("sh", "-c", "echo Error: The directory is gone >&2; exit 2")
    with pytest.raises(ActionFailed) as caught:
        do(StartSupervisor(Control(f"{tmp_path}/none", "", own=True, start=start)))
    assert str(caught.value) == "supervisord does not start.\n    Error: The directory is gone"


def test_a_supervisord_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(ActionFailed) as caught:
        do(StartSupervisor(Control(f"{tmp_path}/none", "", own=True, start=("true",))))
    assert str(caught.value) == f"supervisord does not answer on '{tmp_path}/none'."


def test_a_supervisord_that_is_not_there_needs_no_end_and_the_machines_gets_none(tmp_path: Path) -> None:
    do(ShutDown(Control(f"{tmp_path}/none", "", own=True)))
    with controlled(tmp_path) as (control, fake):
        do(ShutDown(Control(control, "", own=False)))
    assert fake.calls == []


def test_our_supervisord_is_ended_and_waited_for(tmp_path: Path) -> None:
    class Ending(FakeSupervisord):
        def shutdown(self) -> bool:
            self.calls.append(("shutdown",))
            os.unlink(tmp_path / "s")
            return True

    fake = Ending()
    with supervisord(tmp_path / "s", fake) as control:
        do(ShutDown(Control(control, "", own=True)))
    assert fake.calls == [("shutdown",)]


# the front server


@contextmanager
def serving(*markers: str) -> Iterator[str]:
    """The address of a front server whose configuration has each of these markers in turn, the last for good."""
    left = list(markers)

    def page(path: str, headers: Headers) -> Page:
        assert headers["host"] == FRONT.marker_host
        marker = left.pop(0) if len(left) > 1 else left[0]
        return 204, {"X-Selfdeploy-Front": marker} if marker else {}, b""

    with web(page) as address:
        yield address


def test_a_front_server_with_our_configuration_is_left_alone() -> None:
    with serving("new-marker") as address:
        do(ServeFront(replace(FRONT, address=address), "/nowhere"))


def test_our_front_server_is_started_where_it_does_not_run(tmp_path: Path) -> None:
    with serving("", "new-marker") as address, controlled(tmp_path, available={"mysite-front"}) as (control, fake):
        do(ServeFront(replace(FRONT, address=address), control, f"{tmp_path}/link", "/front.conf"))
    assert os.readlink(tmp_path / "link") == "/front.conf"
    assert fake.calls == [("reread",), ("add", "mysite-front")]


def test_our_front_server_takes_up_another_configuration_without_a_restart(tmp_path: Path) -> None:
    programs = having("mysite-front")
    with serving("old", "old", "new-marker") as address, controlled(tmp_path, programs=programs) as (control, fake):
        do(ServeFront(replace(FRONT, address=address), control, f"{tmp_path}/link", "/front.conf"))
    assert fake.calls == [("signal", "mysite-front", "HUP")]


def test_a_front_server_that_keeps_its_configuration_fails_the_step_with_its_last_words(tmp_path: Path) -> None:
    log = tmp_path / "front-error.log"
    log.write_text("[emerg] bind() to 0.0.0.0:8000 failed\n")
    with serving("old") as address, controlled(tmp_path, programs=having("mysite-front")) as (control, _):
        with pytest.raises(ActionFailed) as caught:
            do(ServeFront(replace(FRONT, address=address, log=str(log)), control))
    assert str(caught.value) == (
        "The front server does not take up its configuration.\n    [emerg] bind() to 0.0.0.0:8000 failed"
    )


def machines(tmp_path: Path, address: str, *, check: str = "true", reload: str = "true") -> ServeFront:
    link = (f"{tmp_path}/mysite.conf", "/srv/mysite/current/etc/site.conf")
    commands = {"check": ("sh", "-c", check), "reload": ("sh", "-c", reload)}
    front = replace(FRONT, own=False, address=address, links=(link,), **commands)
    return ServeFront(front, "/nowhere")


def test_the_machines_front_server_gets_our_file_is_checked_and_reloaded(tmp_path: Path) -> None:
    with serving("", "new-marker") as address:
        do(machines(tmp_path, address, check=f"test -L {tmp_path}/mysite.conf", reload=f"touch {tmp_path}/reloaded"))
    assert os.readlink(tmp_path / "mysite.conf") == "/srv/mysite/current/etc/site.conf"
    assert (tmp_path / "reloaded").exists()


@pytest.mark.parametrize("failing", ["check", "reload"])
def test_a_file_that_the_machines_front_server_refuses_is_taken_out(tmp_path: Path, failing: str) -> None:
    refusal = {failing: "echo unknown directive; exit 1"}
    with serving("") as address, pytest.raises(ActionFailed) as caught:
        do(machines(tmp_path, address, **refusal))
    assert str(caught.value) == ("`sh -c echo unknown directive; exit 1` ended with status 1.\n    unknown directive")
    assert not os.path.lexists(tmp_path / "mysite.conf")


def test_a_link_that_was_there_before_is_put_back(tmp_path: Path) -> None:
    (tmp_path / "mysite.conf").symlink_to("/elsewhere.conf")
    with serving("") as address, pytest.raises(ActionFailed):
        do(machines(tmp_path, address, check="false"))
    assert os.readlink(tmp_path / "mysite.conf") == "/elsewhere.conf"


def test_somebody_elses_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mysite.conf").write_text("server { }\n")
    with serving("") as address, pytest.raises(ActionFailed) as caught:
        do(machines(tmp_path, address))
    assert str(caught.value) == f"'{tmp_path}/mysite.conf' is there and is not ours."
    assert (tmp_path / "mysite.conf").read_text() == "server { }\n"


HELPER = """#!/bin/sh
echo "$1 $(cat)" >>"$0.calls"
[ -z "$REFUSED" ] || { echo "refused" >&2; exit 1; }
"""


def helped(tmp_path: Path, address: str) -> ServeFront:
    """By a program that remembers what it was given."""
    (tmp_path / "helper").write_text(HELPER)
    (tmp_path / "helper").chmod(0o755)
    (tmp_path / "site.conf").write_text("server { }\n")
    helper = {"helper": ("env", f"{tmp_path}/helper"), "site": f"{tmp_path}/site.conf"}
    return ServeFront(replace(FRONT, own=False, address=address, **helper), "/nowhere")


def test_a_helper_is_given_the_file_for_the_machines_front_server(tmp_path: Path) -> None:
    with serving("", "new-marker") as address:
        do(helped(tmp_path, address))
    assert (tmp_path / "helper.calls").read_text() == "install server { }\n"
    do(StopFront(helped(tmp_path, "127.0.0.1:1").front, "/nowhere", ""))
    assert (tmp_path / "helper.calls").read_text() == "install server { }\nremove \n"


def test_what_a_helper_refuses_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFUSED", "yes")
    with serving("") as address, pytest.raises(ActionFailed) as caught:
        do(helped(tmp_path, address))
    assert str(caught.value) == f"`env {tmp_path}/helper install` ended with status 1.\n    refused"


def test_our_front_server_is_stopped_as_a_program(tmp_path: Path) -> None:
    with controlled(tmp_path, programs=having("mysite-front")) as (control, fake):
        do(StopFront(FRONT, control, f"{tmp_path}/link"))
    assert fake.calls == [("stop", "mysite-front"), ("remove", "mysite-front"), ("reread",)]


def test_the_machines_front_server_loses_our_file_only(tmp_path: Path) -> None:
    action = machines(tmp_path, "127.0.0.1:1", reload=f"touch {tmp_path}/reloaded")
    (tmp_path / "mysite.conf").symlink_to("/srv/mysite/current/etc/site.conf")
    do(StopFront(action.front, "/nowhere", ""))
    assert sorted(os.listdir(tmp_path)) == ["reloaded"]


def test_who_does_not_answer_has_loaded_nothing() -> None:
    assert loaded_configuration(FRONT) == ""


def test_large_logs_are_rotated_and_the_front_server_opens_new_ones(tmp_path: Path) -> None:
    for name, text in (("access.log", "x" * 10), ("access.log.1", "1"), ("access.log.3", "3"), ("small.log", "x")):
        (tmp_path / name).write_text(text)
    logs = tuple(f"{tmp_path}/{name}" for name in ("access.log", "small.log", "none.log"))
    with controlled(tmp_path, programs=having("mysite-front")) as (control, fake):
        do(RotateLogs(FRONT, control, logs, most=10, keep=3))
    assert fake.calls == [("signal", "mysite-front", "USR1")]
    kept = {path.name: path.read_text()[:1] for path in tmp_path.iterdir() if path.is_file()}
    assert kept == {"access.log.1": "x", "access.log.2": "1", "access.log.3": "3", "small.log": "x"}


def test_small_logs_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text("x")
    do(RotateLogs(FRONT, "/nowhere", (f"{tmp_path}/access.log",)))


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (StartSupervisor(Control("/s", "", own=True)), "see that supervisord answers on /s"),
        (ShutDown(Control("/s", "", own=True)), "end supervisord on /s"),
        (StartPrograms("/s", "/l", "/c", GROUPS), "start mysite-1-web, mysite-1-mail"),
        (StopPrograms("/s", ("/l",), GROUPS, 1), "stop mysite-1-web, mysite-1-mail"),
        (
            QuietPrograms("/s", "/l", GROUPS, GROUPS[1:], 1),
            "tell mysite-1-web, mysite-1-mail to stop, and wait for mysite-1-mail",
        ),
        (ForgetOthers(Control("/s", "/p", own=True), "/r", "1"), "see that no release but 1 starts"),
        (ServeFront(FRONT, "/s"), "see that the front server at 127.0.0.1:1 has configuration new-marker"),
        (StopFront(FRONT, "/s", "/l"), "stop the front server at 127.0.0.1:1"),
        (RotateLogs(FRONT, "/s", ("/a", "/b")), "rotate /a, /b from 50.0 MB on"),
    ],
)
def test_an_action_says_what_it_does(action: Action, expected: str) -> None:
    assert action.describe() == expected


class Refusing(FakeSupervisord):
    """A supervisord that has faults of its own."""

    def reloadConfig(self) -> list[Any]:
        raise xmlrpc.client.Fault(1, "UNKNOWN_METHOD")

    def stopProcessGroup(self, group: str, wait: bool) -> list[Any]:
        raise xmlrpc.client.Fault(2, "INCORRECT_PARAMETERS")


def test_another_fault_of_supervisord_is_told_too(tmp_path: Path) -> None:
    fake = Refusing(programs=having(GROUPS[0]))
    with supervisord(tmp_path / "s", fake) as control:
        with pytest.raises(ActionFailed, match=r"^supervisord refuses for 'mysite-1-web': INCORRECT_PARAMETERS$"):
            do(StopPrograms(control, (f"{tmp_path}/link",), GROUPS[:1], 1.0))
        with pytest.raises(xmlrpc.client.Fault, match="UNKNOWN_METHOD"):
            do(StartPrograms(control, f"{tmp_path}/link", "/conf", GROUPS))


def test_a_front_server_without_a_check_of_its_own_is_reloaded(tmp_path: Path) -> None:
    with serving("", "new-marker") as address:
        action = machines(tmp_path, address, reload=f"touch {tmp_path}/reloaded")
        do(replace(action, front=replace(action.front, check=())))
    assert (tmp_path / "reloaded").exists()
