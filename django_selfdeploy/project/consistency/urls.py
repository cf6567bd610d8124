"""Paths in the settings: below which the site, its static files and its media are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..facts import Message
from .surroundings import Sight, Surroundings, Values, told

_path = re.compile(r"(/[^/?#\\\x00-\x20\x7f]+)*\Z")


def judged(values: Values, around: Surroundings, seen: Sight) -> Iterator[Message]:
    """FORCE_SCRIPT_NAME, STATIC_URL and MEDIA_URL that no visitor could ask for."""
    script = values["FORCE_SCRIPT_NAME"]
    if script and not is_prefix(str(script)):
        yield told(
            "selfdeploy.E063",
            f"FORCE_SCRIPT_NAME is {script!r}, which is no path.",
            f'Write FORCE_SCRIPT_NAME = "/{str(script).strip("/") or "app"}", or leave it out.',
        )
    for name in ("STATIC_URL", "MEDIA_URL"):
        url = str(values[name] or "")
        if url and not _is_served(url):
            yield told(
                "selfdeploy.E064",
                f"{name} is {url!r}, so the front server cannot tell its files from pages.",
                f'Write {name} = "{name[:-4].lower()}/".',
            )


def is_prefix(script: str) -> bool:
    """Whether a whole site can be below the path; a slash at its end is left out by Django."""
    return script == script.strip() and bool(_path.match(script.rstrip("/"))) and ".." not in script


def _is_served(url: str) -> bool:
    """Whether it is a path of its own, or another host's business."""
    if "//" in url:
        return True
    trimmed = url.strip("/")
    return bool(trimmed) and url.endswith("/") and ".." not in url and "//" not in url and "?" not in url
