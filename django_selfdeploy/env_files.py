"""Changing the variables of a target where they are kept: in its encrypted file, its local file, or on its hosts."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .core import atomic
from .core.errors import ConfigError
from .env_sources import encrypted_file, keyring, local_file, paths_of_keys
from .options import Project
from .project import encrypted, variables
from .project.encrypted import Key, Sealed, new_key
from .project.env_changes import Changes, changes
from .project.env_keys import find_keys
from .project.env_text import parsed, text_of

ENCRYPTED, LOCAL, HOST = PLACES = ("encrypted", "local", "host")

Edit = Callable[[str], str]
"""Makes the text of an environment file from the one before it."""


@dataclass(frozen=True)
class Place:
    """Where variables are kept: `path` is the file on this machine, None for the hosts' own."""

    kind: str
    path: Path | None

    @property
    def name(self) -> str:
        return self.path.name if self.path else "shared/.env of the hosts"


def place_of(project: Project, asked: str = "") -> Place:
    """The place `asked` for, one of PLACES; by default the encrypted file if there is one, else the local file if this
    machine has any source, else the hosts. Raises ConfigError for one that would have no effect.
    """
    sealed, local, here = encrypted_file(project), local_file(project), has_source(project)
    kind = asked or (ENCRYPTED if sealed.exists() else LOCAL if here else HOST)
    if kind == HOST and here:
        raise ConfigError(
            "The variables of this target come from this machine, and what its hosts keep is not used.",
            hint="Leave out `--in host`.",
        )
    if kind == ENCRYPTED:
        return Place(kind, sealed)
    return Place(kind, local or project.folder / f".env.{project.target.alias}") if kind == LOCAL else Place(kind, None)


def has_source(project: Project) -> bool:
    """Whether this machine has anything that the variables of the target come from."""
    sources = project.target.env
    return bool(encrypted_file(project).exists() or local_file(project) or sources.inherit or sources.commands)


def setting(values: Mapping[str, str | None]) -> Edit:
    """Sets these variables, and takes out those that are None. Other lines stay as they are.

    Raises ConfigError for a value that no environment file holds, and for one to take out that is not there.
    """

    def edit(text: str) -> str:
        before = parsed(text)
        for name, value in values.items():
            if value is None and name not in before:
                raise ConfigError(f"There is no variable {name}.", hint="`deploy_env list` shows those that there are.")
        after = {**before, **{name: value for name, value in values.items() if value is not None}}
        lines = dict(zip(sorted(after), text_of(after).splitlines(), strict=True))
        return _edited(text, {name: lines[name] if value is not None else None for name, value in values.items()})

    return edit


def _edited(text: str, lines: dict[str, str | None]) -> str:
    """Of several lines of one name the last counts, and the new one takes its place."""
    kept: list[str] = []
    wanted = dict(lines)
    for line in reversed(text.splitlines()):
        found = variables.ASSIGNMENT.match(line)
        name = found[1] if found else ""
        if name not in lines:
            kept.append(line)
        elif new := wanted.pop(name, None):
            kept.append(new)
    added = [line for line in wanted.values() if line]
    return "".join(f"{line}\n" for line in (*reversed(kept), *added))


def replacing(before: str, after: str) -> Edit:
    """Puts one text in the place of another. Raises ConfigError where somebody has changed that meanwhile."""

    def edit(text: str) -> str:
        if text != before:
            raise ConfigError("The variables were changed meanwhile.", hint="Try again.")
        return after

    return edit


def text_at(project: Project, place: Place) -> str:
    """The environment file at a place on this machine, decrypted. An encrypted one that is not there yet begins with
    what the local file has, which may not be read any more beside it.
    """
    local = local_file(project)
    if place.path is None or not place.path.exists():
        return variables.text_in(local) if place.kind == ENCRYPTED and local else ""
    if place.kind == ENCRYPTED:
        file, keys = _sealed(project, place.path)
        return text_of(encrypted.opened(file, keys))
    return variables.text_in(place.path)


def write(project: Project, place: Place, edit: Edit, *, start: str = "") -> Changes:
    """Change the file at a place on this machine; the names that changed. One that is not there yet is made, from
    `start` where this machine has nothing, an encrypted one with a key if there is none. Raises ConfigError, and has
    changed nothing then.
    """
    before = text_at(project, place) or start
    after = edit(before)
    variables.judge(place.name, after)
    found = changes(parsed(before), parsed(after))
    if place.path is not None and (after != before or not place.path.exists()):
        _put(project, place.path, parsed(after) if place.kind == ENCRYPTED else None, after)
    return found


def kept(place: Place) -> bytes | None:
    """The file at a place on this machine, as it lies there; None where there is none."""
    return place.path.read_bytes() if place.path and place.path.exists() else None


def put_back(place: Place, before: bytes | None) -> None:
    """Undo a write: the file is what it was, or gone. A key that was made for it stays."""
    assert place.path is not None, "what the hosts keep is theirs to take back"
    if before is None:
        place.path.unlink(missing_ok=True)
    else:
        path = os.path.realpath(place.path)
        atomic.write(path, before, mode=stat.S_IMODE(os.stat(path).st_mode))


def _put(project: Project, path: Path, values: dict[str, str] | None, text: str) -> None:
    if values is None:
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
        atomic.write(os.path.realpath(path), text.encode(), mode=mode)
        return
    text_of(values)  # what an environment file cannot hold is refused here, not on the host
    if path.exists():
        file, keys = _sealed(project, path)
        made = encrypted.changed(file, keys, values)
    else:
        made = encrypted.new_file(path.name, project.target.alias, _first_key(project), values)
    atomic.write(str(path), made.text.encode())


def _sealed(project: Project, path: Path) -> tuple[Sealed, tuple[Key, ...]]:
    keys = keyring(project, os.environ).keys
    return encrypted.sealed(variables.text_in(path), name=path.name, target=project.target.alias), keys


def _first_key(project: Project) -> Key:
    """The key that there is, or a new one in a file of the user's own."""
    paths = paths_of_keys(project, os.environ)
    if ring := find_keys(paths, alias=project.target.alias, surroundings=os.environ):
        return ring.key
    key = new_key()
    _keep_keys(paths[-1], (key,))
    return key


def _keep_keys(path: Path, keys: tuple[Key, ...]) -> None:
    """The newest first; the older ones still open what git has of the past."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = "# Keys of encrypted environment files, the one in use first. Never commit this file.\n"
    atomic.write(str(path), (text + "".join(f"{key.text}\n" for key in keys)).encode(), mode=0o600)


def rotate(project: Project, *, dry_run: bool = False) -> Path:
    """Encrypt every value of the encrypted file anew, with a new key; the file of keys, which has it first. With
    `dry_run` nothing is written.

    The file as it was is kept beside it. Raises ConfigError where there is no such file, or the key is no file's.
    """
    path = encrypted_file(project)
    if not path.exists():
        hint = "`deploy_env set --in encrypted NAME` makes one."
        raise ConfigError(f"There is no encrypted file {path.name!r}.", hint=hint)
    ring = keyring(project, os.environ)
    if ring.path is None:
        hint = "Put it into a file for that, and give the CI the new key afterwards."
        raise ConfigError("The key is in a variable, which cannot be given another one.", hint=hint)
    file, keys = _sealed(project, path)
    values, key = encrypted.opened(file, keys), new_key()
    if dry_run:
        return ring.path
    _keep_keys(ring.path, (key, *keys))  # first: a file whose key is lost would be lost too
    atomic.write(f"{path}.previous", variables.text_in(path).encode())
    atomic.write(str(path), encrypted.new_file(file.name, file.target, key, values).text.encode())
    return ring.path
