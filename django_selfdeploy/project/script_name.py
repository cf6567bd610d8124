"""FORCE_SCRIPT_NAME: the path below which the whole site is, for visitors and for those who ask as they do."""

from __future__ import annotations

from django.conf import settings


def prefix() -> str:
    """The path without a slash at its end; "" where the site is at the root of its host."""
    return str(settings.FORCE_SCRIPT_NAME or "").rstrip("/")


def below(path: str) -> str:
    """The part of a visitor's `path` that Django's URLs are about; "" where the site is not there."""
    script = prefix()
    if not script:
        return path
    return path[len(script) :] if path.startswith(f"{script}/") else ""
