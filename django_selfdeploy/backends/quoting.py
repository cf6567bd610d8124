"""Template filters that quote a value for the syntax it is placed in, or refuse it."""

from __future__ import annotations

import re
from typing import Any

from django.template import Library

from ..core.errors import ConfigError

register = Library()

_safe_word = re.compile(r"[A-Za-z0-9_./:@%+,=*~^-]+\Z")
_control = re.compile(r"[\x00-\x1f\x7f]")
_comment = re.compile(r"\s[;#]")
"""Where supervisor's parser ends a value (configparser, inline_comment_prefixes)."""


def _printable(value: Any, syntax: str) -> str:
    text = str(value)
    if _control.search(text):
        raise ConfigError(
            f"The value {text!r} cannot be written into a file for {syntax}.",
            hint="Take the line breaks and control characters out of it.",
        )
    return text


@register.filter
def nginx(value: Any) -> str:
    """A word of nginx's configuration; quoted where it has spaces, refused where it has a variable."""
    text = _printable(value, "nginx")
    if "$" in text:
        raise ConfigError(f"The value {text!r} holds a `$`, which nginx takes for a variable.", hint="Rename it.")
    if _safe_word.match(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@register.filter
def supervisor(value: Any) -> str:
    """A value of supervisor's configuration: percent signs doubled, comments refused."""
    text = _printable(value, "supervisor")
    if _comment.search(text) or '"' in text:
        raise ConfigError(
            f"The value {text!r} holds a comment or a quote, which supervisor cuts off.", hint="Rename it."
        )
    return text.replace("%", "%%")


@register.filter
def words(value: Any) -> str:
    """A command, a tuple of words, as supervisor splits it (shlex): each word quoted where it needs to be."""
    return " ".join(_word(word) for word in value)


def _word(word: Any) -> str:
    text = _printable(word, "supervisor")
    if _safe_word.match(text):
        return text.replace("%", "%%")
    if "'" in text or _comment.search(text):
        raise ConfigError(
            f"The word {text!r} of a command cannot be quoted for supervisor.",
            hint="Put the command into a script of the project.",
        )
    return "'" + text.replace("%", "%%") + "'"


@register.filter
def python(value: Any) -> str:
    """A literal of Python."""
    return repr(value)
