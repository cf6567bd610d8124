"""Commands are words, know only what they need, and end with all that they started."""

import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from django_selfdeploy.core import children, processes
from django_selfdeploy.core.actions.base import ActionFailed
from django_selfdeploy.core.actions.processes import Run, Say, ended, last_lines, name_of
from django_selfdeploy.core.children import INHERITED, MARK, surroundings
from django_selfdeploy.core.errors import Cancelled
from django_selfdeploy.hosts.memory import DEPLOYMENT, MemoryWorld


def run(*argv: str, world: MemoryWorld | None = None, **more: object) -> MemoryWorld:
    world = world or MemoryWorld()
    Run(argv, **more).do(world)  # type: ignore[arg-type]
    return world


def failed(*argv: str, **more: object) -> str:
    with pytest.raises(ActionFailed) as caught:
        run(*argv, **more)  # type: ignore[arg-type]
    return str(caught.value)


def test_the_output_of_both_streams_is_told_in_order() -> None:
    world = run("sh", "-c", "echo one; echo two >&2; printf three")
    assert "".join(world.told) == "one\ntwo\nthree"


def test_a_quiet_command_is_not_heard_but_its_failure_tells() -> None:
    assert run("echo", "one", quiet=True).told == []
    assert failed("sh", "-c", "echo why; exit 3", quiet=True) == (
        "`sh -c 'echo why; exit 3'` ended with status 3.\n    why"
    )


def test_only_the_statuses_that_are_allowed_are_success() -> None:
    run("sh", "-c", "exit 5", allowed=(0, 5))
    assert failed("sh", "-c", "exit 5", allowed=(0, 4)) == "`sh -c 'exit 5'` ended with status 5."


def test_a_command_that_a_signal_ended_says_which() -> None:
    assert failed("sh", "-c", "kill -9 $$") == "`sh -c 'kill -9 $$'` was ended by signal 9."


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (("/nowhere/python", "-m", "pip"), "'/nowhere/python' cannot be run: No such file or directory."),
        (("/etc/passwd",), "'/etc/passwd' cannot be run: Permission denied."),
        (("/etc/passwd/x",), "'/etc/passwd/x' cannot be run: Not a directory."),
    ],
)
def test_a_program_that_cannot_be_run_is_named(argv: tuple[str, ...], why: str) -> None:
    assert failed(*argv) == why


def test_what_is_there_already_is_not_made_again(tmp_path: Path) -> None:
    (tmp_path / "done").write_text("")
    run("false", unless=f"{tmp_path}/done")


def test_words_reach_the_program_as_they_are(tmp_path: Path) -> None:
    words = ("a b", "$HOME", "*", "'\"", "", "-x", "\\n")
    world = run(sys.executable, "-c", "import sys; print(sys.argv[1:])", *words, cwd=str(tmp_path))
    assert "".join(world.told) == f"{list(words)}\n"


def test_a_command_knows_what_it_needs_and_nothing_of_the_controllers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "the.controllers")
    monkeypatch.setenv("SECRET_KEY", "the-controllers")
    monkeypatch.setenv("LANG", "de_AT.UTF-8")
    world = run("env", environment=(("DJANGO_DEBUG", "0"),))
    found = dict(line.split("=", 1) for line in "".join(world.told).splitlines())
    assert set(found) <= {*INHERITED, MARK, "DJANGO_DEBUG"}
    assert (found[MARK], found["DJANGO_DEBUG"], found["LANG"]) == (DEPLOYMENT, "0", "de_AT.UTF-8")


def test_a_path_there_always_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PATH")
    assert surroundings(MemoryWorld(), {"A": "1"})["PATH"] == os.defpath


def test_a_command_reads_nothing() -> None:
    assert "".join(run("cat").told) == ""


def test_a_command_holds_the_lock_as_long_as_it_lives(tmp_path: Path) -> None:
    with open(tmp_path / "lock", "w") as lock:
        world = MemoryWorld(lock_handle=lock.fileno())
        run(sys.executable, "-c", f"import os; print(os.readlink('/proc/self/fd/{lock.fileno()}'))", world=world)
    assert "".join(world.told) == f"{tmp_path}/lock\n"


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while processes.started(pid) is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    return processes.started(pid) is None


FAMILY = "sleep 60 & echo $! > pid; wait"


def test_a_command_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    assert failed("sh", "-c", FAMILY, cwd=str(tmp_path), timeout=0.2) == "'sh' took too long and was ended."
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_command_that_is_called_off_is_ended_with_its_children(tmp_path: Path) -> None:
    class Later(MemoryWorld):
        def cancelled(self) -> bool:
            return (tmp_path / "pid").exists() and (tmp_path / "pid").stat().st_size > 1

    with pytest.raises(Cancelled, match=r"^The deployment was called off\.$"):
        run("sh", "-c", FAMILY, cwd=str(tmp_path), world=Later())
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_command_that_does_not_hear_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "GRACE", 0.1)
    deaf = "trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done"
    failed("sh", "-c", deaf, cwd=str(tmp_path), timeout=0.2)
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_command_whose_child_lives_on_is_not_waited_for(tmp_path: Path) -> None:
    began = time.monotonic()
    run("sh", "-c", "sleep 60 & echo $! > pid", cwd=str(tmp_path))
    assert time.monotonic() - began < 5
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_of_a_long_output_head_and_tail_are_kept() -> None:
    status, kept = children.run(
        MemoryWorld(),
        (sys.executable, "-c", "print('x' * 10_000 + 'y' * 20_000)"),
        cwd="/",
        environment={},
        timeout=30,
        quiet=True,
    )
    assert (status, kept[:4], kept[-2:]) == (0, "xxxx", "y\n")
    assert re.search(r"\n\[\.\.\. 14001 characters left out \.\.\.\]\n", kept)


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert "".join(run("printf", r"a\377b\n").told) == "a�b\n"


@pytest.mark.parametrize(
    ("output", "expected"),
    [("", ""), ("\n \n", ""), ("a\n\nb\n", "\n    a\n    b"), ("\n".join("abcdefgh"), "\n    g\n    h")],
)
def test_the_last_lines_follow_a_sentence(output: str, expected: str) -> None:
    assert last_lines(output, 2) == expected


def test_a_command_is_named_by_its_program_and_words() -> None:
    assert name_of(("/srv/env/bin/python", "-m", "x y")) == "`python -m 'x y'`"
    assert name_of(("pip", "x" * 200)) == f"`pip {'x' * 93}...`"
    assert (ended(2), ended(-15)) == ("ended with status 2", "was ended by signal 15")
    assert Run(("/bin/a", "b c")).describe() == "/bin/a 'b c'"


def test_what_cannot_be_done_is_said() -> None:
    world = MemoryWorld()
    Say("The database is not taken back.").do(world)
    assert world.warnings == ["The database is not taken back."]
    assert Say("It stays.").describe() == "say: It stays."
