"""The users of a host, as lines of its user database: sooner written than by useradd."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Account:
    """A user with a group of the same number."""

    name: str
    uid: int
    home: str


ROOT = Account("root", 0, "/root")
DEPLOY = Account("deploy", 4711, "/home/deploy")

NEW = {
    "etc/passwd": "{0.name}:x:{0.uid}:{0.uid}::{0.home}:/bin/bash",
    "etc/group": "{0.name}:x:{0.uid}:",
    "etc/shadow": "{0.name}:*:19000:0:99999:7:::",
}
"""What makes a user, who logs in by key alone: the line to add by the file."""


def find(passwd: str, name: str) -> Account:
    """The account called `name` of the user database, whose text is given."""
    for line in passwd.splitlines():
        user, _, uid, _, _, home, _ = line.split(":")
        if user == name:
            return Account(name, int(uid), home)
    raise AssertionError(f"There is no user {name!r}.")


def added(text: str, line: str, account: Account) -> str:
    """The text of one of the files of NEW with the line, and without a user of that name or number."""
    kept = [old for old in text.splitlines() if not _is_of(old, account)]
    return "\n".join((*kept, line, ""))


def _is_of(line: str, account: Account) -> bool:
    name, _, number, *_ = (*line.split(":"), "", "")
    return name == account.name or number == str(account.uid)
