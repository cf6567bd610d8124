"""The setting ENV: what a target's variables come from besides its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .backends.base import option
from .core.errors import ConfigError
from .project.env_text import NAME
from .typed import fields_of


@dataclass(frozen=True)
class EnvSources:
    """Sources of variables besides the files of the target: each comes before the one above it."""

    inherit: tuple[str, ...] = option(
        (), "Variables of the environment that the command runs in, as a CI gives its secrets: by name."
    )
    commands: dict[str, tuple[str, ...]] = option(
        {},
        "Commands that print a value, by variable, each a list of words: "
        '`{"DATABASE_URL": ["pass", "show", "mysite/db"]}`.',
    )
    key_file: str = option(
        "",
        "File with the key of `.env.TARGET.enc`; default: .env.TARGET.key beside manage.py, else "
        "~/.config/selfdeploy/NAME.key. The variable SELFDEPLOY_KEY comes first.",
    )


def env_options(where: str, given: Any) -> EnvSources:
    """What the dictionary ENV stands for. Raises ConfigError."""
    sources = EnvSources(**fields_of(where, EnvSources, given))
    if not isinstance(sources.commands, dict):
        raise ConfigError(f"{where}['COMMANDS'] is not a dictionary.", hint='Write {"NAME": ["pass", "show", "..."]}.')
    for name in (*sources.inherit, *sources.commands):
        if not NAME.match(str(name)):
            raise ConfigError(f"{where} names {name!r}, which is no variable.", hint="Use letters, digits and _.")
    for name, words in sources.commands.items():
        if not isinstance(words, (list, tuple)) or not words or not all(isinstance(word, str) for word in words):
            hint = 'Write each as a list of words: ["pass", "show", "mysite/db"].'
            raise ConfigError(f"{where}['COMMANDS'][{name!r}] is no list of words.", hint=hint)
    return EnvSources(
        sources.inherit, {name: tuple(words) for name, words in sources.commands.items()}, sources.key_file
    )
