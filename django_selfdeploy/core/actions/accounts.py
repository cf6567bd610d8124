"""Users, groups and the keys that log in."""

from __future__ import annotations

import grp
import os
import shlex
from dataclasses import dataclass

from ..codec import record
from .base import World
from .prepare import Prepare, account, acting_as, command, has_systemd, lines, words


@record
@dataclass(frozen=True)
class MakeUser(Prepare):
    """A user with a home, who logs in by key only.

    The password is `*` and not `!`: sshd takes the latter for an account that is locked for keys too, unless it
    asks PAM (sshd(8), LOGIN PROCESS).
    """

    name: str

    def describe(self) -> str:
        return f"make the user {self.name}"

    def is_done(self) -> bool:
        return account(self.name) is not None

    def change(self, world: World) -> str:
        command(*self._command)
        return self.describe()

    @property
    def _command(self) -> tuple[str, ...]:
        return ("useradd", "--create-home", "--shell", "/bin/bash", "--password", "*", self.name)

    def script(self) -> str:
        return lines(
            f"if ! {words('getent', 'passwd', self.name)} >/dev/null; then",
            f"    {words(*self._command)}",
            f"    changed {shlex.quote(self.describe())}",
            "fi",
        )


@record
@dataclass(frozen=True)
class AuthorizeKeys(Prepare):
    """Public keys, whole lines, that may log in as `user`. Those that are there stay."""

    user: str
    keys: tuple[str, ...]

    def describe(self) -> str:
        return f"let {len(self.keys)} key{'' if len(self.keys) == 1 else 's'} log in as {self.user}"

    def is_done(self) -> bool:
        return account(self.user) is not None and not self._missing()

    def _missing(self) -> list[str]:
        with acting_as(self.user) as user:
            try:
                with open(_authorized(user.pw_dir), encoding="utf-8", errors="replace") as file:
                    there = file.read()
            except OSError:
                there = ""
        return [key for key in self.keys if _essence(key) not in there]

    def change(self, world: World) -> str:
        missing = self._missing()
        with acting_as(self.user) as user:
            path = _authorized(user.pw_dir)
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with open(handle, "r+", encoding="utf-8", errors="surrogateescape") as file:
                there = file.read()
                file.write("" if not there or there.endswith("\n") else "\n")
                file.write("".join(f"{key}\n" for key in missing))
        return self.describe()

    def script(self) -> str:
        told = shlex.quote(self.describe())
        asked = (words("authorize", self.user, _essence(key), key) for key in self.keys)
        return lines("added=", *asked, f'if [ -n "$added" ]; then changed {told}; fi')


def _authorized(home: str) -> str:
    return os.path.join(home, ".ssh", "authorized_keys")


def _essence(key: str) -> str:
    """Kind and number of a key: options before it and the comment behind it may differ."""
    return " ".join(key.split()[:2])


@record
@dataclass(frozen=True)
class MakeGroup(Prepare):
    """A system group with these members; users who are not there are left out."""

    name: str
    members: tuple[str, ...]

    def describe(self) -> str:
        return f"make the group {self.name} of {', '.join(self.members)}"

    def is_done(self) -> bool:
        try:
            there = set(grp.getgrnam(self.name).gr_mem)
        except KeyError:
            return False
        return {member for member in self.members if account(member)} <= there

    def change(self, world: World) -> str:
        command("groupadd", "--system", "--force", self.name)
        for member in self.members:
            if account(member):
                command("usermod", "--append", "--groups", self.name, member)
        return self.describe()

    def script(self) -> str:
        members = (words("join_group", self.name, member) for member in self.members)
        told = shlex.quote(self.describe())
        make = f"{words('groupadd', '--system', self.name)}; joined=yes"
        return lines(
            "joined=",
            f"if ! {words('getent', 'group', self.name)} >/dev/null; then {make}; fi",
            *members,
            f'if [ -n "$joined" ]; then changed {told}; fi',
        )


@record
@dataclass(frozen=True)
class Linger(Prepare):
    """Let what belongs to `user` outlive the last logout: systemd-logind would remove it (logind.conf(5))."""

    user: str

    def describe(self) -> str:
        return f"let what {self.user} runs outlive the login"

    def is_done(self) -> bool:
        return not has_systemd() or os.path.exists(f"/var/lib/systemd/linger/{self.user}")

    def change(self, world: World) -> str:
        command("loginctl", "enable-linger", self.user)
        return self.describe()

    def script(self) -> str:
        return lines(
            f"if [ -d /run/systemd/system ] && [ ! -e {shlex.quote('/var/lib/systemd/linger/' + self.user)} ]; then",
            f"    {words('loginctl', 'enable-linger', self.user)}",
            f"    changed {shlex.quote(self.describe())}",
            "fi",
        )
