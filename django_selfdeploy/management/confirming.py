"""The question before something that cannot be taken back."""

from __future__ import annotations

import sys

from django_selfdeploy.core.errors import ConfigError


def confirmed(question: str, *, yes: bool) -> bool:
    """Whether the user says yes; with `yes` nobody is asked. Raises ConfigError where nobody can be."""
    if yes:
        return True
    if not sys.stdin or not sys.stdin.isatty():
        raise ConfigError("This asks before it does anything, and nobody is there to ask.", hint="Add --yes.")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
