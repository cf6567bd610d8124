"""Letting another program take this process's place, with its terminal."""

from __future__ import annotations

import os
import sys

from django_selfdeploy.core.errors import HostError


def become(words: tuple[str, ...]) -> None:
    """Does not return. Raises HostError where there is no such program here."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvp(words[0], words)  # noqa: S606 - words, not a shell's line
    except OSError as error:
        raise HostError(
            f"{words[0]!r} cannot be run: {error.strerror}.", hint="Install it, on Debian as openssh-client."
        ) from error
