"""Packages of the distribution: those that are missing, and only by apt."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass

from ..codec import record
from ..errors import HostError
from .base import ActionFailed, World
from .prepare import SYSTEM_PATH, Prepare, command, has_systemd, lines, succeeds, surroundings, words
from .processes import last_lines

LOCK_WAIT = 300
"""Seconds to wait for another apt or dpkg to end, for example the nightly upgrade."""

BUSY = "Could not get lock"
"""What apt says of a lock that its own option does not wait for (that of the package lists)."""

APT = ("apt-get", "-q", "-y", "-o", f"DPkg::Lock::Timeout={LOCK_WAIT}")


@record
@dataclass(frozen=True)
class Package:
    """A package that is needed where `program` is not on the host, or `python` cannot import `module`.

    `idle` is a service that the package starts and that nobody wants: it is stopped when the package was installed
    by us. With `without_systemd` it is needed only where systemd does not run.
    """

    name: str
    program: str = ""
    module: str = ""
    python: str = "python3"
    idle: str = ""
    without_systemd: bool = False

    def is_missing(self) -> bool:
        """Whether the host lacks what the package brings."""
        if self.without_systemd and has_systemd():
            return False
        if self.module:
            return not succeeds(self.python, "-I", "-c", f"import {self.module}")
        return shutil.which(self.program, path=SYSTEM_PATH) is None

    def condition(self) -> str:
        """The same question, for a script."""
        there = words("command", "-v", self.program)
        if self.module:
            there = words(self.python, "-I", "-c", f"import {self.module}")
        asked = f"! {there} >/dev/null 2>&1"
        return f"[ ! -d /run/systemd/system ] && {asked}" if self.without_systemd else asked


@record
@dataclass(frozen=True)
class InstallPackages(Prepare):
    """Install those of the packages that are missing."""

    packages: tuple[Package, ...]

    def describe(self) -> str:
        return f"install what is missing of {', '.join(package.name for package in self.packages)}"

    def is_done(self) -> bool:
        return not self._missing()

    def _missing(self) -> list[Package]:
        return [package for package in self.packages if package.is_missing()]

    def change(self, world: World) -> str:
        missing = self._missing()
        names = [package.name for package in missing]
        if shutil.which("apt-get", path=SYSTEM_PATH) is None:
            raise HostError(
                f"This host has no apt-get, and it lacks {', '.join(names)}.",
                hint="Install them as this distribution does, names may differ; then run `deploy_setup` again.",
            )
        _apt(world, "update")
        _apt(world, "install", "--no-install-recommends", *names)
        for package in missing:
            if package.idle:
                _stop(package.idle)
        return f"install {', '.join(names)}"

    def script(self) -> str:
        asked = [f"if {package.condition()}; then need {package.name} {package.idle}; fi" for package in self.packages]
        return lines(*(line.replace(" ;", ";") for line in asked), "install_needed")


def _apt(world: World, *argv: str) -> None:
    """Run apt-get, its output told line by line; called off, it still ends what it began."""
    deadline = time.monotonic() + LOCK_WAIT
    while True:
        status, said = _told(world, (*APT, *argv))
        if status == 0:
            return
        if BUSY not in said or time.monotonic() > deadline:
            raise ActionFailed(f"`apt-get {' '.join(argv)}` ended with status {status}.{last_lines(said)}")
        world.pause(3)


def _told(world: World, argv: tuple[str, ...]) -> tuple[int, str]:
    said = []
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd="/",
        env=surroundings(),
        start_new_session=True,
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            said.append(line)
            world.tell(line)
    return child.returncode, "".join(said)


def _stop(service: str) -> None:
    """Stop a service that its package has started, now and at the next boot."""
    if has_systemd():
        command("systemctl", "disable", "--now", "--quiet", service)
        return
    succeeds("service", service, "stop")
    succeeds("update-rc.d", service, "disable")
