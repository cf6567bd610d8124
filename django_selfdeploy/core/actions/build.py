"""Commands that make files of a release, run only where what they read is not what it was."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .. import atomic, children, manifest
from ..codec import record
from .base import Action, ActionFailed, World
from .processes import ended, last_lines, name_of
from .source import read_manifest

RECORD = "build.json"
"""In a release's etc/: the key of its build, and the files that it made."""

NOT_BUILT = ("__pycache__", ".git")
"""Folders whose files no build means to make."""


@record
@dataclass(frozen=True)
class Build(Action):
    """Run `commands` in `cwd`, a folder of the release in `folder`, one after the other.

    Where the release in `before` was built with the same key, what its build made is taken over as hard links, and
    nothing is run. The key is `key`, or `key_of_all` where one of `packages`, paths of package.json in the source,
    says that Tailwind looks for class names in every file. `launch` are the words that a command of the release
    begins with. `timeout` is in seconds. Unless it may run `again`, what the release before has is taken over whatever
    has changed.
    """

    folder: str
    before: str
    cwd: str
    launch: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]
    key: str
    key_of_all: str
    packages: tuple[str, ...]
    timeout: float
    again: bool = True

    def describe(self) -> str:
        return f"run {', '.join(name_of(command) for command in self.commands)}, unless nothing that they read changed"

    def do(self, world: World) -> None:
        key = self._key()
        taken = self._take_over(key)
        if taken is not None:
            world.note(f"unchanged, {taken} files taken over")
            return
        self._own_source()
        for command in self.commands:
            status, tail = children.run(
                world, (*self.launch, *command), cwd=self.cwd, environment={}, timeout=self.timeout, quiet=False
            )
            if status != 0:
                raise ActionFailed(f"{name_of(command)} {ended(status)}.{last_lines(tail)}")
        sent = {entry.path: entry for entry in read_manifest(self.folder)}
        made = sorted(self._made(sent))
        for name in sent.keys() & set(made):
            world.warn(f"BUILD has changed {name!r}, which is part of the source: let git ignore what it makes.")
        _write(self.folder, {"key": key, "files": made})
        world.note(f"{len(made)} files made")

    def _key(self) -> str:
        for name in self.packages:
            with open(f"{self.folder}/source/{name}", encoding="utf-8", errors="replace") as file:
                if "tailwind" in file.read():
                    return self.key_of_all
        return self.key

    def _take_over(self, key: str) -> int | None:
        """The number of files taken over; None where the build is to be run."""
        kept = _read(self.before) if self.before else {}
        if kept.get("key") != key and (self.again or not kept):
            return None
        for name in kept["files"]:
            source, target = (f"{folder}/source/{name}" for folder in (self.before, self.folder))
            if not os.path.lexists(source):
                return None
            os.makedirs(os.path.dirname(target), exist_ok=True)
            _link(source, target)
        _write(self.folder, kept)
        return len(kept["files"])

    def _own_source(self) -> None:
        """A command may write into a file of the source, and that may be a hard link to an older release's."""
        for entry in read_manifest(self.folder):
            path = f"{self.folder}/source/{entry.path}"
            if entry.mode != manifest.LINK and os.stat(path).st_nlink > 1:
                temporary = atomic.beside(path)
                shutil.copy2(path, temporary)
                os.rename(temporary, path)

    def _made(self, sent: dict[str, manifest.Entry]) -> Iterator[str]:
        """What is in the source now and was not sent, or is not as it was sent; relative paths."""
        top = f"{self.folder}/source"
        for place, folders, files in os.walk(top):
            folders[:] = [name for name in folders if name not in NOT_BUILT]
            links = [name for name in folders if os.path.islink(f"{place}/{name}")]
            for name in (*files, *links):
                path = os.path.relpath(f"{place}/{name}", top)
                if name != ".env" and (path not in sent or _differs(f"{place}/{name}", sent[path])):
                    yield path


def _differs(path: str, entry: manifest.Entry) -> bool:
    if entry.mode == manifest.LINK:
        return (
            not os.path.islink(path) or manifest.blob_id(os.fsencode(os.readlink(path)), like=entry.blob) != entry.blob
        )
    with open(path, "rb") as file:
        return manifest.blob_id(file.read(), like=entry.blob) != entry.blob


def _link(source: str, target: str) -> None:
    """Make `target` the same file as `source`; what was sent under that name is replaced."""
    temporary = atomic.beside(target)
    if os.path.islink(source):
        os.symlink(os.readlink(source), temporary)
    else:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copy2(source, temporary)
    os.rename(temporary, target)


def _read(folder: str) -> dict[str, Any]:
    try:
        with open(f"{folder}/etc/{RECORD}", encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(folder: str, value: dict[str, Any]) -> None:
    atomic.write(f"{folder}/etc/{RECORD}", json.dumps(value).encode(), durable=False)
