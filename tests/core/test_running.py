"""A command of the live release is heard as it writes, and ends with whoever waits for it."""

import sys
import time

import pytest

from django_selfdeploy.core import processes
from django_selfdeploy.core.errors import HostError
from django_selfdeploy.core.running import run

Said = list[tuple[str, bytes]]


def ran(*argv: str, gone_after: bytes = b"") -> tuple[int, Said]:
    said: Said = []
    status = run(
        argv,
        tell=lambda stream, data: said.append((stream, data)),
        gone=lambda: bool(gone_after) and gone_after in b"".join(data for _, data in said),
    )
    return status, said


def test_both_streams_are_told_apart_and_the_status_is_that_of_the_command() -> None:
    status, said = ran("sh", "-c", "printf one; echo two >&2; exit 3")
    assert (status, sorted(said)) == (3, [("errors", b"two\n"), ("output", b"one")])


def test_the_command_has_no_input_and_what_it_needs_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.settings")
    script = "import os, sys; print(sys.stdin.read() == '', os.environ['TERM'], 'DJANGO_SETTINGS_MODULE' in os.environ)"
    assert ran(sys.executable, "-c", script)[1] == [("output", b"True dumb False\n")]


def test_a_command_that_nobody_waits_for_is_ended_with_its_children() -> None:
    status, said = ran("sh", "-c", "sleep 600 & echo $!; wait", gone_after=b"\n")
    child = int(said[0][1])
    assert status < 0
    deadline = time.monotonic() + 20
    while processes.started(child) is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert processes.started(child) is None


def test_a_signal_is_a_negative_status() -> None:
    assert ran("sh", "-c", "kill -9 $$") == (-9, [])


def test_what_cannot_be_started_is_named() -> None:
    with pytest.raises(HostError, match="'/nowhere/manage' cannot be run: No such file or directory"):
        ran("/nowhere/manage", "shell")
