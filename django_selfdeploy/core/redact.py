"""Secrets taken out of text by their values, in every form in which they travel."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from .secret import MASK

SHORTEST = 6
"""Values of fewer characters are not searched for: they would blank out ordinary words."""


class Redactor:
    """Masks known values; it learns more of them while a deployment runs, so it is not frozen."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.learn(values)

    def learn(self, values: Iterable[str]) -> None:
        for value in values:
            if len(value) >= SHORTEST:
                self._forms.update(_forms(value))
        longest_first = sorted(self._forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern else text


def _forms(value: str) -> set[str]:
    """The value as it is, as each line of it, url-encoded, quoted by Python and JSON, and in base64 (RFC 4648)."""
    raw = value.encode("utf-8", "surrogateescape")
    encoded = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    forms = {value, quote(raw, safe=""), quote(raw), quote_plus(raw), repr(value)[1:-1]}
    forms |= {json.dumps(value, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    forms |= encoded | {text.rstrip("=") for text in encoded}
    forms |= set(value.splitlines())
    return {form for form in forms if len(form) >= SHORTEST}
