"""What the processes of the live release have written, from an offset on, so that it can be followed."""

from __future__ import annotations

import os
import re
from typing import Any

from .layout import Layout
from .text import plain

MOST = 1 << 18
"""Bytes that are read of one log at a time."""

_rotated = re.compile(r"\.[0-9]+\Z")

SHARED = {"access": "access.log", "front": "front-error.log", "supervisord": "supervisord.log"}
"""Logs that are not of a release but of the whole site, by the name under which they are asked for."""


def names(layout: Layout) -> dict[str, str]:
    """The path of each log there is, by name: the live release's programs first, then the project's own files."""
    live = os.path.basename(os.path.realpath(layout.current))
    found = _in(layout.release_log(live), ending=".log")
    for name, path in _in(layout.project_log, ending="").items():
        found[f"project-{name}" if name in (*found, *SHARED) else name] = path
    shared = {name: f"{layout.log}/{file}" for name, file in SHARED.items()}
    return {**found, **{name: path for name, path in shared.items() if os.path.exists(path)}}


def _in(folder: str, *, ending: str) -> dict[str, str]:
    """The logs in a folder by name; rotated ones are no longer written."""
    try:
        files = sorted(os.listdir(folder))
    except OSError:
        return {}
    chosen = (name for name in files if name.endswith(ending) and not _rotated.search(name))
    return {name.removesuffix(".log"): f"{folder}/{name}" for name in chosen}


def read(layout: Layout, wanted: tuple[str, ...], offsets: dict[str, Any], *, lines: int) -> dict[str, Any]:
    """`logs`: by name the path, the text, and the offset to go on from; `known`: every name there is.

    A log that was not read before gives its last `lines` lines. One that was replaced (a new release went live,
    or it was rotated) is read from its beginning. Without `wanted` all but the access log.
    """
    known = names(layout)
    chosen = wanted or tuple(name for name in known if name != "access")
    found = {}
    for name in chosen:
        if name in known:
            found[name] = _read(known[name], offsets.get(name), lines)
    return {"logs": found, "known": list(known)}


def _read(path: str, before: dict[str, Any] | None, lines: int) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            replaced = before is not None and (before["path"] != path or before["offset"] > size)
            start = 0 if replaced else before["offset"] if before else max(0, size - MOST)
            file.seek(start)
            data = file.read(MOST)
    except OSError:
        return {"path": path, "offset": 0, "text": ""}
    end = data.rfind(b"\n") + 1 or (MOST if len(data) == MOST else 0)  # a line longer than MOST comes in pieces
    whole = data if before is None else data[:end]
    text = plain(whole.decode("utf-8", "replace"))
    if before is None:
        text = "".join(text.splitlines(keepends=True)[-lines:])
    return {"path": path, "offset": start + len(whole), "text": text}
