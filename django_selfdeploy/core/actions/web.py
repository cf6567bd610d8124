"""Probing, watching and draining what serves."""

from __future__ import annotations

import time
from dataclasses import dataclass

from .. import probe, queue
from ..agent import AgentSpec
from ..codec import record
from ..release import Front, ProbeSpec
from ..supervisor import ALIVE, Process, Supervisor, Unreachable
from .base import Action, ActionFailed, World
from .processes import last_lines

POLL = 0.05

READY_POLL = 0.02
"""Seconds between two questions to a process that does not listen yet: every deployment waits half of that."""

WRONG_ANSWERS = 5
"""So many wrong answers in a row, from the right process, are its final word."""

BAD_WATCHES = 3
"""So many failures after the switch bring the old release back."""


@record
@dataclass(frozen=True)
class AwaitReady(Action):
    """Wait until the new processes answer the probe with success, twice in a row, on their own socket.

    A program that ends, or an answer that stays wrong, fails at once; silence fails after `spec.seconds`. Why an
    answer was wrong, the release's Django is asked, where there is one: with DEBUG off its log does not tell.
    """

    socket: str
    spec: ProbeSpec
    release: str
    control: str
    groups: tuple[str, ...]
    agent: AgentSpec | None = None

    def describe(self) -> str:
        return f"wait until {self.release} answers GET {self.spec.path} for {self.spec.host}"

    def do(self, world: World) -> None:
        deadline = time.monotonic() + self.spec.seconds
        found = probe.Finding(False, "No answer came in time.")
        good = wrong = 0
        while good < 2:
            expect_alive(self.control, self.groups)
            left = deadline - time.monotonic()
            if left <= 0 or wrong >= WRONG_ANSWERS:
                why = self._explained(world) if wrong else self._logs()
                raise ActionFailed(f"{found.trouble}{why}")
            found = probe.ask(f"unix:{self.socket}", self.spec, self.release, timeout=min(max(left, 1.0), 20.0))
            good = good + 1 if found.works else 0
            wrong = wrong + 1 if found.answered and not found.works else 0
            if not found.works:
                world.pause(4 * POLL if found.answered else READY_POLL)

    def _explained(self, world: World) -> str:
        if self.agent is None:
            return self._logs()
        request = {"path": self.spec.path, "host": self.spec.host, "https": self.spec.https}
        try:
            answer = world.agent(self.agent).ask("explain", request, timeout=30.0, quiet=True)
        except ActionFailed as error:
            return f" {error}"
        return last_lines(str(answer["why"]))

    def _logs(self) -> str:
        found = Supervisor(self.control).groups(self.groups)
        return "".join(last_lines(end_of(process.log)) for process in found)


def expect_alive(control: str, groups: tuple[str, ...]) -> dict[str, int]:
    """The pids of the groups' processes by their names. Raises ActionFailed for one that ended or is not there."""
    try:
        found = Supervisor(control).groups(groups)
    except Unreachable as error:
        raise ActionFailed(f"supervisord does not answer ({error}).") from error
    for process in found:
        if process.state not in ALIVE:
            raise ActionFailed(f"The program {process.group!r} {_trouble(process)}")
    missing = set(groups) - {process.group for process in found}
    if missing:
        raise ActionFailed(f"supervisord does not know the program {min(missing)!r}.")
    return {process.name: process.pid for process in found}


def _trouble(process: Process) -> str:
    why = f": {process.trouble}" if process.trouble else ""
    return f"is {process.state}{why}.{last_lines(end_of(process.log))}"


def end_of(path: str, count: int = 4_000) -> str:
    """The last `count` bytes of a file as text; "" where it cannot be read."""
    try:
        with open(path, "rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - count))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


@record
@dataclass(frozen=True)
class AwaitWorkers(Action):
    """Wait until programs that do not serve are RUNNING: supervisord says so after their startsecs."""

    control: str
    groups: tuple[str, ...]
    seconds: float = 30.0

    def describe(self) -> str:
        return f"wait until {', '.join(self.groups)} run"

    def do(self, world: World) -> None:
        deadline = time.monotonic() + self.seconds
        while True:
            expect_alive(self.control, self.groups)
            states = {process.state for process in Supervisor(self.control).groups(self.groups)}
            if states == {"RUNNING"}:
                world.note(", ".join(group.rpartition("-")[2] for group in self.groups))
                return
            if time.monotonic() > deadline:
                raise ActionFailed(f"{', '.join(self.groups)} did not start in {self.seconds:.0f} seconds.")
            world.pause(POLL)


@record
@dataclass(frozen=True)
class SmokeTest(Action):
    """Ask for the probe's page as a visitor would, through the front server; while it is closed, with the `key`."""

    front: Front
    spec: ProbeSpec
    release: str
    tries: int = 3
    key: str = ""

    def describe(self) -> str:
        return f"GET {self.spec.path} for {self.spec.host} at {self.front.address}"

    def do(self, world: World) -> None:
        for attempt in range(1, self.tries + 1):
            found = probe.ask(self.front.address, self.spec, self.release, front=True, key=self.key)
            if found.works:
                return
            if attempt < self.tries:
                time.sleep(4 * POLL)
        raise ActionFailed(f"{found.trouble}{last_lines(end_of(self.front.log))}")


@record
@dataclass(frozen=True)
class Watch(Action):
    """Ask through the front for `seconds`; three failures, or a program that ends, fail the step.

    Where there is no front, as on a host of workers, the programs alone are watched.
    """

    front: Front
    spec: ProbeSpec
    release: str
    control: str
    groups: tuple[str, ...]
    seconds: float
    every: float = 0.25
    key: str = ""

    def describe(self) -> str:
        return f"watch the new release for {self.seconds:g} s"

    def do(self, world: World) -> None:
        pids = expect_alive(self.control, self.groups)
        failures = asked = 0
        deadline = time.monotonic() + self.seconds
        while time.monotonic() < deadline:
            world.pause(min(self.every, max(0.0, deadline - time.monotonic())))
            if self.front.address:
                found = probe.ask(self.front.address, self.spec, self.release, front=True, key=self.key)
                asked += 1
                failures += not found.works
                if failures >= BAD_WATCHES:
                    raise ActionFailed(f"{found.trouble} That was failure {failures} of {asked} requests.")
            now = expect_alive(self.control, self.groups)
            if now != pids:
                changed = next(group for group in now if now[group] != pids.get(group))
                raise ActionFailed(f"The program {changed!r} ended and was started again.")
        if self.front.address:
            world.note(f"{asked} requests, {failures} failed")


@record
@dataclass(frozen=True)
class Drain(Action):
    """Wait until the kernel shows nobody in the socket's queue and nobody connected, three times in a row.

    After `seconds` it ends all the same, and says how many connections are cut. Where the kernel refuses to
    tell, it waits the whole time.
    """

    socket: str
    seconds: float

    def describe(self) -> str:
        return f"wait until {self.socket} has no connection"

    def do(self, world: World) -> None:
        deadline = time.monotonic() + self.seconds
        quiet = 0
        left = queue.Queue(False, 0, 0)
        while quiet < 3 and time.monotonic() < deadline:
            try:
                left = queue.of(self.socket)
            except OSError:
                left = queue.Queue(True, 0, 1)
            if not left.listening and left.empty:
                return
            quiet = quiet + 1 if left.empty else 0
            time.sleep(2 * POLL if left.empty else POLL)
        if not left.empty:
            world.note(f"{left.open + left.waiting} connections cut after {self.seconds:g} s")
