"""The variables of a target, gathered on this machine from all their sources; a later one overrides an earlier."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .core.errors import ConfigError
from .core.masking import secrets_of
from .core.redact import Redactor
from .core.secret import Secret
from .options import Project
from .project import variables
from .project.env_keys import Keyring, find_keys, key_paths, missing
from .project.env_text import reads_alike, text_of

COMMAND_SECONDS = 60.0
"""What a command may take that prints a value: somebody may have to touch a key or type a password."""


@dataclass(frozen=True)
class Variable:
    """A variable, and where its value comes from: the name of a file, "environment", or "command `PROGRAM`"."""

    name: str
    value: Secret
    source: str


@dataclass(frozen=True)
class Gathered:
    """The variables by name. `text` is the environment file for a release, None where this machine has no source at
    all, and the hosts keep what they have. `keys` are masked too.
    """

    variables: dict[str, Variable]
    text: Secret | None
    keys: tuple[Secret, ...] = ()

    @property
    def values(self) -> dict[str, str]:
        return {name: one.value.reveal() for name, one in self.variables.items()}

    @property
    def secrets(self) -> tuple[str, ...]:
        """What to mask in all output."""
        return (*secrets_of(self.values), *(key.reveal() for key in self.keys))


def gather(project: Project, surroundings: Mapping[str, str] | None = None) -> Gathered:
    """Read every source; `surroundings` is the environment of the command, that of this process by default.

    Raises ConfigError for a source that cannot be read, and for a value that no environment file can hold.
    """
    here = os.environ if surroundings is None else surroundings
    found: dict[str, Variable] = {}
    keys: tuple[Secret, ...] = ()
    if encrypted_file(project).exists():
        ring = keyring(project, here)
        keys = tuple(Secret(key.text) for key in ring.keys)
        found |= _named(_decrypted(project, ring), encrypted_file(project).name)
    alone: Secret | None = None
    if path := local_file(project):
        alone, local = variables.read(path)
        found |= _named(local, path.name)
    for name, value, source in (*_inherited(project, here, found), *_said(project)):
        found[name] = Variable(name, Secret(value), source)
    if not found and alone is None:
        return Gathered({}, None, keys)
    if path and alone and reads_alike(alone.reveal()) and all(one.source == path.name for one in found.values()):
        return Gathered(found, alone, keys)
    made = Gathered(found, None, keys)
    return Gathered(found, Secret(text_of(made.values)), keys)


def encrypted_file(project: Project) -> Path:
    return project.folder / f".env.{project.target.alias}.enc"


def local_file(project: Project) -> Path | None:
    """The file of variables that is never committed. The common `.env`, which mostly is for development, does not
    count where the target has an encrypted file.
    """
    target = project.target
    path = variables.find(project.folder, named=target.env_file, alias=target.alias)
    if path and path.name == ".env" and not target.env_file and encrypted_file(project).exists():
        return None
    return path


def keyring(project: Project, surroundings: Mapping[str, str]) -> Keyring:
    """The keys of the encrypted file. Raises ConfigError where there is none."""
    paths = paths_of_keys(project, surroundings)
    found = find_keys(paths, alias=project.target.alias, surroundings=surroundings)
    if found is None:
        raise missing(encrypted_file(project).name, project.target.alias, paths)
    return found


def paths_of_keys(project: Project, surroundings: Mapping[str, str]) -> tuple[Path, ...]:
    """The files that may hold a key, the one that a new key would be written to last."""
    target = project.target
    return key_paths(
        project.folder, alias=target.alias, name=target.name, named=target.env.key_file, surroundings=surroundings
    )


def _named(values: Mapping[str, str], source: str) -> dict[str, Variable]:
    return {name: Variable(name, Secret(value), source) for name, value in values.items()}


def _decrypted(project: Project, ring: Keyring) -> dict[str, str]:
    from .project import encrypted  # only who has such a file needs the library

    path = encrypted_file(project)
    return encrypted.opened(
        encrypted.sealed(variables.text_in(path), name=path.name, target=project.target.alias), ring.keys
    )


def _inherited(
    project: Project, surroundings: Mapping[str, str], found: Mapping[str, Variable]
) -> Iterator[tuple[str, str, str]]:
    for name in project.target.env.inherit:
        if name in surroundings:
            yield name, surroundings[name], "environment"
        elif name not in found and name not in project.target.env.commands:
            raise ConfigError(
                f"{name} is not set here, and ENV['INHERIT'] takes it from the environment.",
                hint=f"Export it, or give it a value for this machine: `manage.py deploy_env set {name}`.",
            )


def _said(project: Project) -> Iterator[tuple[str, str, str]]:
    for name, words in project.target.env.commands.items():
        yield name, _answer(name, words, str(project.folder)), f"command `{os.path.basename(words[0])}`"


@cache
def _answer(name: str, words: tuple[str, ...], folder: str) -> str:
    """What a command prints, without the line end behind it. It is asked once, however often we gather."""
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, timeout=COMMAND_SECONDS)
    except OSError as error:
        raise _unsaid(name, words, f"cannot be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise _unsaid(name, words, f"took more than {COMMAND_SECONDS:g} seconds") from error
    if done.returncode:
        complaint = _last_line(done.stderr, done.stdout)
        raise _unsaid(name, words, f"ended with status {done.returncode}{complaint and f': {complaint}'}")
    try:
        return done.stdout.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise _unsaid(name, words, "printed something that is not UTF-8") from error


def _unsaid(name: str, words: tuple[str, ...], why: str) -> ConfigError:
    program = os.path.basename(words[0])
    return ConfigError(f"The command `{program}` for the variable {name} {why}.", hint="Run it by hand; see ENV.")


def _last_line(errors: bytes, output: bytes) -> str:
    """The last line of what it complained of, less what it had printed: that could be the value."""
    lines = errors.decode("utf-8", "replace").strip().splitlines() or [""]
    said = output.decode("utf-8", "replace")
    return "" if said.strip() and said.strip() in lines[-1] else Redactor(said.split())(lines[-1]).rstrip(".")[:200]
