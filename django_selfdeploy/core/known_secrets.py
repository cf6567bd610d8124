"""The secrets that a host knows by itself: nobody has to send them for its output to be masked."""

from __future__ import annotations

from .layout import Layout
from .masking import secrets_in
from .state import read_release


def known_secrets(layout: Layout, live: str) -> tuple[str, ...]:
    """The values of the environment files that are kept, and of the release `live`, "" for none; and the key."""
    release = read_release(layout.release(live)) if live else None
    own = (layout.variables_of(live, release.project),) if release else ()
    found = secrets_in((layout.variables, layout.previous_variables, *own))
    try:
        with open(layout.secret_key, encoding="utf-8") as file:
            return (*found, file.read().strip())
    except (OSError, ValueError):
        return found
