"""A throw-away site to measure: this repository's wheel in a virtualenv of its own, and a copy of testproject/."""

from __future__ import annotations

import json
import math
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uv

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGED = ("django_selfdeploy", "pyproject.toml", "setup.cfg", "MANIFEST.in", "README.md", "LICENSE")
FOREIGN = ("DJANGO_", "SELFDEPLOY_", "TESTPROJECT_", "PYTHON", "VIRTUAL_ENV", "SECRET_KEY")
"""Beginnings of variables that the shell of a user would not have."""

TIME_LIMIT = 300.0
"""Seconds for one command."""

STOP_LIMIT = 90.0
"""Seconds that a site may take to stop."""

Listener = Callable[["Heard"], None]


@dataclass(frozen=True)
class Heard:
    """A line of `--json`, read at the moment `at` of time.monotonic()."""

    at: float
    fields: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.fields.get("event", ""))


@dataclass(frozen=True)
class Told:
    """A command of the deployer, seen from outside; moments are of time.monotonic()."""

    began: float
    ended: float
    heard: tuple[Heard, ...]

    @property
    def release(self) -> str:
        """The release that went live; "" when none did."""
        return next((str(heard.fields["release"]) for heard in self.heard if heard.name == "live"), "")

    @property
    def live_at(self) -> float:
        """The moment of the switch; NaN when there was none."""
        return next((heard.at for heard in self.heard if heard.name == "live"), math.nan)

    @property
    def live(self) -> float:
        """Seconds from the command to the switch; NaN when there was none."""
        return self.live_at - self.began

    @property
    def seconds(self) -> float:
        """Seconds from the command to its end."""
        return self.ended - self.began

    def end_of(self, step: str) -> float:
        """The moment at which the step ended; that of the command's end where there was no such step."""
        ends = (h.at for h in self.heard if h.name == "step_finished" and h.fields["name"] == step)
        return next(ends, self.ended)


@dataclass(frozen=True)
class Controller:
    """What deploys: `python` of a virtualenv in `folder`, which others may look into."""

    folder: Path

    @property
    def python(self) -> str:
        return str(self.folder / "env/bin/python")


@contextmanager
def controller() -> Iterator[Controller]:
    """A virtualenv with the wheel, as a user would have it; removed in the end."""
    with short_folder() as folder:
        wheel = build_wheel(folder)
        env = folder / "env"
        run(uv.find_uv_bin(), "venv", "--quiet", str(env))
        install = (uv.find_uv_bin(), "pip", "install", "--quiet", "--python", f"{env}/bin/python")
        run(*install, str(wheel), "--requirement", str(REPOSITORY / "testproject/requirements.txt"))
        yield Controller(folder)


def build_wheel(folder: Path) -> Path:
    """The wheel, built from a copy: the repository may hold a stale build/, and gets no new one."""
    with tempfile.TemporaryDirectory() as copy:
        for path in (REPOSITORY / name for name in PACKAGED):
            if path.is_dir():
                shutil.copytree(path, Path(copy, path.name), ignore=shutil.ignore_patterns("__pycache__"))
            elif path.exists():
                shutil.copy(path, copy)
        run(uv.find_uv_bin(), "build", "--quiet", "--wheel", "--out-dir", str(folder), copy)
    [wheel] = folder.glob("*.whl")
    return wheel


class Site:
    """A copy of the test site in git, with a root and a port of its own; `target` are keys of SELFDEPLOY.

    Not frozen: its project changes. As a context it is laid down at the beginning, and stopped in the end.
    """

    def __init__(self, controller: Controller, folder: Path, **target: Any) -> None:
        self.controller = controller
        self.project, self.root, self.port = folder / "project", folder / "root", free_port()
        about = {"ROOT": str(self.root), "PORT": self.port, "BIND": "127.0.0.1", "START_AT_BOOT": False}
        self.target = {**about, **target}
        self._changes = 0

    def __enter__(self) -> Site:
        ignored = shutil.ignore_patterns("__pycache__", "*.sqlite3", ".env")
        shutil.copytree(REPOSITORY / "testproject", self.project, ignore=ignored)
        (self.project / ".env").write_text("SECRET_KEY=only-for-the-benchmarks-and-nothing-else\n")
        (self.project / ".gitignore").write_text("__pycache__/\n")
        self.git("init", "--quiet")
        self.commit("Open the house")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End what runs, as a user would, and wait for it; harmless where nothing runs."""
        script, control = self.root / "bin/selfdeploy", self.root / "run/supervisor.sock"
        if script.exists():
            subprocess.run((str(script), "stop"), env=surroundings(), capture_output=True, timeout=TIME_LIMIT)
        deadline = time.monotonic() + STOP_LIMIT
        while control.exists():
            if time.monotonic() > deadline:
                raise RuntimeError(f"The supervisord of {self.root} does not end.")
            time.sleep(0.05)

    def change_line(self) -> None:
        """The smallest change that makes another release."""
        self._changes += 1
        with open(self.project / "pages/templates/pages/about.html", "a") as file:
            file.write(f"{{# change {self._changes} #}}\n")
        self.commit(f"Change {self._changes}")

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def git(self, *words: str) -> None:
        author = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")
        run("git", *author, *words, cwd=self.project)

    def tell(self, *words: str, listener: Listener = lambda heard: None) -> Told:
        """Run manage.py with --json; `listener` hears each event at once. Raises RuntimeError when it fails."""
        command = (self.controller.python, "manage.py", *words, "--json")
        settings = json.dumps({"default": self.target})
        variables = {**surroundings(), "TESTPROJECT_SELFDEPLOY": settings}
        began = time.monotonic()
        with tempfile.TemporaryFile("w+") as errors:
            process = subprocess.Popen(
                command, cwd=self.project, env=variables, stdout=subprocess.PIPE, stderr=errors, text=True
            )
            assert process.stdout is not None
            heard = []
            for line in process.stdout:
                heard.append(Heard(time.monotonic(), json.loads(line)))
                listener(heard[-1])
            status, ended = process.wait(TIME_LIMIT), time.monotonic()
            errors.seek(0)
            if status != 0:
                raise RuntimeError(f"{words} ended with {status}: {errors.read()}")
        return Told(began, ended, tuple(heard))


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder that others may look into, its path short enough for sockets below it (107 bytes, unix(7))."""
    with tempfile.TemporaryDirectory(prefix="sd", dir="/tmp", ignore_cleanup_errors=True) as path:
        folder = Path(path)
        folder.chmod(0o755)
        yield folder


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def surroundings() -> dict[str, str]:
    """This process's environment as a user's shell would have it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}


def run(*words: str, cwd: Path | None = None, more: dict[str, str] | None = None) -> str:
    """The output of a command, `more` in its environment. Raises RuntimeError when it fails."""
    done = subprocess.run(
        words, cwd=cwd, env={**surroundings(), **(more or {})}, capture_output=True, text=True, timeout=TIME_LIMIT
    )
    if done.returncode != 0:
        raise RuntimeError(f"{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
