"""A copy of the test site with a root and a port of its own, and what a test asks of it."""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from . import processes
from .controller import REPOSITORY, Controller, required, run, short_folder, surroundings
from .running import Running
from .standing import Answer, Standing

TIME_LIMIT = 240.0
"""Seconds for one command, a first deployment included."""

QUICK = {
    "BIND": "127.0.0.1",
    "START_AT_BOOT": False,
    "WATCH": 0.4,
    "TESTS": False,
    "SMOKE": {"SKIP": ["/slow/"]},
    "FIND_PROCESSES": False,
}


class Site(Standing):
    """One site under test. It changes as its test goes on, so it is not frozen.

    `target` holds keys of SELFDEPLOY[alias], and `others` those of further targets by alias; `user` is the account that deploys, "" for that of the tests.
    """

    def __init__(self, controller: Controller, *, user: str = "", alias: str = "default", **target: Any) -> None:
        self.controller, self.user, self.alias = controller, user, alias
        self.group: str | int = user
        self.folder = short_folder()
        self.project, self.root = self.folder / "project", self.folder / "root"
        self.port = free_port()
        self.target = {"ROOT": str(self.root), "PORT": self.port, **QUICK, **target}
        self.others: dict[str, dict[str, Any]] = {}
        self.variables = surroundings()

    # the project

    def lay_down(self, source: Path = REPOSITORY / "testproject", *, env: Mapping[str, str] | None = None) -> None:
        """Copy the test site, write its .env, and make it a git repository with one commit."""
        shutil.copytree(source, self.project, ignore=shutil.ignore_patterns("__pycache__", "*.sqlite3", ".env"))
        self.write("requirements.txt", "".join(f"{line}\n" for line in required()))
        self.write_env({"SECRET_KEY": "a-key-that-only-tests-would-ever-have", **(env or {})})
        self.git("init", "--quiet", "--initial-branch=main")
        (self.project / ".git/info/exclude").write_text("__pycache__/\n")
        self.commit("Open the house")

    def write_env(self, variables: Mapping[str, str]) -> None:
        path = self.project / ".env"
        path.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
        path.chmod(0o600)

    def write(self, path: str, text: str) -> None:
        """Write one file of the project."""
        whole = self.project / path
        whole.parent.mkdir(parents=True, exist_ok=True)
        whole.write_text(text)

    def append(self, path: str, text: str) -> None:
        self.write(path, (self.project / path).read_text() + text)

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def change(self, message: str = "Change a line") -> None:
        """The smallest change that makes another release, different from all before."""
        self.append("pages/templates/pages/about.html", f"\n{{# {message}, {os.urandom(8).hex()} #}}\n")
        self.commit(message)

    def undo_commit(self) -> None:
        self.git("reset", "--quiet", "--hard", "HEAD~1")

    def git(self, *words: str) -> str:
        options = ("user.name=Ann", "user.email=ann@example.com", "commit.gpgsign=false", "safe.directory=*")
        return run("git", *(word for option in options for word in ("-c", option)), *words, cwd=self.project)

    # commands

    @property
    def environment(self) -> dict[str, str]:
        return {**self.variables, "TESTPROJECT_SELFDEPLOY": json.dumps({**self.others, self.alias: self.target})}

    def deploy(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.manage("deploy", *words, check=check)

    def manage(self, *words: str, check: bool = True, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run manage.py here, with `given` as standard input, and with `check` expect that it succeeds."""
        return self.call(self.controller.python, "manage.py", *words, check=check, given=given)

    def by_hand(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the script that a deployment leaves on the host."""
        return self.call(str(self.root / "bin/selfdeploy"), *words, check=check)

    def call(self, *words: str, check: bool, given: str = "") -> subprocess.CompletedProcess[str]:
        place = self._place | {"input": given} if given else self._place
        if given:
            del place["stdin"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=TIME_LIMIT, **place)
        if check:
            assert done.returncode == 0, f"{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done

    def begin(self, *words: str) -> Running:
        """Start manage.py with --json, and go on while it runs."""
        return Running((self.controller.python, "manage.py", *words, "--json"), **self._place)

    @property
    def _place(self) -> dict[str, Any]:
        place: dict[str, Any] = {"cwd": self.project, "env": self.environment, "stdin": subprocess.DEVNULL}
        return {**place, "user": self.user, "group": self.group, "extra_groups": []} if self.user else place

    # what visitors get

    def get(self, path: str, *, host: str = "localhost", headers: Mapping[str, str] | None = None) -> Answer:
        return self.ask("GET", path, headers={"Host": host, **(headers or {})})

    def ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """One request on a new connection. Raises OSError or HTTPException where there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body=body, headers={"Host": "localhost", **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    # the root

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.manage("deploy_status", "--json", check=False).stdout))

    @cached_property
    def name(self) -> str:
        return str(self.target.get("NAME", "website" if self.alias == "default" else f"website-{self.alias}"))

    # the end

    def close(self) -> None:
        """End every process by its id, and remove everything."""
        processes.end_all(self.folder)
        shutil.rmtree(self.folder)


def free_port() -> int:
    """A port that nobody listens on, below those that the kernel gives to clients."""
    for port in _ports:
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                trial.bind(("127.0.0.1", port))
                return port
    raise AssertionError("No port is free.")


def _own_ports() -> Iterator[int]:
    """Ports of this worker alone, each of them once: a site that is to be deployed does not listen yet."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 20000 + worker % 8 * 1500
    yield from random.sample(range(first, first + 1500), 1500)


_ports = _own_ports()
