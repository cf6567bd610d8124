"""The front server: taken up, proven, rotated, stopped."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from typing import IO

from .. import atomic, http
from ..codec import record
from ..release import Front
from ..supervisor import Supervisor
from .base import Action, ActionFailed, World
from .files import size
from .processes import last_lines
from .programs import PATIENCE, StopPrograms, add_anew, reread
from .web import POLL, end_of

FRONT_ANSWER = "X-Selfdeploy-Front"
"""Response header of the front server's own host: the hash of the configuration that it has loaded."""


@record
@dataclass(frozen=True)
class ServeFront(Action):
    """See that the front server runs with the configuration whose hash is `front.marker`; prove it by asking.

    `conf` and `link` are the program of our own front for supervisord. The machine's front gets its links, its
    own check, and a reload; files that it refuses are taken out again.
    """

    front: Front
    control: str
    link: str = ""
    conf: str = ""

    def describe(self) -> str:
        return f"see that the front server at {self.front.address} has configuration {self.front.marker}"

    def do(self, world: World) -> None:
        if self._loaded() == self.front.marker:
            return
        if self.front.own:
            self._own()
        elif self.front.helper:
            self._by_helper()
        else:
            self._machines()
        self._await()

    def _own(self) -> None:
        supervisor = Supervisor(self.control)
        alive = [p for p in supervisor.groups((self.front.group,)) if p.state == "RUNNING"]
        if alive:
            supervisor.signal(self.front.group, "HUP")
            return
        atomic.link(self.link, self.conf)
        reread(supervisor)
        add_anew(supervisor, self.front.group)

    def _by_helper(self) -> None:
        """The program puts back itself what nginx refuses."""
        with open(self.front.site, "rb") as file:
            refused = _command((*self.front.helper, "install"), given=file)
        if refused is not None:
            raise ActionFailed(refused)

    def _machines(self) -> None:
        for path, _ in self.front.links:
            if os.path.lexists(path) and not os.path.islink(path):
                raise ActionFailed(f"{path!r} is there and is not ours.")
        before = [(path, os.readlink(path) if os.path.islink(path) else None) for path, _ in self.front.links]
        for path, to in self.front.links:
            atomic.link(path, to)
        checked = _command(self.front.check)
        if checked is None:
            checked = _command(self.front.reload)
        if checked is not None:
            for path, to_before in before:
                if to_before is None:
                    os.unlink(path)
                else:
                    atomic.link(path, to_before)
            raise ActionFailed(checked)

    def _await(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while self._loaded() != self.front.marker:
            if time.monotonic() > deadline:
                trouble = last_lines(end_of(self.front.log))
                raise ActionFailed(f"The front server does not take up its configuration.{trouble}")
            time.sleep(POLL / 5)

    def _loaded(self) -> str:
        return loaded_configuration(self.front)


def loaded_configuration(front: Front) -> str:
    """The hash of the configuration that the front server works with; "" when it does not answer."""
    try:
        answer = http.get(front.address, "/", {"Host": front.marker_host}, timeout=5)
    except http.NoAnswer:
        return ""
    return answer.headers.get(FRONT_ANSWER.lower(), "")


def _command(argv: tuple[str, ...], *, given: IO[bytes] | int = subprocess.DEVNULL) -> str | None:
    """None when the command succeeds, else what it said."""
    if not argv:
        return None
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, stdin=given)
    if done.returncode == 0:
        return None
    return f"`{' '.join(argv)}` ended with status {done.returncode}.{last_lines(done.stdout + done.stderr)}"


@record
@dataclass(frozen=True)
class RotateLogs(Action):
    """Give our own front server new log files where the old ones have `most` bytes; `keep` old ones stay.

    supervisord rotates the logs of the other programs itself.
    """

    front: Front
    control: str
    logs: tuple[str, ...]
    most: int = 50_000_000
    keep: int = 5

    def describe(self) -> str:
        return f"rotate {', '.join(self.logs)} from {size(self.most)} on"

    def do(self, world: World) -> None:
        large = [log for log in self.logs if os.path.exists(log) and os.path.getsize(log) >= self.most]
        for log in large:
            for number in range(self.keep - 1, 0, -1):
                if os.path.exists(f"{log}.{number}"):
                    os.rename(f"{log}.{number}", f"{log}.{number + 1}")
            os.rename(log, f"{log}.1")
        if large:
            Supervisor(self.control).signal(self.front.group, "USR1")


@record
@dataclass(frozen=True)
class StopFront(Action):
    """Stop our own front server, or take our files out of the machine's."""

    front: Front
    control: str
    link: str

    def describe(self) -> str:
        return f"stop the front server at {self.front.address}"

    def do(self, world: World) -> None:
        if self.front.own:
            StopPrograms(self.control, (self.link,), (self.front.group,), PATIENCE).do(world)
            return
        if self.front.helper:
            _command((*self.front.helper, "remove"))
            return
        for path, _ in self.front.links:
            if os.path.islink(path):
                os.unlink(path)
        _command(self.front.reload)
