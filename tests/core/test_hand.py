"""The host helps itself: status, rollback, unlock, start and stop with no Django at all."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy.core import hand, processes
from django_selfdeploy.core.actions import programs, web
from django_selfdeploy.core.journal import newest
from django_selfdeploy.core.layout import Layout
from django_selfdeploy.core.lock import Lock
from django_selfdeploy.core.release import Control, Program
from tests.faking import site
from tests.making import NEW, OLD, OLDER, small_release


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A shorter one than pytest's: the path of a socket may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="sd-") as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (programs, web):
        monkeypatch.setattr(module, "POLL", 0.005)


def say(capsys: pytest.CaptureFixture[str], root: Path, *words: str) -> tuple[int, str]:
    code = hand.main(["--root", str(root), *words])
    return code, capsys.readouterr().out


def live(root: Path) -> str:
    return os.path.basename(os.readlink(root / "current"))


def releases(root: Path, *names: str) -> tuple[Any, ...]:
    return tuple(small_release(name, root=str(root)) for name in names)


def test_a_rollback_goes_to_the_release_before_and_stops_the_one_it_leaves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with site(tmp_path, *releases(tmp_path, OLDER, OLD, NEW)) as fake:
        code, text = say(capsys, tmp_path, "rollback")
        running = set(fake.programs)
    assert (code, live(tmp_path), running) == (0, OLD, {f"mysite-{OLD}-web"})
    assert re.sub(r"\d+\.\d s|\d+ requests", "#", text).splitlines() == [
        "  done   start the processes  #",
        "  done   wait until they answer  #",
        "  done   switch  #",
        f"live after #: {OLD}",
        "  done   smoke test  #",
        "  done   watch  #  #, 0 failed",
        "  done   mark the release that was left  #",
        "  done   drain and stop the previous release  #",
    ]
    assert (tmp_path / "releases" / NEW / ".bad").read_text() == f"rolled back to {OLD}\n"
    [story] = newest(Layout(str(tmp_path)), 5)
    assert (story["kind"], story["status"], story["release"], story["previous"]) == ("rollback", "succeeded", OLD, NEW)


def test_a_rollback_goes_to_the_release_that_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with site(tmp_path, *releases(tmp_path, OLDER, OLD, NEW)):
        assert say(capsys, tmp_path, "rollback", "--to", OLDER)[0] == 0
    assert live(tmp_path) == OLDER


def test_a_rollback_calls_the_host_as_deployments_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = Layout(str(tmp_path))
    with site(tmp_path, *releases(tmp_path, OLDER, OLD, NEW)):
        Path(layout.journals).mkdir(exist_ok=True)
        deployed = {"id": "20260101-000000-000", "host": "web1", "status": "succeeded"}
        Path(layout.journal(deployed["id"])).write_text(json.dumps(deployed))
        code, text = say(capsys, tmp_path, "rollback")
    assert (code, newest(layout, 1)[0]["host"]) == (0, "web1"), text


def test_a_rollback_that_fails_leaves_what_was_live(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with site(tmp_path, *releases(tmp_path, OLD, NEW)) as fake:
        fake.starts_as = "BACKOFF"
        code, text = say(capsys, tmp_path, "rollback")
        running = set(fake.programs)
    assert (code, live(tmp_path), running) == (11, NEW, {f"mysite-{NEW}-web"})
    assert f"The new release does not work. The program 'mysite-{OLD}-web' is BACKOFF." in text
    assert newest(Layout(str(tmp_path)), 1)[0]["status"] == "failed"


def test_without_an_older_release_there_is_no_way_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with site(tmp_path, *releases(tmp_path, NEW)):
        code, text = say(capsys, tmp_path, "rollback")
    assert (code, text.splitlines()[0]) == (14, "There is no good release before the live one.")


def test_a_rollback_is_refused_while_a_deployment_is_at_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with site(tmp_path, *releases(tmp_path, OLD, NEW)):
        lock = Lock(Layout(str(tmp_path)))
        lock.take({"kind": "deploy", "who": "ann"}, wait=0, tell=print)
        code, text = say(capsys, tmp_path, "rollback", "--lock-wait", "0")
        lock.release()
    assert (code, text.startswith("Another deployment is at work: `deploy` of ann (pid ")) == (75, True)


def test_the_status_of_a_site_that_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with site(tmp_path, *releases(tmp_path, OLD, NEW)):
        code, text = say(capsys, tmp_path, "status")
        found = json.loads(say(capsys, tmp_path, "status", "--json")[1])
    assert (code, text.splitlines()[:4]) == (
        0,
        [f"release   {NEW}", "url       http://localhost:8000/", "healthy   yes", "front     ok"],
    )
    assert text.splitlines()[4].startswith(f"process   mysite-{NEW}-web  RUNNING  pid 4711  up ")
    assert (found["release"]["id"], found["healthy"], found["lock"], found["interrupted"]) == (NEW, True, None, [])


def test_the_status_of_a_site_whose_program_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with site(tmp_path, *releases(tmp_path, OLD, NEW)) as fake:
        fake.programs.clear()
        code, text = say(capsys, tmp_path, "status")
    assert (code, "healthy   NO" in text) == (1, True)


def test_the_status_where_nothing_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = say(capsys, tmp_path / "none", "status")
    assert (code, text.splitlines()[:4]) == (1, ["release   none", "url       -", "healthy   NO", "front     -"])


FOUND = {
    "root": "/srv/mysite",
    "release": {"id": NEW, "commit": "1c1c", "subject": "Welcome", "created": ""},
    "url": "https://example.com/",
    "healthy": False,
    "answers": True,
    "front": "GET / was answered with 502.",
    "processes": [
        {
            "program": "mysite-web",
            "state": "RUNNING",
            "pid": 7,
            "uptime": 61.4,
            "cpu": 1.5,
            "memory": 52_000_000,
            "processes": 3,
            "trouble": "",
        },
        {
            "program": "mysite-mail",
            "state": "FATAL",
            "pid": None,
            "uptime": 0.0,
            "cpu": 0.0,
            "memory": 0,
            "processes": 0,
            "trouble": "",
        },
    ],
    "after_reboot": "starts again",
    "lock": {"kind": "deploy", "who": "ann", "pid": 5, "host": "web1", "since": "10:11"},
    "interrupted": ["20261122-101112-345"],
    "deployments": [
        {"id": "2", "kind": "deploy", "release": NEW, "status": "failed", "error": "The tests fail."},
        {"id": "1", "kind": "deploy", "release": OLD, "status": "succeeded", "error": ""},
    ],
}


def test_a_status_is_a_line_for_each_fact() -> None:
    assert hand.as_text(FOUND).splitlines() == [
        f"release   {NEW} Welcome",
        "url       https://example.com/",
        "healthy   NO",
        "front     GET / was answered with 502.",
        "process   mysite-web  RUNNING  pid 7  up 61 s  cpu 1.5 %  memory 52 MB",
        "process   mysite-mail  FATAL  pid -  up 0 s  cpu 0.0 %  memory 0 MB",
        "reboot    starts again",
        "locked    `deploy` of ann (pid 5 on web1, since 10:11)",
        "broken    deployment 20261122-101112-345 was interrupted",
        f"history   2  deploy  {NEW}  failed  The tests fail.",
        f"history   1  deploy  {OLD}  succeeded",
    ]


def test_unlocking(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert say(capsys, tmp_path, "unlock") == (0, "Nobody holds the lock.\n")
    lock = Lock(Layout(str(tmp_path)))
    lock.take({"kind": "deploy", "who": "ann"}, wait=0, tell=print)
    code, text = say(capsys, tmp_path, "unlock")
    assert (code, text.startswith(f"The lock is held by `deploy` of ann (pid {os.getpid()} on ")) == (0, True)
    with subprocess.Popen(("sleep", "60"), pass_fds=(lock.handle or 0,)) as child:
        content = json.loads((tmp_path / "lock").read_text())
        (tmp_path / "lock").write_text(
            json.dumps({**content, "pid": child.pid, "started": processes.started(child.pid)})
        )
        lock.release()
        code, text = say(capsys, tmp_path, "unlock", "--kill")
        assert (code, text.startswith("Ended `deploy` of ann (pid ")) == (0, True)
        assert child.wait(5) == -signal.SIGTERM


def test_starting_needs_something_to_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = say(capsys, tmp_path, "start")
    assert (code, text) == (14, f"Nothing is live in '{tmp_path}'.\nDeploy first: `manage.py deploy`.\n")
    assert say(capsys, tmp_path, "stop") == (0, "")


def test_what_runs_is_not_started_again_and_the_machines_supervisord_is_only_rid_of_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    control = Control(f"{tmp_path}/run/supervisor.sock", f"{tmp_path}/etc/programs", own=False)
    with site(tmp_path, small_release(NEW, root=str(tmp_path), control=control)) as fake:
        assert say(capsys, tmp_path, "start") == (0, "")
        assert fake.calls == []
        assert say(capsys, tmp_path, "stop") == (0, "")
    [group] = {call[1] for call in fake.calls if len(call) > 1}
    assert fake.calls == [("stop", group), ("remove", group), ("reread",)]
    assert group.endswith(f"-{NEW}-web")


def test_workers_do_not_start_beside_those_of_another_release(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    control = Control(f"{tmp_path}/run/supervisor.sock", f"{tmp_path}/etc/programs", own=False)
    other = f"mysite-{OLD}-beat"
    made = small_release(NEW, root=str(tmp_path), control=control)
    made = replace(made, programs=(*made.programs, Program("beat", f"mysite-{NEW}-beat", False, 1.0, alone=True)))
    with site(tmp_path, made) as fake:
        del fake.programs[f"mysite-{NEW}-beat"]
        fake.programs[other] = {**next(iter(fake.programs.values())), "group": other, "name": other}
        told = f"Workers are left as they are: {other} run. `manage.py deploy_start` clears them.\n"
        assert say(capsys, tmp_path, "start") == (0, told)
        assert fake.calls == []


def test_a_supervisord_that_does_not_start_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    control = Control(f"{tmp_path}/none.sock", f"{tmp_path}/etc/programs", own=True, start=("false",))
    with site(tmp_path, small_release(NEW, root=str(tmp_path), control=control)):
        assert say(capsys, tmp_path, "start") == (1, "supervisord does not start.\n")


def test_a_root_that_is_not_there_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = say(capsys, tmp_path / "none", "rollback")
    assert (code, text) == (4, f"'rollback' failed: No such file or directory '{tmp_path}/none/lock'.\n")


def test_the_script_needs_neither_django_nor_an_installation(tmp_path: Path) -> None:
    package = str(Path(hand.__file__).parents[1])
    words = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); from core.__main__ import main; main(sys.argv[1:])",
        package,
    )
    more = ("--root", str(tmp_path), "unlock")
    done = subprocess.run((sys.executable, "-I", "-S", "-c", *words, *more), capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("Nobody holds the lock.\n", "")


def test_a_program_of_a_worker_is_rolled_back_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    programs = (Program("web", f"mysite-{OLD}-web", True, 1.0), Program("mail", f"mysite-{OLD}-mail", False, 1.0))
    old = small_release(OLD, root=str(tmp_path), programs=programs)
    with site(tmp_path, old, small_release(NEW, root=str(tmp_path))) as fake:
        assert say(capsys, tmp_path, "rollback")[0] == 0
        assert sorted(fake.programs) == [f"mysite-{OLD}-mail", f"mysite-{OLD}-web"]


def test_unlocking_speaks_json_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(say(capsys, tmp_path, "unlock", "--json")[1]) == {"holder": None, "killed": False}
