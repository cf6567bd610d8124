"""A shell that sources env.sh has what the processes of the release have, whatever shell it is."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import django_selfdeploy
from django_selfdeploy.backends.rendering import render
from django_selfdeploy.core.layout import Layout
from django_selfdeploy.exports import exports
from django_selfdeploy.project.env_text import text_of
from tests.project.test_env_text import LISTED

VALUES = {
    "ODD": "'\"\\$HOME `id` $(id) !! #%;& \u00e9 ~ *\\",
    "QUOTES": "'''",
    "EQUALS": "=ls",
    "EMPTY": "",
    "KEY": "canary",
}
SHOW = "import json, os; print(json.dumps(dict(os.environ)))"
SHELLS = [name for name in ("sh", "dash", "bash", "zsh", "ksh", "busybox") if shutil.which(name)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a live release, whose interpreter is this one."""
    folder, shared = tmp_path / "releases/one", tmp_path / "shared"
    for each in (folder / "env/bin", folder / "etc", folder / "source", shared, tmp_path / "bin"):
        each.mkdir(parents=True)
    (tmp_path / "current").symlink_to("releases/one")
    python = folder / "env/bin/python"
    above = Path(django_selfdeploy.__file__).parents[1]
    start = f"import sys; sys.path.insert(0, {str(above)!r}); from django_selfdeploy import exports as e; "
    script = f"{start}sys.stdout.buffer.write(e.exports(sys.argv[1]))"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{script}" "$6"\n')
    python.chmod(0o755)
    places = {"PROJECT": folder / "source", "VARIABLES": folder / "source/.env", "SHARED": shared}
    constants = {f"SELFDEPLOY_{name}": str(path) for name, path in places.items()}
    constants |= {"PATH": f"{folder}/env/bin:/usr/bin:/bin", "DJANGO_SETTINGS_MODULE": "mysite.live"}
    (folder / "etc/environment.json").write_text(json.dumps(constants))
    (folder / "source/.env").write_text(text_of(VALUES))
    (tmp_path / "bin/env.sh").write_text(render("bin/env.sh", {"layout": Layout(str(tmp_path))}))
    return tmp_path


def sourced(root: Path, shell: str, line: str) -> subprocess.CompletedProcess[str]:
    words = (shell, "sh") if shell == "busybox" else (shell,)
    clean = {"PATH": "/usr/bin:/bin", "ODD": "of the shell itself"}
    return subprocess.run(
        (*words, "-c", f"set -eu; . {root}/bin/env.sh; {line}"), capture_output=True, text=True, env=clean
    )


@pytest.mark.parametrize("shell", SHELLS)
def test_every_value_is_the_same_in_every_shell(root: Path, shell: str) -> None:
    done = sourced(root, shell, f"{sys.executable} -c '{SHOW}'")
    assert done.stderr == ""
    seen = json.loads(done.stdout)
    wanted = {**VALUES, "DJANGO_SETTINGS_MODULE": "mysite.live", "PYTHONPATH": f"{root}/releases/one/source"}
    assert {name: seen[name] for name in wanted} == wanted
    assert not [name for name in seen if name.startswith("selfdeploy_")]


@pytest.mark.parametrize("shell", SHELLS)
def test_who_may_not_read_the_values_is_told(root: Path, shell: str) -> None:
    path = root / "releases/one/source/.env"
    path.unlink()
    path.mkdir()  # root may read every file, so one that cannot be read is made of a folder
    done = sourced(root, shell, "echo never")
    assert (done.returncode != 0, done.stdout) == (True, "")
    assert done.stderr.splitlines()[:2] == [
        f"'{path}' cannot be read: Is a directory. It is for the user who deployed, and for root.",
        f"The environment of {root} cannot be taken over.",
    ]


def test_the_script_itself_holds_no_value(root: Path) -> None:
    assert "canary" not in (root / "bin/env.sh").read_text()


def test_each_line_stands_for_itself(root: Path) -> None:
    kept = dict(os.environ)
    try:
        lines = exports(f"{root}/current").splitlines()
    finally:
        os.environ.clear()
        os.environ.update(kept)
    assert b"export QUOTES='" + rb"'\''" * 3 + b"'" in lines
    assert all(line.startswith(b"export ") for line in lines)


def test_values_reach_a_process_as_they_are(tmp_path: Path) -> None:
    """From the file by the launcher into the environment of a command, whatever the locale."""
    values = {f"V{number}": value for number, value in enumerate(LISTED)}
    project, etc = tmp_path / "source", tmp_path / "etc"
    project.mkdir()
    etc.mkdir()
    (project / ".env").write_text(text_of(values), encoding="utf-8")
    places = {"PROJECT": project, "VARIABLES": project / ".env", "SHARED": tmp_path}
    (etc / "environment.json").write_text(json.dumps({f"SELFDEPLOY_{k}": str(v) for k, v in places.items()}))
    show = "import os, json; print(json.dumps({k.decode(): v.hex() for k, v in os.environb.items()}))"
    words = (sys.executable, "-m", "django_selfdeploy.launch", str(tmp_path), sys.executable, "-c", show)
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    for locale in ({}, {"LC_ALL": "C"}, ascii_only):
        place = {"PYTHONPATH": str(Path(django_selfdeploy.__file__).parents[1]), **locale}
        done = subprocess.run(words, capture_output=True, text=True, check=True, env=place)
        seen = json.loads(done.stdout)
        assert {name: bytes.fromhex(seen[name]).decode() for name in values} == values
