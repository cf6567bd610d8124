"""The default of a variable as text: as an environment file would have it, and whether it may be shown."""

from __future__ import annotations

import json
import re
from pathlib import PurePath
from typing import Any
from urllib.parse import ParseResult, urlsplit

from ..core.masking import LITERAL, PUBLIC
from .contract import DEFAULT, HIDDEN, NONE

SECRET = re.compile(r"(?i)SECRET|PASS|PWD|TOKEN|KEY|CREDENTIAL|PRIVATE|SALT|DSN|AUTH|SIGNATURE|CERT")
"""Names, and keys in a value, behind which a secret may be."""

LONGEST = 200
"""Characters of a default that is still told."""


def shown(name: str, value: Any) -> tuple[str, str]:
    """What a reading of `name` has otherwise, and its text: one of the constants of contract.py, and "" for no text."""
    if value is None:
        return NONE, ""
    text = _text(value)
    return (DEFAULT, text) if is_harmless(name, text) else (HIDDEN, "")


def is_harmless(name: str, text: str) -> bool:
    """Whether a default may be shown: it is short, of one line, and neither the name nor the text hints at a secret."""
    if not text or LITERAL.match(text):
        return True
    if len(text) > LONGEST or not text.isprintable() or _has_password(text):
        return False
    return bool(PUBLIC.match(name)) or not (SECRET.search(name) or SECRET.search(text))


def _has_password(text: str) -> bool:
    try:
        return any(urlsplit(part).password is not None for part in text.split(","))
    except ValueError:
        return True


def _text(value: Any) -> str:
    if isinstance(value, ParseResult):
        return value.geturl()
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(map(str, value)) if isinstance(value, (set, frozenset)) else map(str, value)
        return ",".join(items)
    if isinstance(value, dict):
        return json.dumps(value, default=str)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (str, bool, int, float, PurePath)):
        return str(value)
    return f"a {type(value).__name__}"
