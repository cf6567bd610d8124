"""The setting BUILD: commands that make files of the release, as a front-end build does."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from .backends.base import option
from .core.errors import ConfigError
from .typed import REFERENCE, fields_of

FRONT_END = (
    *(".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".vue", ".svelte", ".astro", ".json", ".lock"),
    *(".css", ".pcss", ".scss", ".sass", ".less", ".styl", ".html", ".htm", ".jinja", ".jinja2", ".svg", ".yaml"),
    *(".yml", ".toml"),
)
"""Endings of what a front-end build reads, where nobody says."""

NAMES = ("package.json", "yarn.lock", "bun.lockb", ".npmrc", ".nvmrc", ".node-version", ".browserslistrc", ".babelrc")


@dataclass(frozen=True)
class Build:
    """Commands that run in the release before it is looked at; skipped while what they read is the same."""

    commands: tuple[tuple[str, ...], ...] = option((), 'Commands, each a list of words: `["npm", "ci"]`.')
    inputs: tuple[str, ...] = option(
        (),
        'Paths that they read, beside manage.py, for example `["package-lock.json", "frontend/*"]`; default: scripts, '
        "style sheets, templates, lock files and the like, and everything where Tailwind is at work.",
    )
    timeout: float = option(900.0, "Seconds that each of them may take.")

    def reads(self, path: str, *, everything: bool) -> bool:
        """Whether a change of `path`, relative to the folder of manage.py, calls for another build."""
        if self.inputs:
            return any(_covers(pattern, path) for pattern in self.inputs)
        return everything or path.endswith(FRONT_END) or posixpath.basename(path) in NAMES

    @property
    def names_tailwind(self) -> bool:
        """Whether a command runs Tailwind, which looks for class names in every file of the project."""
        return any("tailwind" in word for command in self.commands for word in command)


def _covers(pattern: str, path: str) -> bool:
    """Whether `path` is what the pattern names, or lies below it."""
    folder = pattern.rstrip("/")
    return path == folder or path.startswith(f"{folder}/") or fnmatchcase(path, pattern)


def build_options(where: str, given: Any) -> Build:
    """What BUILD stands for: a list of commands, or a dictionary with COMMANDS. Raises ConfigError."""
    if isinstance(given, (list, tuple)):
        given = {"COMMANDS": given}
    build = Build(**fields_of(where, Build, given))
    commands = tuple(tuple(command) if isinstance(command, (list, tuple)) else () for command in build.commands)
    if not all(command and all(isinstance(word, str) for word in command) for command in commands):
        hint = 'Write each as a list of words: "BUILD": [["npm", "ci"], ["npm", "run", "build"]].'
        raise ConfigError(f"{where} has a command that is no list of words.", hint=hint)
    if build.timeout <= 0:
        raise ConfigError(f"{where}['TIMEOUT'] is {build.timeout:g}.", hint=REFERENCE)
    return Build(commands, build.inputs, build.timeout)
