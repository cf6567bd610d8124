"""Actions on files and folders."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import string
from dataclasses import dataclass

from .. import atomic, manifest
from ..codec import record
from ..errors import NothingThere
from ..manifest import Entry
from ..secret import Secret
from .base import Action, ActionFailed, World

DOOMED = ".del-"
"""Prefix of a folder that is being removed: recovery finishes what was begun."""


MANIFEST = "manifest.json"
"""Beside a release's source: what it consists of."""


@record
@dataclass(frozen=True)
class MakeFolders(Action):
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
    """Write `text` in one rename; a file that has this text and mode already is left alone."""

    path: str
    text: str | Secret
    mode: int = 0o644

    def describe(self) -> str:
        return f"write {self.path}"

    def do(self, world: World) -> None:
        text = self.text.reveal() if isinstance(self.text, Secret) else self.text
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
class WriteAll(Action):
    """Write several files below `folder`: pairs (relative path, text)."""

    folder: str
    files: tuple[tuple[str, str], ...]
    mode: int = 0o644

    def describe(self) -> str:
        return f"write {len(self.files)} files in {self.folder}"

    def do(self, world: World) -> None:
        for name, text in self.files:
            path = os.path.join(self.folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            Write(path, text, self.mode).do(world)


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


@record
@dataclass(frozen=True)
class CopyFolder(Action):
    """Copy the tree `source` to `path`, times kept; nothing happens where there is no `source`."""

    source: str
    path: str

    def describe(self) -> str:
        return f"copy {self.source} to {self.path}"

    def do(self, world: World) -> None:
        if os.path.isdir(self.source):
            shutil.copytree(self.source, self.path, symlinks=True, dirs_exist_ok=True)


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
        """Take the file over from the older release, its time of change included; False if it differs."""
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
        target = _lay(self.path, entry, data)
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
    mode = 0o755 if entry.mode == manifest.PROGRAM else 0o644
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


def size(count: int) -> str:
    """A number of bytes for people, for example "3.1 MB" (powers of ten, as df -H counts)."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


@record
@dataclass(frozen=True)
class ShareStatic(Action):
    """Make the static files of a release reachable after it is no longer live, by hard links in `shared`."""

    public: str
    shared: str

    def describe(self) -> str:
        return f"share {self.public} in {self.shared}"

    def do(self, world: World) -> None:
        for name in files_below(self.public):
            source, target = os.path.join(self.public, name), os.path.join(self.shared, name)
            if os.path.exists(target) and os.path.samefile(source, target):
                continue
            os.makedirs(os.path.dirname(target), exist_ok=True)
            temporary = atomic.beside(target)
            os.link(source, temporary)
            os.rename(temporary, target)


@record
@dataclass(frozen=True)
class SweepStatic(Action):
    """Remove from `shared` the static files that no folder of `kept` has any more."""

    shared: str
    kept: tuple[str, ...]

    def describe(self) -> str:
        return f"remove from {self.shared} what no kept release has"

    def do(self, world: World) -> None:
        needed = {name for folder in self.kept for name in files_below(folder)}
        for name in set(files_below(self.shared)) - needed:
            os.unlink(os.path.join(self.shared, name))


def files_below(folder: str) -> list[str]:
    """The relative paths of the files below `folder`; none where there is no such folder."""
    found = []
    for top, _, names in os.walk(folder):
        below = os.path.relpath(top, folder)
        found += [os.path.normpath(os.path.join(below, name)) for name in names]
    return found
