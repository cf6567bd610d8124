"""One deployment at a time: the kernel keeps the lock, what is written in it is for the message."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy.core import lock as locks
from django_selfdeploy.core import processes
from django_selfdeploy.core.children import MARK
from django_selfdeploy.core.errors import Locked
from django_selfdeploy.core.layout import Layout
from django_selfdeploy.core.lock import Lock, break_free, described, holder, read

PACKAGE = str(Path(locks.__file__).parents[1])
ABOUT = {"kind": "deploy", "who": "ann@web1", "release": "", "deployment": "20261122-101112-345"}

HOLD = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
from core.layout import Layout
from core.lock import Lock
lock = Lock(Layout(sys.argv[2]))
lock.take(json.loads(sys.argv[3]), wait=0, tell=print)
lock.at("run the tests")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(str(tmp_path))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "POLL", 0.01)
    monkeypatch.setattr(locks, "GRACE", 0.08)


@contextlib.contextmanager
def other_process(layout: Layout) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its input ends."""
    words = (sys.executable, "-I", "-S", "-c", HOLD, PACKAGE, layout.root, json.dumps(ABOUT))
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "held\n"
            yield child
        finally:
            child.kill()


def take(layout: Layout, *, wait: float = 0.0, told: list[str] | None = None) -> Lock:
    lock = Lock(layout)
    lock.take(ABOUT, wait=wait, tell=(told if told is not None else []).append)
    return lock


def test_the_holder_says_who_it_is_and_what_it_does(layout: Layout) -> None:
    assert holder(layout) is None
    lock = take(layout)
    lock.at("switch", release="20261122-101112-1c1c1c1c")
    found = holder(layout)
    assert found is not None
    since = found.pop("since")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", since)
    assert found == {
        **ABOUT,
        "pid": os.getpid(),
        "started": processes.started(os.getpid()),
        "boot": processes.boot(),
        "host": os.uname().nodename,
        "step": "switch",
        "release": "20261122-101112-1c1c1c1c",
    }
    lock.release()
    assert holder(layout) is None


def test_only_its_owner_may_read_the_lock(layout: Layout) -> None:
    take(layout).release()
    assert os.stat(layout.lock).st_mode & 0o777 == 0o600


def test_a_second_process_is_refused_and_told_who_is_at_work(layout: Layout) -> None:
    with other_process(layout) as child:
        with pytest.raises(Locked) as caught:
            take(layout)
        since = read(layout.lock)["since"]
        assert caught.value.message == (
            "Another deployment is at work: "
            f"`deploy` of ann@web1 (pid {child.pid} on {os.uname().nodename}, since {since}, at 'run the tests')."
        )
        assert caught.value.hint == "Wait for it with `--lock-wait SECONDS`, or look at it with `deploy_unlock`."
        assert caught.value.exit_code == 75


def test_who_is_refused_leaves_no_open_file(layout: Layout) -> None:
    with other_process(layout):
        before = len(os.listdir("/proc/self/fd"))
        with pytest.raises(Locked):
            take(layout)
        assert len(os.listdir("/proc/self/fd")) == before


def test_who_waits_gets_it_when_the_other_one_ends(layout: Layout) -> None:
    with other_process(layout) as child:
        threading.Timer(0.05, child.kill).start()
        lock = take(layout, wait=10)
    assert read(layout.lock)["pid"] == os.getpid()
    lock.release()


def test_who_waits_is_told_once_and_refused_in_the_end(layout: Layout) -> None:
    told: list[str] = []
    with other_process(layout) as child, pytest.raises(Locked):
        take(layout, wait=0.1, told=told)
    assert len(told) == 1
    assert told[0].startswith(f"waiting for `deploy` of ann@web1 (pid {child.pid} on ")


def test_a_lock_is_free_again_when_its_holder_was_killed(layout: Layout) -> None:
    with other_process(layout) as child:
        child.kill()
        child.wait()
    take(layout).release()


def test_what_a_dead_holder_left_running_is_ended(layout: Layout) -> None:
    """A command that inherits the lock keeps it; nobody waits for its end."""
    dead = Lock(layout)
    dead.take(ABOUT, wait=0, tell=print)
    assert dead.handle is not None
    surroundings = {"PATH": os.environ["PATH"], MARK: ABOUT["deployment"]}
    with subprocess.Popen(("sleep", "60"), env=surroundings, pass_fds=(dead.handle,)) as orphan:
        try:
            write(layout, {**read(layout.lock), "pid": 2**22 + 1})
            dead.release()
            take(layout).release()
            assert orphan.wait(5) == -signal.SIGTERM
        finally:
            orphan.kill()


def test_a_holder_that_nobody_can_find_is_not_waited_for_longer_than_asked(layout: Layout) -> None:
    """Its writer is gone, of another boot or host, and nothing here carries its mark: a person must look."""
    with other_process(layout):
        write(layout, {**read(layout.lock), "boot": "of another machine", "host": "web2"})
        began = time.monotonic()
        with pytest.raises(Locked, match=r"on web2, since"):
            take(layout, wait=0.1)
        assert time.monotonic() - began < 3


def write(layout: Layout, content: dict[str, Any]) -> None:
    with open(layout.lock, "w") as file:
        json.dump(content, file)


@pytest.mark.parametrize("text", ["", "no json", "[]", "\0"])
def test_a_holder_that_cannot_be_read_is_one_all_the_same(layout: Layout, text: str) -> None:
    lock = take(layout)
    with open(layout.lock, "w") as file:
        file.write(text)
    assert holder(layout) == {}
    with pytest.raises(Locked, match=r"^Another deployment is at work: another deployment\."):
        take(layout)
    lock.release()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({}, "another deployment"),
        (
            {"kind": "deploy", "who": "ann", "pid": 4711, "host": "web1", "since": "10:11", "step": "run the tests"},
            "`deploy` of ann (pid 4711 on web1, since 10:11, at 'run the tests')",
        ),
        ({"kind": "stop", "step": ""}, "`stop` of ? (pid ? on ?, since ?)"),
    ],
)
def test_a_holder_is_described_in_a_line(content: dict[str, Any], expected: str) -> None:
    assert described(content) == expected


def test_a_link_in_the_place_of_the_lock_is_not_followed(layout: Layout, tmp_path: Path) -> None:
    os.symlink(tmp_path / "victim", layout.lock)
    with pytest.raises(OSError, match="symbolic links"):
        take(layout)
    assert not (tmp_path / "victim").exists()


def test_unlocking_a_free_lock_says_that_it_is_free(layout: Layout) -> None:
    assert break_free(layout, kill=True) is None
    take(layout).release()
    assert break_free(layout, kill=True) is None


def test_unlocking_tells_who_holds_it_and_ends_nobody_unless_asked(layout: Layout) -> None:
    with other_process(layout) as child:
        found = break_free(layout, kill=False)
        assert found is not None
        assert (found["pid"], child.poll()) == (child.pid, None)


def test_unlocking_by_force_ends_the_holder(layout: Layout) -> None:
    with other_process(layout) as child:
        found = break_free(layout, kill=True)
        assert found is not None
        assert (found["pid"], child.wait(5)) == (child.pid, -signal.SIGTERM)
    take(layout).release()


def test_unlocking_by_force_kills_what_does_not_end(layout: Layout) -> None:
    deaf = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{HOLD}"
    words = (sys.executable, "-I", "-S", "-c", deaf, PACKAGE, layout.root, json.dumps(ABOUT))
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            child.stdout.readline()
            break_free(layout, kill=True)
            assert child.wait(5) == -signal.SIGKILL
        finally:
            child.kill()


def test_a_holder_that_cannot_be_read_is_not_ended(layout: Layout) -> None:
    lock = take(layout)
    write(layout, {})
    with pytest.raises(Locked, match=r"^Another deployment is at work: another deployment\."):
        break_free(layout, kill=True)
    assert break_free(layout, kill=False) == {}
    lock.release()
