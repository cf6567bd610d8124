"""Actions on files and folders."""

from __future__ import annotations

import os
import secrets
import shutil
import string
from dataclasses import dataclass

from .. import atomic
from ..codec import record
from ..masking import secrets_in_text
from ..runner_files import runner_files
from ..secret import Secret
from .base import Action, ActionFailed, World

DOOMED = ".del-"
"""Prefix of a folder that is being removed: recovery finishes what was begun."""


@record
@dataclass(frozen=True)
class MakeFolders(Action):
    """Make folders, those above them included, with `mode`; one that is there gets the mode."""

    paths: tuple[str, ...]
    mode: int = 0o755

    def describe(self) -> str:
        return f"make {', '.join(self.paths)}"

    def do(self, world: World) -> None:
        for path in self.paths:
            os.makedirs(path, exist_ok=True)
            if os.stat(path).st_mode & 0o777 != self.mode:
                os.chmod(path, self.mode)


@record
@dataclass(frozen=True)
class Write(Action):
    """Write `text` in one rename; a file that has this text and mode already is left alone. A secret text is that of
    an environment file, whose values are masked from now on.
    """

    path: str
    text: str | Secret
    mode: int = 0o644

    def describe(self) -> str:
        return f"write {self.path}"

    def do(self, world: World) -> None:
        text = self.text.reveal() if isinstance(self.text, Secret) else self.text
        if isinstance(self.text, Secret):
            world.learn_secrets(secrets_in_text(text))
        data = text.encode("utf-8", "surrogateescape")
        if not self._is_there(data):
            atomic.write(self.path, data, mode=self.mode)

    def _is_there(self, data: bytes) -> bool:
        try:
            if os.lstat(self.path).st_mode & 0o777777 != 0o100000 | self.mode:
                return False
            with open(self.path, "rb") as file:
                return file.read() == data
        except OSError:
            return False


@record
@dataclass(frozen=True)
class LeaveRunner(Action):
    """Copy the runner at work into `folder`, so that the host can help itself: nothing has to be sent for it."""

    folder: str

    def describe(self) -> str:
        return f"leave the runner in {self.folder}"

    def do(self, world: World) -> None:
        for name, text in runner_files():
            path = os.path.join(self.folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            Write(path, text).do(world)


@record
@dataclass(frozen=True)
class CopyFile(Action):
    """Copy `source` to `path` with `mode`; nothing happens where there is no `source`."""

    source: str
    path: str
    mode: int = 0o644

    def describe(self) -> str:
        return f"copy {self.source} to {self.path}"

    def do(self, world: World) -> None:
        try:
            with open(self.source, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return
        atomic.write(self.path, data, mode=self.mode)


@record
@dataclass(frozen=True)
class KeepSecret(Action):
    """Make a random text of `length` letters and digits at `path`, once; later runs leave it alone.

    Letters and digits only: some values with punctuation cannot be read back from an env file.
    """

    path: str
    length: int = 64

    def describe(self) -> str:
        return f"keep a secret in {self.path}"

    def do(self, world: World) -> None:
        try:
            with open(self.path, encoding="utf-8") as file:
                value = file.read().strip()
        except FileNotFoundError:
            alphabet = string.ascii_letters + string.digits
            value = "".join(secrets.choice(alphabet) for _ in range(self.length))
            atomic.write(self.path, value.encode(), mode=0o600)
        world.learn_secrets((value,))


@record
@dataclass(frozen=True)
class Link(Action):
    """Make the symbolic link `path` point to `to` by one rename. For `current` this is the switch itself."""

    path: str
    to: str

    def describe(self) -> str:
        return f"point {self.path} to {self.to}"

    def do(self, world: World) -> None:
        if os.path.isdir(self.path) and not os.path.islink(self.path):
            raise ActionFailed(f"{self.path!r} is a folder where a link is expected.")
        atomic.link(self.path, self.to)


@record
@dataclass(frozen=True)
class Remove(Action):
    """Remove files, links and whole folders; what is not there is no matter."""

    paths: tuple[str, ...]

    def describe(self) -> str:
        return f"remove {', '.join(self.paths)}"

    def do(self, world: World) -> None:
        for path in self.paths:
            if os.path.isdir(path) and not os.path.islink(path):
                _remove_folder(path)
            elif os.path.lexists(path):
                os.unlink(path)


def _remove_folder(path: str) -> None:
    folder, name = os.path.split(path)
    doomed = path
    if not name.startswith(DOOMED):
        doomed = os.path.join(folder, f"{DOOMED}{secrets.token_hex(4)}-{name}")
        os.rename(path, doomed)
    shutil.rmtree(doomed)


def size(count: int) -> str:
    """A number of bytes for people, for example "3.1 MB" (powers of ten, as df -H counts)."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
