"""Starting and stopping programs under supervisord, and the front server."""

from __future__ import annotations

import os
import subprocess
import time
import xmlrpc.client
from collections.abc import Iterator
from dataclasses import dataclass

from .. import atomic
from ..codec import record
from ..release import Control
from ..supervisor import (
    ALIVE,
    ALREADY_ADDED,
    BAD_NAME,
    CANT_REREAD,
    ENDED,
    NOT_RUNNING,
    Supervisor,
    Unreachable,
)
from .base import Action, ActionFailed, World
from .processes import last_lines
from .web import POLL

PATIENCE = 10.0
"""Seconds that supervisord or the front server may take to start or to take up a configuration."""


@record
@dataclass(frozen=True)
class StartSupervisor(Action):
    """Start the root's own supervisord unless it answers already."""

    control: Control

    def describe(self) -> str:
        return f"see that supervisord answers on {self.control.socket}"

    def do(self, world: World) -> None:
        if answers(self.control.socket):
            return
        if not self.control.own:
            raise ActionFailed(f"The machine's supervisord does not answer on {self.control.socket!r}.")
        start_supervisor(self.control)


@record
@dataclass(frozen=True)
class ForgetOthers(Action):
    """Where no supervisord runs, take out of its include folder what leads to another release below `releases`.

    A deployment that the machine did not survive may have left the workers of its release there.
    """

    control: Control
    releases: str
    keep: str

    def describe(self) -> str:
        return f"see that no release but {self.keep} starts"

    def do(self, world: World) -> None:
        if not answers(self.control.socket):
            unlink(
                tuple(link for link, release in included(self.control.programs, self.releases) if release != self.keep)
            )


def included(programs: str, releases: str) -> Iterator[tuple[str, str]]:
    """The links in an include folder that lead to a release, each with the release's id."""
    names = os.listdir(programs) if os.path.isdir(programs) else []
    for path in (f"{programs}/{name}" for name in names):
        to = os.readlink(path) if os.path.islink(path) else ""
        if to.startswith(f"{releases}/"):
            yield path, to[len(releases) + 1 :].partition("/")[0]


def start_supervisor(control: Control) -> None:
    """Start it as a daemon of its own, with no variable, descriptor or lock of ours. Raises ActionFailed."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "USER", "LANG") if name in os.environ}
    done = subprocess.run(
        control.start, env=kept, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    if done.returncode != 0:
        raise ActionFailed(f"supervisord does not start.{last_lines(done.stdout + done.stderr)}")
    deadline = time.monotonic() + PATIENCE
    while not answers(control.socket):
        if time.monotonic() > deadline:
            raise ActionFailed(f"supervisord does not answer on {control.socket!r}.")
        time.sleep(POLL)


def answers(control: str) -> bool:
    try:
        Supervisor(control, timeout=5).pid()
    except Unreachable:
        return False
    return True


@record
@dataclass(frozen=True)
class StartPrograms(Action):
    """Include the file `conf` of a release under `link` in supervisord, and start its groups.

    One that was told to stop starts when it has ended, for which it has `seconds`.
    """

    control: str
    link: str
    conf: str
    groups: tuple[str, ...]
    seconds: float = PATIENCE

    def describe(self) -> str:
        return f"start {', '.join(self.groups)}"

    def do(self, world: World) -> None:
        supervisor = Supervisor(self.control)
        alive = {p.group for p in supervisor.groups(self.groups) if p.state in ALIVE}
        atomic.link(self.link, self.conf)
        if alive == set(self.groups):
            return
        reread(supervisor)
        for group in self.groups:
            if group not in alive:
                add_anew(supervisor, group, seconds=self.seconds)


def reread(supervisor: Supervisor) -> None:
    """Let supervisord read its files again; what runs goes on. Raises ActionFailed for a file it refuses."""
    try:
        supervisor.reread()
    except xmlrpc.client.Fault as fault:
        if fault.faultCode != CANT_REREAD:
            raise
        raise ActionFailed(f"supervisord refuses a file of its include folder: {fault.faultString}") from fault


def add_anew(supervisor: Supervisor, group: str, *, seconds: float = PATIENCE) -> None:
    """Let supervisord start the group from its file of now, whatever it knew of it. Raises ActionFailed."""
    try:
        supervisor.add(group)
    except xmlrpc.client.Fault as fault:
        if fault.faultCode != ALREADY_ADDED:
            raise ActionFailed(f"supervisord does not take {group!r}: {fault.faultString}") from fault
        stop_groups(supervisor, (group,), seconds=seconds)
        supervisor.add(group)


@record
@dataclass(frozen=True)
class StopPrograms(Action):
    """Stop the groups, take them out of supervisord, and remove `links`; harmless where nothing of it is there.

    `seconds` bounds the wait; supervisord itself sends KILL after each program's stopwaitsecs.
    """

    control: str
    links: tuple[str, ...]
    groups: tuple[str, ...]
    seconds: float

    def describe(self) -> str:
        return f"stop {', '.join(self.groups)}"

    def do(self, world: World) -> None:
        unlink(self.links)
        try:
            supervisor = Supervisor(self.control)
            stop_groups(supervisor, self.groups, seconds=self.seconds)
        except Unreachable:
            return
        reread(supervisor)


def unlink(links: tuple[str, ...]) -> None:
    """Remove those that are there; what supervisord runs by them goes on."""
    for link in links:
        if os.path.lexists(link):
            os.unlink(link)


@record
@dataclass(frozen=True)
class QuietPrograms(Action):
    """Tell the groups to stop, so that they begin nothing more, and remove `link`: no supervisord starts them again.

    It waits for those that are `alone` only, at most `seconds`: what others have begun they finish meanwhile.
    """

    control: str
    link: str
    groups: tuple[str, ...]
    alone: tuple[str, ...]
    seconds: float

    def describe(self) -> str:
        waits = f", and wait for {', '.join(self.alone)}" if self.alone else ""
        return f"tell {', '.join(self.groups)} to stop{waits}"

    def do(self, world: World) -> None:
        unlink((self.link,))
        supervisor = Supervisor(self.control)
        try:
            for group in self.groups:
                _unless_gone(supervisor.stop, group)
            deadline = time.monotonic() + self.seconds
            while staying := _staying(supervisor, self.alone):
                if time.monotonic() > deadline:
                    raise ActionFailed(f"The program {staying[0]!r} does not stop.")
                world.pause(POLL)
        except Unreachable:
            return


def stop_groups(supervisor: Supervisor, groups: tuple[str, ...], *, seconds: float) -> None:
    """Stop all groups side by side, wait for them, take them out. Raises ActionFailed for one that stays."""
    for group in groups:
        _unless_gone(supervisor.stop, group)
    deadline = time.monotonic() + seconds
    while staying := _staying(supervisor, groups):
        if time.monotonic() > deadline:
            raise ActionFailed(f"The program {staying[0]!r} does not stop.")
        time.sleep(POLL)
    for group in groups:
        _unless_gone(supervisor.remove, group)


def _staying(supervisor: Supervisor, groups: tuple[str, ...]) -> list[str]:
    return [process.group for process in supervisor.groups(groups) if process.state not in ENDED]


def _unless_gone(call: object, group: str) -> None:
    assert callable(call)
    try:
        call(group)
    except xmlrpc.client.Fault as fault:
        if fault.faultCode not in (BAD_NAME, NOT_RUNNING):
            raise ActionFailed(f"supervisord refuses for {group!r}: {fault.faultString}") from fault


@record
@dataclass(frozen=True)
class ShutDown(Action):
    """End the root's own supervisord and with it every program under it."""

    control: Control

    def describe(self) -> str:
        return f"end supervisord on {self.control.socket}"

    def do(self, world: World) -> None:
        if not self.control.own:
            return
        try:
            Supervisor(self.control.socket).shut_down()
        except Unreachable:
            return
        deadline = time.monotonic() + 120
        while answers(self.control.socket) or os.path.exists(self.control.socket):
            if time.monotonic() > deadline:
                raise ActionFailed(f"supervisord on {self.control.socket!r} does not end.")
            time.sleep(POLL)
