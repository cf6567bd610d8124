"""Where the key of a target's encrypted environment file comes from."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import ConfigError
from .encrypted import Key, keys_of

VARIABLE = "SELFDEPLOY_KEY"
"""The variable of the controller that holds the key, or keys; one with _TARGET at its end comes first."""


@dataclass(frozen=True)
class Keyring:
    """Keys, and `path`, the file that they are in; None where they come from a variable."""

    keys: tuple[Key, ...]
    path: Path | None = None

    @property
    def key(self) -> Key:
        """The one that new files are encrypted with."""
        return self.keys[0]


def variables_of(alias: str) -> tuple[str, str]:
    """The variables that may hold the key of the target `alias`, the first of them before the second."""
    return (f"{VARIABLE}_{re.sub('[^A-Z0-9]', '_', alias.upper())}", VARIABLE)


def find_keys(paths: tuple[Path, ...], *, alias: str, surroundings: Mapping[str, str]) -> Keyring | None:
    """The keys of the first variable or file that is there; None where none is.

    Raises ConfigError for one that holds no key, and for a file that others may read.
    """
    for name in variables_of(alias):
        if surroundings.get(name, "").strip():
            return Keyring(keys_of(surroundings[name], where=name))
    path = next((path for path in paths if path.exists()), None)
    return Keyring(keys_of(_private_text(path), where=repr(str(path))), path) if path else None


def _private_text(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        if mode & 0o077:
            raise ConfigError(f"Others may read the key in {str(path)!r}.", hint=f"Run `chmod 600 {path}`.")
        return path.read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        raise ConfigError(f"The key in {str(path)!r} cannot be read.", hint="Mend its owner or its text.") from error


def key_paths(folder: Path, *, alias: str, name: str, named: str, surroundings: Mapping[str, str]) -> tuple[Path, ...]:
    """The files that may hold the key, in order: the one named in the settings, or else one beside manage.py and one
    in the user's own configuration, which is where a new one is made.
    """
    if named:
        return (folder / Path(named).expanduser(),)
    own = surroundings.get("XDG_CONFIG_HOME") or os.path.join(surroundings.get("HOME") or "~", ".config")
    return (folder / f".env.{alias}.key", Path(own).expanduser() / "selfdeploy" / f"{name}.key")


def missing(file: str, alias: str, paths: tuple[Path, ...]) -> ConfigError:
    """What is to be said where there is an encrypted file, and no key for it."""
    return ConfigError(
        f"{file!r} is encrypted, and there is no key for it.",
        hint=f"Set {variables_of(alias)[1]}, or put the key into {paths[-1]} with mode 0600.",
    )
