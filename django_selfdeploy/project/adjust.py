"""Settings that would be unsafe on a running site, and what the release uses instead.

A plain `startproject` has DEBUG on, an insecure SECRET_KEY, no allowed host, no STATIC_ROOT, and its SQLite file in
the folder that a new release replaces. Each is put right here, and each is told. Pure: values in, values out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Values = dict[str, Any]

INSECURE = "django-insecure-"
"""Prefix of the keys that startproject makes (django.core.management.utils)."""

LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
"""What Django itself allows while DEBUG is on and ALLOWED_HOSTS is empty (django.http.request)."""


@dataclass(frozen=True)
class Places:
    """Where a release lives: `code` its source, `project` the folder of manage.py, `public` its static files."""

    code: str
    project: str
    public: str
    shared: str
    media: str


@dataclass(frozen=True)
class Adjustment:
    """What was found and what is used instead; `number` is that of its check, `values` the settings that change."""

    number: int
    found: str
    instead: str
    hint: str
    values: Values


def adjustments(values: Values, places: Places, new_key: Callable[[], str]) -> tuple[Adjustment, ...]:
    """Everything in `values`, the project's settings, that must not go live as it is."""
    found = (_debug(values), _secret_key(values, new_key), _allowed_hosts(values), _media(values, places))
    several = (
        *_databases(values, places),
        *_storages(values, places),
        *_sendfile(values, places),
        *_below_media(values, places),
    )
    every = (*(one for one in found if one is not None), *several)
    return tuple(sorted(every, key=lambda one: one.number))


def static_root(values: Values, places: Places) -> str | Path | None:
    """Where collectstatic puts the release's files: below `public`, at the path of STATIC_URL.

    None where static files have a host of their own, or no URL at all.
    """
    url = values.get("STATIC_URL") or ""
    if not url or "//" in url or ".." in url:
        return None
    prefix = "" if url.startswith("/") else (values.get("FORCE_SCRIPT_NAME") or "")
    root = os.path.normpath(f"{places.public}/{prefix.strip('/')}/{url.strip('/')}")
    return _like(root, values.get("STATIC_ROOT"))


def _debug(values: Values) -> Adjustment | None:
    if not values.get("DEBUG"):
        return None
    return Adjustment(
        1,
        "DEBUG is on.",
        "The release runs with DEBUG = False.",
        'Write DEBUG = env.bool("DEBUG", default=False), as `manage.py deploy_init` does.',
        {"DEBUG": False},
    )


def _secret_key(values: Values, new_key: Callable[[], str]) -> Adjustment | None:
    key = str(values.get("SECRET_KEY") or "")
    if key and not key.startswith(INSECURE):
        return None
    return Adjustment(
        2,
        "SECRET_KEY is the one that startproject made, or empty.",
        "The release uses a key of its own, made once and kept in shared/secret_key.",
        'Write SECRET_KEY = env("SECRET_KEY"), and put the key into .env: `manage.py deploy_init` does both.',
        {"SECRET_KEY": new_key()},
    )


def _allowed_hosts(values: Values) -> Adjustment | None:
    if values.get("ALLOWED_HOSTS"):
        return None
    return Adjustment(
        3,
        "ALLOWED_HOSTS is empty.",
        f"The release answers to {', '.join(LOCAL_HOSTS)} only.",
        'Write for example ALLOWED_HOSTS = ["www.example.com", "localhost"].',
        {"ALLOWED_HOSTS": LOCAL_HOSTS},
    )


def _media(values: Values, places: Places) -> Adjustment | None:
    root = str(values.get("MEDIA_ROOT") or "")
    inside = _inside(root, places)
    if root and inside is None:
        return None
    used = bool(root) or bool(values.get("MEDIA_URL"))
    return Adjustment(
        5 if used else 0,
        f"MEDIA_ROOT is {root!r}, in the folder that a new release replaces.",
        f"Uploads are kept in {places.media!r}, which outlives releases.",
        "Nothing needs to be done; a MEDIA_ROOT outside of the project is left alone.",
        {"MEDIA_ROOT": _like(places.media, values.get("MEDIA_ROOT"))},
    )


def _databases(values: Values, places: Places) -> Iterator[Adjustment]:
    databases = values.get("DATABASES") or {}
    moved = {}
    for alias, database in databases.items():
        name = str(database.get("NAME", ""))
        if "sqlite" not in str(database.get("ENGINE")) and "spatialite" not in str(database.get("ENGINE")):
            continue
        inside = None if name == ":memory:" or name.startswith("file:") else _inside(name, places)
        if inside is not None:
            path = os.path.join(places.shared, inside)
            moved[alias] = {**database, "NAME": _like(path, database["NAME"])}
    for alias, database in moved.items():
        yield Adjustment(
            4,
            f"The SQLite file of the database {alias!r} is in the folder that a new release replaces.",
            f"The release uses {str(database['NAME'])!r}, which outlives releases.",
            "Nothing needs to be done; to start with the data that you have, copy your file there.",
            {"DATABASES": {**databases, **moved}},
        )


def _storages(values: Values, places: Places) -> Iterator[Adjustment]:
    storages = values.get("STORAGES") or {}
    moved = {}
    for alias, storage in storages.items():
        location = str((storage.get("OPTIONS") or {}).get("location") or "")
        inside = _inside(location, places) if location and alias != "staticfiles" else None
        if inside is not None:
            path = _like(os.path.join(places.shared, inside), storage["OPTIONS"]["location"])
            moved[alias] = {**storage, "OPTIONS": {**storage["OPTIONS"], "location": path}}
    for alias, storage in moved.items():
        yield Adjustment(
            6,
            f"The files of the storage {alias!r} are in the folder that a new release replaces.",
            f"They are kept in {str(storage['OPTIONS']['location'])!r}, which outlives releases.",
            "Nothing needs to be done; a location outside of the project is left alone.",
            {"STORAGES": {**storages, **moved}},
        )


def _sendfile(values: Values, places: Places) -> Iterator[Adjustment]:
    """Files that a view hands over by the front server: they move with MEDIA_ROOT where they lie below it."""
    root, media = (str(values.get(name) or "") for name in ("SENDFILE_ROOT", "MEDIA_ROOT"))
    inside = _inside(root, places) if root else None
    if inside is None:
        return
    below = _inside(media, places) if media else None
    moved = os.path.join(places.shared, inside)
    if below is not None and (inside == below or inside.startswith(f"{below}/")):
        moved = os.path.normpath(os.path.join(places.media, os.path.relpath(inside, below)))
    yield Adjustment(
        6,
        f"SENDFILE_ROOT is {root!r}, in the folder that a new release replaces.",
        f"Its files are kept in {moved!r}, which outlives releases.",
        "Nothing needs to be done; a place outside of the project is left alone.",
        {"SENDFILE_ROOT": _like(moved, values["SENDFILE_ROOT"])},
    )


def _like(path: str, given: Any) -> str | Path:
    """The path as the project gave its own: views may go on from a Path with `/`."""
    return Path(path) if isinstance(given, Path) else path


def _below_media(values: Values, places: Places) -> Iterator[Adjustment]:
    """The project's own settings that name a folder of uploads, as EXPORTS = MEDIA_ROOT / "exports" does."""
    media = str(values.get("MEDIA_ROOT") or "")
    if not media or _inside(media, places) in (None, "."):
        return
    media = os.path.realpath(os.path.join(places.project, media))
    for name, value in values.items():
        if name == "SENDFILE_ROOT" or not name.isupper() or not isinstance(value, (str, Path)):
            continue
        path = os.path.normpath(value)
        if path.startswith(f"{media}/"):
            moved = os.path.join(places.media, os.path.relpath(path, media))
            yield Adjustment(
                6,
                f"{name} is {path!r}, in the folder that a new release replaces.",
                f"It is {moved!r} in the release, as it lies in MEDIA_ROOT.",
                "Nothing needs to be done; a place outside of the project is left alone.",
                {name: _like(moved, value)},
            )


def _inside(path: str, places: Places) -> str | None:
    """`path` relative to the release's source when it lies in it, else None. Relative ones start at manage.py."""
    whole = os.path.realpath(os.path.join(places.project, path))
    code = os.path.realpath(places.code)
    if os.path.commonpath((whole, code)) != code:
        return None
    return os.path.relpath(whole, code)
