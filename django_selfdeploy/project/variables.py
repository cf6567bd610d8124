"""The environment file of a target: read as django-environ reads it, and what in it is secret."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import environ

from ..core.errors import ConfigError
from ..core.secret import Secret

PUBLIC = re.compile(
    r"(ALLOWED_HOSTS|DEBUG|DJANGO_SETTINGS_MODULE|LANG|LC_\w+|LANGUAGE_CODE|TZ|TIME_ZONE|PORT|HOST|\w*_HOST|\w*_PORT"
    r"|\w*_HOSTS|\w*_ORIGINS|\w*_TIMEOUT|\w*_ENGINE|\w*_BACKEND|\w*_DEBUG|\w*LOG_LEVEL|SELFDEPLOY_\w+)\Z"
)
"""Names whose values are no secrets: masking them would blank out ordinary words of the output."""

LITERAL = re.compile(r"(?i)(true|false|yes|no|on|off|none|null|-?\d+(\.\d+)?)\Z")


def find(folder: Path, *, named: str, alias: str) -> Path | None:
    """The environment file beside manage.py: the one named, `.env.TARGET`, or `.env`. None where there is none.

    Raises ConfigError when the one named is not there.
    """
    if named:
        path = folder / named
        if not path.is_file():
            raise ConfigError(f"The file of environment variables {named!r} is not there.", hint=f"Write {path}.")
        return path
    return next((path for path in (folder / f".env.{alias}", folder / ".env") if path.is_file()), None)


def read(path: Path) -> tuple[Secret, dict[str, str]]:
    """The text of the file and its variables. Raises ConfigError for a line that would be lost or cut."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigError(f"{str(path)!r} cannot be read: {error}.", hint="Mend its mode or encoding.") from error
    for number, line in enumerate(text.splitlines(), 1):
        _judge(path, number, line)
    return Secret(text), parsed(text)


def _judge(path: Path, number: int, line: str) -> None:
    stripped = line.strip()
    if not stripped or stripped.startswith("#"):
        return
    name = stripped.removeprefix("export ").partition("=")[0].strip()
    if "=" not in stripped or not re.match(r"[A-Za-z_][A-Za-z_0-9]*\Z", name):
        raise ConfigError(f"Line {number} of {path.name!r} is no NAME=value.", hint="Mend or remove the line.")
    if "\0" in line:
        raise ConfigError(f"The value of {name} in {path.name!r} holds a NUL.", hint="Encode it, in base64 say.")


def parsed(text: str) -> dict[str, str]:
    """The variables of an environment file, as django-environ understands them. This process's own are untouched."""
    before = dict(os.environ)
    try:
        os.environ.clear()
        environ.Env.read_env(io.StringIO(text))
        return dict(os.environ)
    finally:
        os.environ.clear()
        os.environ.update(before)


def secrets_of(variables: dict[str, str]) -> tuple[str, ...]:
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


def _password(value: str) -> str:
    try:
        return urlsplit(value).password or ""
    except ValueError:
        return ""
