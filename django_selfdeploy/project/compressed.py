"""Compressed siblings of static files, for a front server that sends them as they lie there."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import importlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePath

from .made import Made, link

ENDINGS = (
    *(".css", ".js", ".mjs", ".map", ".json", ".geojson", ".webmanifest", ".svg", ".xml", ".htm", ".html"),
    *(".txt", ".md", ".csv", ".ico", ".wasm", ".eot", ".otf", ".ttf"),
)
"""Endings of what becomes smaller by compression; images, videos and woff2 are compressed already."""

LEAST = 256
"""Bytes under which compression gains nothing: the headers of the answer are larger."""

Compress = Callable[[bytes], bytes]


def methods(*, use_gzip: bool, brotli: bool) -> dict[str, Compress]:
    """How to compress, by the ending of the sibling; brotli where its package is installed in the release."""
    found: dict[str, Compress] = {}
    if use_gzip:
        found[".gz"] = lambda data: gzip.compress(data, 9, mtime=0)
    if brotli:
        with contextlib.suppress(ImportError):
            found[".br"] = importlib.import_module("brotli").compress
    return found


def compress(folder: Path, names: Iterable[str], made: Made, by: dict[str, Compress]) -> None:
    """Give every file of `names` below `folder` its siblings, unless it has them, or they would not be smaller.

    In threads: both libraries let others work while they do.
    """
    names = frozenset(names)
    wanted = [name for name in names if PurePath(name).suffix.lower() in ENDINGS]

    def siblings(name: str) -> None:
        path = folder / name
        data = path.read_bytes()
        if len(data) < LEAST:
            return
        digest = hashlib.sha256(data).hexdigest()
        for ending, method in by.items():
            if f"{name}{ending}" not in names:
                kept = made.take(f"{digest}{ending}", lambda method=method: _smaller(method, data))  # type: ignore[misc]
                if kept is not None:
                    link(kept, Path(f"{path}{ending}"))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(siblings, wanted if by else ()))


def _smaller(method: Compress, data: bytes) -> bytes | None:
    small = method(data)
    return small if len(small) < len(data) else None
