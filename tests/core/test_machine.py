"""Facts of the machine itself."""

import os
import re
from pathlib import Path

import pytest

from django_selfdeploy.core import machine


def test_the_interpreter_is_told_by_kind_version_and_platform() -> None:
    assert re.fullmatch(r"cpython-3\.\d+\.\d+[^-]*-linux-\w+", machine.interpreter())
    assert os.access(machine.base_python(), os.X_OK)


def test_a_program_of_the_user_is_found_though_no_path_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    program = tmp_path / ".local/bin/one-of-mine"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    assert machine.find("one-of-mine") == ""
    program.chmod(0o755)
    assert machine.find("one-of-mine") == str(program)


@pytest.mark.parametrize(
    ("user", "owner", "expected"),
    [
        (0, None, "/srv/mysite"),
        (1000, 1000, "/srv/mysite"),
        (1000, 0, "/home/ann/.local/share/selfdeploy/mysite"),
        (1000, None, "/home/ann/.local/share/selfdeploy/mysite"),
    ],
)
def test_the_usual_root_is_in_srv_for_root_and_for_whom_it_was_made(
    user: int, owner: int | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(machine, "_owner", {"/srv/mysite": owner}.get)
    assert machine.root_of("mysite") == expected
