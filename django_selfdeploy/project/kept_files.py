"""Files that a project writes into its own folder, which a new release replaces: logs, caches and sessions."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from ..log_files import BACKUPS, SIZE
from .adjustment import Adjustment, Places, Values, inside, like
from .consistency.caches import FILES, SESSIONS
from .consistency.logs import PLAIN, ROTATED, SHARED, file_handlers

REPLACED = (PLAIN, "logging.handlers.WatchedFileHandler", *ROTATED)
"""Handlers that several processes cannot share, or that rotate nothing."""

OF_TIMES = ("when", "interval", "utc", "atTime")
"""What TimedRotatingFileHandler takes, and no other."""


def logs(values: Values, places: Places) -> Iterator[Adjustment]:
    """Log files in the release: kept in a folder of their own, rotated, and shared by the processes."""
    logging = values.get("LOGGING")
    found = {name: (one, str(one["filename"])) for name, one in file_handlers(logging)}
    below = {name: where for name, (_, path) in found.items() if (where := inside(path, places)) is not None}
    if not below:
        return
    names = Counter(os.path.basename(where) for where in set(below.values()))
    handlers = dict(logging["handlers"])  # type: ignore[index]
    for name, where in below.items():
        base = os.path.basename(where)
        short = base if names[base] == 1 else where.replace(os.sep, "-")
        handlers[name] = _shared(found[name][0], f"{places.log}/{short}")
    for name in below:
        yield Adjustment(
            76,
            f"The log file {found[name][1]!r} is in the folder that a new release replaces.",
            f"It is {str(handlers[name]['filename'])!r}, which outlives releases and is rotated.",
            "Nothing needs to be done; a log file outside of the project is left where it is.",
            {"LOGGING": {**logging, "handlers": handlers}},  # type: ignore[dict-item]
            (places.log,),
        )


def _shared(handler: dict[str, Any], path: str) -> dict[str, Any]:
    if handler["class"] not in REPLACED:
        return {**handler, "filename": path}
    kept = {key: value for key, value in handler.items() if key not in OF_TIMES}
    size, count = handler.get("maxBytes") or SIZE, handler.get("backupCount") or BACKUPS
    return {**kept, "class": SHARED, "filename": path, "maxBytes": size, "backupCount": count}


def unwritable(values: Values, can_write: Callable[[str], bool]) -> Iterator[Adjustment]:
    """Log files that cannot be written: no process would start, so their lines go to the console instead."""
    logging = values.get("LOGGING")
    refused = {name: one for name, one in file_handlers(logging) if not can_write(str(one["filename"]))}
    if not refused:
        return
    console = {name: _instead(one, "logging.StreamHandler") for name, one in refused.items()}
    changed = {**logging, "handlers": {**logging["handlers"], **console}}  # type: ignore[dict-item,index]
    for name, handler in refused.items():
        path = str(handler["filename"])
        yield Adjustment(
            77,
            f"The log file {path!r} of the handler {name!r} cannot be written.",
            "Its lines go to the log of the process.",
            "Let the user of the site write there, or name another file; a path without a slash is kept in ROOT/log.",
            {"LOGGING": changed},
        )


def without_files(logging: Any) -> Any:
    """LOGGING that opens no file, for a look that changes nothing."""
    silent = {name: _instead(one, "logging.NullHandler") for name, one in file_handlers(logging)}
    return {**logging, "handlers": {**logging["handlers"], **silent}} if silent else logging


def _instead(handler: dict[str, Any], kind: str) -> dict[str, Any]:
    kept: dict[str, Any] = {key: handler[key] for key in ("level", "filters", "formatter") if key in handler}
    return {"class": kind, **kept}


def caches(values: Values, places: Places) -> Iterator[Adjustment]:
    """Caches of files in the release: with it they would be gone, and sessions in them."""
    every = values.get("CACHES") or {}
    moved = {}
    for alias, cache in every.items():
        below = inside(str(cache.get("LOCATION") or ""), places) if cache.get("BACKEND") == FILES else None
        if below is not None:
            moved[alias] = {**cache, "LOCATION": os.path.join(places.shared, below)}
    for alias, cache in moved.items():
        yield Adjustment(
            87,
            f"The files of the cache {alias!r} are in the folder that a new release replaces.",
            f"They are kept in {cache['LOCATION']!r}, which outlives releases.",
            "Nothing needs to be done; a location outside of the project is left alone.",
            {"CACHES": {**every, **moved}},
        )


def sessions(values: Values, places: Places) -> Iterator[Adjustment]:
    """Sessions that are files in the release: everybody would be logged out by the next one."""
    path = str(values.get("SESSION_FILE_PATH") or "")
    if not path or values.get("SESSION_ENGINE") != f"{SESSIONS}.backends.file":
        return
    below = inside(path, places)
    if below is None:
        return
    kept = os.path.join(places.shared, below)
    yield Adjustment(
        87,
        f"SESSION_FILE_PATH is {path!r}, in the folder that a new release replaces.",
        f"Sessions are kept in {kept!r}, which outlives releases.",
        "Nothing needs to be done; a place outside of the project is left alone.",
        {"SESSION_FILE_PATH": like(kept, values["SESSION_FILE_PATH"])},
        (kept,),
    )
