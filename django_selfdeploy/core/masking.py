"""Which values of an environment file are secret: on the controller and on the host alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote, urlsplit

PUBLIC = re.compile(
    r"(ALLOWED_HOSTS|DEBUG|DJANGO_SETTINGS_MODULE|LANG|LC_\w+|LANGUAGE_CODE|TZ|TIME_ZONE|PORT|HOST|\w*_HOST|\w*_PORT"
    r"|\w*_HOSTS|\w*_ORIGINS|\w*_TIMEOUT|\w*_ENGINE|\w*_BACKEND|\w*_DEBUG|\w*LOG_LEVEL|SELFDEPLOY_(?!KEY)\w+)\Z"
)
"""Names whose values are no secrets: masking them would blank out ordinary words of the output."""

LITERAL = re.compile(r"(?i)(true|false|yes|no|on|off|none|null|-?\d+(\.\d+)?)\Z")

_ASSIGNMENT = re.compile(r"(?:export )?([A-Za-z_][A-Za-z_0-9]*)=(.*)")


def secrets_of(variables: Mapping[str, str]) -> tuple[str, ...]:
    """The values to mask: all but those of names and kinds that are surely public; of URLs their passwords too."""
    found = []
    for name, value in variables.items():
        if PUBLIC.match(name) or LITERAL.match(value):
            continue
        found.append(value)
        password = _password(value)
        if password:
            found += [password, unquote(password)]
    return tuple(found)


def secrets_in(paths: Iterable[str]) -> tuple[str, ...]:
    """The values to mask of environment files, without django-environ: each with its quotes and without.

    What is not there, or may not be read, has none.
    """
    found: list[str] = []
    for path in paths:
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                found += secrets_in_text(file.read())
        except OSError:
            continue
    return tuple(dict.fromkeys(found))


def secrets_in_text(text: str) -> tuple[str, ...]:
    """The values to mask of the text of an environment file."""
    lines = map(_ASSIGNMENT.match, text.splitlines())
    pairs = {str(line[1]): str(line[2]) for line in lines if line}
    found: list[str] = []
    for strip in (str, _unquoted, lambda value: _unquoted(_unquoted(value)).replace("\\\\", "\\")):
        found += secrets_of({name: strip(value) for name, value in pairs.items()})
    return tuple(dict.fromkeys(found))


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def _password(value: str) -> str:
    try:
        return urlsplit(value).password or ""
    except ValueError:
        return ""
