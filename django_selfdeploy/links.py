"""Symbolic links of a source, followed inside it; `links` has the target of each by its path."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from .core.errors import SourceError


def guard_links(links: Mapping[str, str]) -> None:
    """SourceError for the first link that leads out of the source."""
    for path, target in links.items():
        if followed(path, links) is None:
            hint = f"Put a copy of what it points to in its place, or remove it: {shlex.join(('rm', path))}"
            raise SourceError(f"{path!r} is a link that leads out of the source, to {target!r}.", hint=hint)


def followed(path: str, links: Mapping[str, str]) -> str | None:
    """Where `path` leads, links followed as the kernel does; "" for a loop, None for out of the source."""
    here: list[str] = []
    ahead = path.split("/")[::-1]
    hops = 0
    while ahead:
        name = ahead.pop()
        target = links.get("/".join([*here, name]))
        hops += target is not None
        if hops > 40:  # MAXSYMLINKS of Linux: path_resolution(7)
            return ""
        if (target or "").startswith("/") or (name == ".." and not here):
            return None
        if target is not None:
            ahead += target.split("/")[::-1]
        elif name == "..":
            here.pop()
        elif name not in ("", "."):
            here.append(name)
    return "/".join(here)
