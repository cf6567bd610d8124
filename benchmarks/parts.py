"""What a deployment cannot do without, each measured alone: a lower bound to compare with.

No deployer takes part in it: plain manage.py, gunicorn and uv, in the same project and the same kind of virtualenv.
"""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.site import Controller, Site, run, surroundings

COMMANDS = {
    "noop": "pass",
    "django_work": """\
call_command("check", deploy=True, fail_level="CRITICAL")
        call_command("migrate", interactive=False, skip_checks=True, verbosity=0)
        call_command("collectstatic", interactive=False, skip_checks=True, verbosity=0)""",
}
"""Bodies of the commands that are added to the project: one does nothing, one all of Django's part."""

COMMAND = """\
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    requires_system_checks = []

    def handle(self, *args, **options):
        {body}
"""

START_LIMIT = 60.0
"""Seconds that gunicorn may take to answer."""


def add_commands(project: Path) -> None:
    """Put the two commands into the project; they are part of every release, so nothing differs."""
    for name, body in COMMANDS.items():
        (project / f"pages/management/commands/{name}.py").write_text(COMMAND.format(body=body))


def add_wheel(folder: Path, version: int) -> str:
    """Make a wheel that holds one line of code; the requirement that installs it (PEP 427, PEP 508)."""
    path = folder / f"selfdeploy_trial-{version}-py3-none-any.whl"
    about = f"selfdeploy_trial-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("selfdeploy_trial.py", f"VERSION = {version}\n")
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: selfdeploy-trial\nVersion: {version}\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    return f"selfdeploy-trial @ {path.as_uri()}"


class Parts:
    """The parts, done by hand in `folder` for the project of `site`; each method returns its seconds.

    Not frozen: `copy` makes the tree that the next ones work in, with the database and the collected static files
    of the tree before unless `start_anew` was called. `python` is that of the tree's virtualenv.
    """

    def __init__(self, site: Site, folder: Path, controller: Controller) -> None:
        self.python = controller.python
        self._site, self._folder, self._controller = site, folder, controller
        self._trees, self._states, self._envs = 0, 0, 0
        folder.mkdir()
        self.start_anew()

    @property
    def tree(self) -> Path:
        return self._folder / f"tree{self._trees}"

    def start_anew(self) -> None:
        """Let the next tree have an empty database and no static files."""
        self._states += 1
        (self._state / "static").mkdir(parents=True)

    @property
    def _state(self) -> Path:
        return self._folder / f"state{self._states}"

    def copy(self) -> float:
        """A new copy of the source, with nothing compiled in it."""
        self._trees += 1
        ignored = shutil.ignore_patterns(".git", "__pycache__")
        seconds = _timed(lambda: shutil.copytree(self._site.project, self.tree, ignore=ignored))
        (self.tree / "staticfiles").symlink_to(self._state / "static")
        return seconds

    def noop(self) -> float:
        """manage.py that does nothing, where the deployer is started."""
        python = self._controller.python
        return _timed(lambda: run(python, "manage.py", "noop", cwd=self._site.project))

    def django(self) -> float:
        """One process that checks, migrates and collects the static files of the tree."""
        return _timed(lambda: run(self.python, "manage.py", "django_work", cwd=self.tree, more=self._variables))

    def tests(self) -> float:
        """The project's tests."""
        words = (self.python, "manage.py", "test", "--noinput")
        return _timed(lambda: run(*words, cwd=self.tree, more=self._variables))

    def gunicorn(self) -> float:
        """gunicorn from its start to its first good answer, on a unix socket."""
        path = self._folder / "app.sock"
        words = ("--bind", f"unix:{path}", "--workers", "2", "--threads", "4", "--worker-class", "gthread")
        began = time.monotonic()
        server = subprocess.Popen(
            (self.python, "-m", "gunicorn", *words, "--no-control-socket", "website.wsgi:application"),
            cwd=self.tree,
            env={**surroundings(), **self._variables},
            stderr=subprocess.DEVNULL,
        )
        try:
            while not _answers(path):
                if time.monotonic() - began > START_LIMIT or server.poll() is not None:
                    raise RuntimeError("gunicorn does not answer.")
                time.sleep(0.005)
            return time.monotonic() - began
        finally:
            server.terminate()
            server.wait(START_LIMIT)

    def install(self) -> float:
        """A virtualenv with what project and deployer require, from uv's cache; it becomes that of the trees."""
        self._envs += 1
        env, own = self._folder / f"env{self._envs}", self._folder / "own.txt"
        [wheel] = self._controller.folder.glob("*.whl")
        own.write_text(f"django-selfdeploy @ {wheel.as_uri()}\n")
        listed = ("--requirement", str(self._site.project / "requirements.txt"), "--requirement", str(own))
        self.python = f"{env}/bin/python"
        program = str(self._controller.folder / "env/bin/uv")
        began = time.monotonic()
        run(program, "venv", "--quiet", "--python", self._controller.python, str(env))
        run(program, "pip", "install", "--quiet", "--python", self.python, *listed)
        return time.monotonic() - began

    @property
    def _variables(self) -> dict[str, str]:
        return {"DATABASE_URL": f"sqlite:///{self._state}/db.sqlite3"}


def _timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=START_LIMIT)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def _answers(path: Path) -> bool:
    connection = _Connection(path)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
