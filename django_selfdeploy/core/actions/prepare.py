"""What every action is that prepares a host: it looks first, changes what is missing, and can be said in shell."""

from __future__ import annotations

import os
import pwd
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .base import Action, ActionFailed, World

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs of the machine are, whatever the PATH of the one who logged in."""

CHANGED = "changed"
"""The answer that lists what was changed, a line for each action that found something to do."""

PATIENCE = 600.0
"""Seconds that a single command may take; `apt-get` on a slow line is the longest."""


@dataclass(frozen=True)
class Prepare(Action):
    """One thing that a host shall have. Doing it twice changes nothing the second time."""

    def is_done(self) -> bool:
        """Whether the host has it already."""
        raise NotImplementedError

    def change(self, world: World) -> str:
        """Give it to the host; the line that tells what was changed. Raises as `do` does."""
        raise NotImplementedError

    def script(self) -> str:
        """The same for an administrator: lines of POSIX sh, which may use the functions of core/setup_script.py."""
        raise NotImplementedError

    def do(self, world: World) -> None:
        changed = world.answers.setdefault(CHANGED, [])
        if self.is_done():
            world.note("nothing to do")
            return
        told = self.change(world)
        changed.append(told)
        world.note("changed")


def command(*argv: str, given: str = "", allowed: tuple[int, ...] = (0,)) -> str:
    """What a command of the machine writes. Raises ActionFailed where it ends otherwise than `allowed` says."""
    try:
        done = _run(argv, given)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ActionFailed(f"`{shlex.join(argv)}` does not run: {error}") from error
    if done.returncode not in allowed:
        said = (done.stderr or done.stdout).strip()
        raise ActionFailed(f"`{shlex.join(argv)}` ended with status {done.returncode}: {said}")
    return done.stdout


def succeeds(*argv: str) -> bool:
    """Whether the command is there and says yes."""
    try:
        return _run(argv, "").returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _run(argv: tuple[str, ...], given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv, input=given, capture_output=True, text=True, timeout=PATIENCE, cwd="/", env=surroundings()
    )


def surroundings() -> dict[str, str]:
    """The environment of such a command: English messages, no questions, nothing of who logged in."""
    about = {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l", "HOME": "/root"}
    kept = {name: os.environ[name] for name in ("http_proxy", "https_proxy", "no_proxy") if name in os.environ}
    return {**kept, **about, "PATH": SYSTEM_PATH}


def has_systemd() -> bool:
    """Whether systemd runs this host (sd_booted(3))."""
    return os.path.isdir("/run/systemd/system")


def account(name: str) -> pwd.struct_passwd | None:
    """The user called `name`; None where there is none."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def owner(path: str) -> str:
    """The name of the user who owns `path` itself, its number where that has no name. Raises OSError."""
    number = os.lstat(path).st_uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


@contextmanager
def acting_as(name: str) -> Iterator[pwd.struct_passwd]:
    """Have the rights of a user for a while: in a folder that is theirs, a link could lead root anywhere.

    Raises ActionFailed where there is no such user. For root, and for one who is no root, nothing changes.
    """
    user = account(name)
    if user is None:
        raise ActionFailed(f"There is no user {name!r}.")
    if os.geteuid() != 0 or user.pw_uid == 0:
        yield user
        return
    groups = os.getgroups()
    os.setgroups(os.getgrouplist(name, user.pw_gid))
    os.setegid(user.pw_gid)
    os.seteuid(user.pw_uid)
    try:
        yield user
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def lines(*parts: str) -> str:
    """Lines of a script, one below the other."""
    return "".join(f"{part}\n" for part in parts)


def words(*argv: str) -> str:
    """A command as a line of a script, each word quoted."""
    return shlex.join(argv)


def document(text: str) -> str:
    """`text` as the here-document that follows a command of a script (POSIX 2.7.4); it ends in a line break."""
    mark = "END"
    while mark in text.splitlines():
        mark += "_"
    return f"<<'{mark}'\n{text}{mark}"
