"""What deploys in these tests: a virtualenv with the wheel of this repository, as a user would have it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import uv

REPOSITORY = Path(__file__).parents[2]
PACKAGED = ("django_selfdeploy", "pyproject.toml", "setup.cfg", "MANIFEST.in", "README.md", "LICENSE")
FOREIGN = ("DJANGO_", "SELFDEPLOY_", "TESTPROJECT_", "PYTEST_", "VIRTUAL_ENV", "PYTHON", "SECRET_KEY", "GIT_")
"""Beginnings of variables of our own that a user's shell would not have."""


@dataclass(frozen=True)
class Controller:
    """`folder` holds the virtualenv `env` and the wheel it was made from; environments refer to that wheel."""

    folder: Path

    @property
    def python(self) -> str:
        return str(self.folder / "env/bin/python")

    def install(self, *packages: str) -> None:
        """Into the virtualenv that all tests share."""
        run(uv.find_uv_bin(), "pip", "install", "--quiet", "--python", self.python, *packages)


def make_controller(folder: Path, wheel: Path, *, python: str = sys.executable) -> Controller:
    """Install the wheel, and what it and the test site require, into a new virtualenv."""
    env = folder / "env"
    run(uv.find_uv_bin(), "venv", "--quiet", "--python", python, str(env))
    install = (uv.find_uv_bin(), "pip", "install", "--quiet", "--compile-bytecode")
    run(*install, "--python", str(env / "bin/python"), str(wheel), *required())
    return Controller(folder)


def required() -> list[str]:
    """What the test site requires, but huey, which it does without: each process takes a tenth of a second to load it."""
    text = (REPOSITORY / "testproject/requirements.txt").read_text()
    return [line for line in text.splitlines() if line != "huey"]


def build_wheel(folder: Path) -> Path:
    """The wheel, built from a copy: the repository may hold a stale build/, and gets no new one."""
    with tempfile.TemporaryDirectory() as copy:
        for name in PACKAGED:
            path = REPOSITORY / name
            if path.is_dir():
                shutil.copytree(path, Path(copy, name), ignore=shutil.ignore_patterns("__pycache__"))
            elif path.exists():
                shutil.copy(path, copy)
        run(uv.find_uv_bin(), "build", "--quiet", "--wheel", "--out-dir", str(folder), copy)
    [wheel] = folder.glob("*.whl")
    return wheel


def short_folder() -> Path:
    """A folder that others may look into, with a path short enough for sockets below it (107 bytes)."""
    folder = Path(tempfile.mkdtemp(prefix="sd", dir="/tmp"))
    folder.chmod(0o755)
    return folder


def surroundings() -> dict[str, str]:
    """The environment of a user's shell: this process's own without what the tests themselves need."""
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}


def run(*words: str, cwd: Path | None = None) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(words, cwd=cwd, env=surroundings(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout
