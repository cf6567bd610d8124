"""A command that runs with --json: what it tells, line by line, and its end."""

from __future__ import annotations

import json
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

from . import processes
from .waiting import PATIENCE, until

Event = dict[str, Any]


class Running:
    """A controller at work. Not frozen: it is a running thing."""

    def __init__(self, words: tuple[str, ...], **place: Any) -> None:
        self._errors = tempfile.TemporaryFile(mode="w+")
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=self._errors, text=True, **place)
        self._told = ""
        self.heard: list[Event] = []

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def runner(self) -> int:
        """The pid of the runner that it has started."""
        [pid] = [p for p in processes.children(self.pid) if " serve " in processes.command_line(p)]
        return pid

    def until(self, wanted: Callable[[Event], bool], *, what: str) -> Event:
        """Read on to the first event that is wanted. Fails when the command ends without it."""
        for event in self._events():
            if wanted(event):
                return event
        raise AssertionError(f"{what} never came. {self.story()}")

    def until_step(self, name: str, *, action: int = 0) -> Event:
        """Read on to the beginning of a step, or of its `action` (from 1)."""
        started = self.until(lambda e: e["event"] == "step_started" and e["name"] == name, what=f"the step {name!r}")
        for number in range(action):
            self.until(
                lambda e: e["event"] == "doing" and e["number"] == started["number"],
                what=f"action {number + 1} of {name!r}",
            )
        return started

    def _events(self) -> Iterator[Event]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.endswith("\n"):
                return  # a controller that was killed while it wrote
            event = {"event": "", **json.loads(line)}
            self.heard.append(event)
            yield event

    def kill(self) -> None:
        """SIGKILL to the controller."""
        processes.kill(self.pid)
        self._process.wait(PATIENCE)

    def kill_runner(self) -> None:
        """SIGKILL to the runner alone."""
        pid = self.runner
        processes.kill(pid)
        until(lambda: not processes.is_alive(pid), what="the runner ends")

    def interrupt(self) -> None:
        """Ctrl-C, as a terminal sends it."""
        self._process.send_signal(signal.SIGINT)

    def end(self) -> int:
        """Read what is left, and return the exit code."""
        for _ in self._events():
            pass
        return self._wait()

    def _wait(self) -> int:
        assert self._process.stdout is not None
        code = self._process.wait(PATIENCE)
        self._process.stdout.close()
        self._told = self._errors_so_far()
        self._errors.close()
        return code

    @property
    def error(self) -> dict[str, Any]:
        """The error that the command ended with, as --json prints it."""
        return next((event["error"] for event in reversed(self.heard) if "error" in event), {})

    def story(self) -> str:
        """What happened, for the message of a failing test."""
        lines = [json.dumps(event) for event in self.heard if event["event"] != "output"]
        return "\n".join([f"exit {self._process.poll()}", *lines, self._told or self._errors_so_far()])

    def _errors_so_far(self) -> str:
        if self._errors.closed:
            return ""
        self._errors.seek(0)
        return self._errors.read()
