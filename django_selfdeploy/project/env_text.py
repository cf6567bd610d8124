"""The text of an environment file, written so that every django-environ reads the very values that went in."""

from __future__ import annotations

import inspect
import io
import re
from collections.abc import Mapping
from typing import Any

import environ

from ..core.errors import ConfigError

NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*\Z")

LONGEST = 131072
"""Bytes that `NAME=value` and its closing NUL may have: longer ones no process can be started with (MAX_ARG_STRLEN
of execve(2))."""

_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]*\Z")
_BREAK = re.compile("[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_REFERENCE = re.compile(r"\$+([A-Za-z_][A-Za-z_0-9]*)\Z")


def text_of(variables: Mapping[str, str]) -> str:
    """An environment file with these variables, one a line, by name.

    Raises ConfigError, with the name and never the value, for one that an environment file cannot hold.
    """
    for name, value in variables.items():
        _judge(name, value, variables)
    text = "".join(f"{name}={_written(value)}\n" for name, value in sorted(variables.items()))
    read = parsed(text)
    for name, value in variables.items():
        if read.get(name) != value:  # a django-environ that reads otherwise than those we know
            raise _refused(name, "would be read back as another one")
    return text


def parsed(text: str) -> dict[str, str]:
    """The variables of an environment file, as django-environ understands them. This process's own are untouched."""
    return _parsed(text)


def reads_alike(text: str) -> bool:
    """Whether every django-environ that may be on a host reads the same: before 0.12 a # ended a value."""
    if "parse_comments" not in inspect.signature(environ.Env.read_env).parameters:
        return not any("#" in line and not line.startswith("#") for line in text.splitlines())
    return _parsed(text, parse_comments=True) == _parsed(text)


def _parsed(text: str, **options: bool) -> dict[str, str]:
    """By a reader of its own, whose variables are not this process's: other threads may be starting programs."""
    apart: Any = type("Apart", (environ.Env,), {"ENVIRON": {}})
    apart.read_env(io.StringIO(text), **options)
    return dict(apart.ENVIRON)


def _judge(name: str, value: str, variables: Mapping[str, str]) -> None:
    if not NAME.match(name):
        raise ConfigError(f"{name!r} is no name of a variable.", hint="Use letters, digits and underscores.")
    if _BREAK.search(value):
        raise _refused(name, "has more than one line")
    if "\0" in value:
        raise _refused(name, "holds a NUL")
    try:
        length = len(value.encode())
    except UnicodeEncodeError as error:
        raise _refused(name, "is not UTF-8") from error
    if len(name) + length + 2 > LONGEST:
        raise _refused(name, f"is longer than the {LONGEST} bytes that a process can be given")
    reference = _REFERENCE.match(value)
    known = reference and (reference[1] in variables or reference[1].startswith("SELFDEPLOY_"))
    if value.startswith("$") and not known:
        raise _refused(name, "begins with $, which django-environ takes for the name of another variable")


def _refused(name: str, why: str) -> ConfigError:
    hint = "Encode it, in base64 say, and decode it in the settings; or choose another one."
    return ConfigError(f"The value of {name} {why}.", hint=hint)


def _written(value: str) -> str:
    """Single quotes keep everything, except that double quotes within them are taken off as a second layer."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        escaped = value.replace("\\", "\\\\")
        return f"'\"{escaped}\"'"
    return value if _PLAIN.match(value) else f"'{value}'"
