"""Laying a source down in a release."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass

from .. import atomic, manifest
from ..codec import record
from ..errors import NothingThere
from ..manifest import Entry
from .base import Action, ActionFailed, World
from .files import size

MANIFEST = "manifest.json"
"""Beside a release's source: what it consists of."""


@record
@dataclass(frozen=True)
class Receive(Action):
    """Lay the source down in `path`: what `base` (an older release) has is copied, the rest is asked for.

    Every file's bytes are compared with the hash of its entry, wherever they come from.
    """

    path: str
    entries: tuple[Entry, ...]
    base: str = ""

    def describe(self) -> str:
        return f"lay {len(self.entries)} files down in {self.path}"

    def do(self, world: World) -> None:
        self._judge_paths()
        os.makedirs(self.path, exist_ok=True)
        missing = [entry for entry in self.entries if not self._copy(entry)]
        wanted: dict[str, list[Entry]] = {}
        for entry in missing:
            wanted.setdefault(entry.blob, []).append(entry)
        received = 0
        for blob, data in world.blobs(tuple(wanted)):
            received += len(data)
            for entry in wanted.pop(blob):
                _lay(self.path, entry, data)
        if wanted:
            raise ActionFailed(f"{wanted.popitem()[1][0].path!r} did not arrive.")
        for entry in self.entries if self.base else ():
            if entry.path.endswith(".py"):
                _link_compiled(os.path.join(self.base, entry.path), os.path.join(self.path, entry.path))
        rows = json.dumps([entry.to_json() for entry in self.entries])
        atomic.write(os.path.join(os.path.dirname(self.path), MANIFEST), rows.encode(), durable=False)
        world.note(f"{len(missing)} of {len(self.entries)} files new, {size(received)}")

    def _judge_paths(self) -> None:
        """A path through a link of the source could lead anywhere; git has none, a forged source may."""
        links = {os.path.normpath(entry.path) for entry in self.entries if entry.mode == manifest.LINK}
        for entry in self.entries if links else ():
            parts = os.path.normpath(entry.path).split("/")
            if any("/".join(parts[:length]) in links for length in range(1, len(parts))):
                raise ActionFailed(f"{entry.path!r} would be written outside of the release.")

    def _copy(self, entry: Entry) -> bool:
        """Take the file over from the older release, as the same file on disk; False if it differs.

        What changed is always a new file, so an older release is never written to.
        """
        if not self.base:
            return False
        source = os.path.join(self.base, entry.path)
        if entry.mode == manifest.LINK:
            return self._copy_link(entry, source)
        try:
            handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with open(handle, "rb") as file:
                data, found = file.read(), os.fstat(handle)
        except OSError:
            return False
        if manifest.blob_id(data, like=entry.blob) != entry.blob:
            return False
        target = os.path.join(self.path, _safe(entry.path))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        same_mode = stat.S_IMODE(found.st_mode) == permissions(entry)
        if not (same_mode and _linked(source, target)):
            _lay(self.path, entry, data)
            os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
        return True

    def _copy_link(self, entry: Entry, source: str) -> bool:
        try:
            data = os.fsencode(os.readlink(source))
        except OSError:
            return False
        if manifest.blob_id(data, like=entry.blob) != entry.blob:
            return False
        _lay(self.path, entry, data)
        return True


def _linked(source: str, target: str) -> bool:
    """Whether `target` is a hard link to `source` now; some file systems have none, or not that many."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        return False
    return True


def _link_compiled(source: str, target: str) -> None:
    """Take a file's compiled form over: valid where time of change and size are the same (Python's reference,
    "Cached bytecode"), else it is compiled anew.
    """
    name = f"{os.path.basename(source)[: -len('.py')]}."
    before, now = (os.path.join(os.path.dirname(path), "__pycache__") for path in (source, target))
    try:
        compiled = [found for found in os.listdir(before) if found.startswith(name) and found.endswith(".pyc")]
    except OSError:
        return
    os.makedirs(now, exist_ok=True)
    for found in compiled:
        _linked(os.path.join(before, found), os.path.join(now, found))


def permissions(entry: Entry) -> int:
    return 0o755 if entry.mode == manifest.PROGRAM else 0o644


def read_manifest(release: str) -> tuple[Entry, ...]:
    """The entries of the release in the folder `release`. Raises NothingThere."""
    path = os.path.join(release, MANIFEST)
    try:
        with open(path, encoding="utf-8") as file:
            return tuple(Entry.from_json(row) for row in json.load(file))
    except (OSError, ValueError) as error:
        raise NothingThere(
            f"The source of {os.path.basename(release)!r} is not listed.", hint="Deploy it anew."
        ) from error


def _lay(folder: str, entry: Entry, data: bytes) -> str:
    if manifest.blob_id(data, like=entry.blob) != entry.blob:
        raise ActionFailed(f"{entry.path!r} arrived damaged: its bytes do not have the hash they should have.")
    path = os.path.join(folder, _safe(entry.path))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if entry.mode == manifest.LINK:
        os.symlink(_inside(entry, data), path)
        return path
    mode = permissions(entry)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with open(handle, "wb") as file:
        file.write(data)
        os.fchmod(handle, mode)
    return path


def _safe(path: str) -> str:
    """The path itself, if it stays below the folder it is joined to."""
    if path.startswith("/") or ".." in path.split("/") or "\0" in path:
        raise ActionFailed(f"{path!r} would be written outside of the release.")
    return path


def _inside(entry: Entry, data: bytes) -> str:
    """The target of a link, if it stays inside the source."""
    target = os.fsdecode(data)
    reached = os.path.normpath(os.path.join(os.path.dirname(entry.path), target))
    if target.startswith("/") or reached.split("/")[0] == "..":
        raise ActionFailed(f"The link {entry.path!r} points outside of the source, to {target!r}.")
    return target
