"""Changes of a project's own files on this machine: shown as diffs, written, and taken back when they do harm."""

from __future__ import annotations

import difflib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import ConfigError
from ..core.masking import LITERAL, PUBLIC
from ..core.secret import MASK

CHECK_SECONDS = 120.0
BACKUP = ".before-selfdeploy"

VARIABLE = re.compile(r"(?P<start>\s*(?P<comment>#.*?)?(?:export )?(?P<name>\w+)\s*=)(?P<value>.*)")
"""A line of an environment file; `comment` is there when it is commented out."""


@dataclass(frozen=True)
class Change:
    """A file that is made (`before` is None) or changed; `path` is relative to the folder of manage.py.

    With `secret` it is an environment file, whose values are not shown. With `backup` the old text is kept beside.
    """

    path: str
    what: str
    before: str | None
    after: str
    mode: int = 0o644
    secret: bool = False
    backup: bool = False

    @property
    def diff(self) -> str:
        """The unified diff of it."""
        shown = masked if self.secret else str
        before, after = shown(self.before or "").splitlines(), shown(self.after).splitlines()
        start = "/dev/null" if self.before is None else self.path
        return "\n".join(difflib.unified_diff(before, after, start, self.path, lineterm=""))


def masked(text: str) -> str:
    """An environment file as it may be shown: names, and values that are surely public."""
    return "\n".join(map(_masked, text.splitlines()))


def _masked(line: str) -> str:
    found = VARIABLE.match(line)
    if found is None:
        return line if not line.strip() or line.lstrip().startswith("#") else MASK
    public = PUBLIC.match(found["name"]) or LITERAL.match(found["value"])
    return line if public and not found["comment"] else f"{found['start']}{MASK}"


def write(folder: Path, changes: tuple[Change, ...], *, check: Callable[[Path], str]) -> None:
    """Make the changes in their order. `check` tells what is wrong with the project then, "" for nothing.

    Raises ConfigError, with every file as it was, when something is, or when a file changed meanwhile.
    """
    made: list[Change] = []
    try:
        for change in changes:
            _make(folder, change, made)
        problem = check(folder)
        if problem:
            hint = "Every file is as it was. Mend the project first, or change it by hand."
            raise ConfigError(f"With the changes `manage.py check` fails: {problem}", hint=hint)
    except BaseException:
        for change in reversed(made):
            _take_back(folder, change)
        raise


def checked(folder: Path) -> str:
    """The last line that `manage.py check` says, in a process of its own, when it fails; "" when all is well."""
    words = (sys.executable, "manage.py", "check")
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=CHECK_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"it takes more than {CHECK_SECONDS:.0f} seconds."
    said = [line for line in done.stderr.splitlines() if line.strip()]
    return (said[-1] if said else f"exit code {done.returncode}.") if done.returncode else ""


def _make(folder: Path, change: Change, made: list[Change]) -> None:
    """Write the file in place, so that its owner and mode stay; an addition leaves the rest untouched."""
    if change.backup and not (folder / f"{change.path}{BACKUP}").exists():
        _make(folder, Change(f"{change.path}{BACKUP}", "", None, change.before or "", 0o600), made)
    before, after = (change.before or "").encode(), change.after.encode()
    start = len(before) if after.startswith(before) else 0
    try:
        with open(_opened(folder / change.path, change), "r+b") as file:
            if file.read() != before:
                raise ConfigError(f"{change.path!r} changed meanwhile.", hint="Try again.")
            made.append(change)
            file.truncate(start)
            file.seek(start)
            file.write(after[start:])
    except OSError as error:
        hint = "Look at its mode and owner, then try again."
        raise ConfigError(f"{change.path!r} cannot be written: {error.strerror}.", hint=hint) from error


def _opened(path: Path, change: Change) -> int:
    """A new file is never one that is there already, nor a link to somewhere."""
    new = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW if change.before is None else 0
    return os.open(path, os.O_RDWR | os.O_CLOEXEC | new, change.mode)


def _take_back(folder: Path, change: Change) -> None:
    if change.before is None:
        (folder / change.path).unlink()
    else:
        (folder / change.path).write_bytes(change.before.encode())
