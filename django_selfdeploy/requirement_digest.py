"""The digest of requirements: it changes with their files, and with every local file or folder they name."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path

from .core.errors import RequirementsError, SourceError
from .core.manifest import Entry
from .requirement_files import Stated
from .requirement_lines import finds_links, local_path, parsed
from .source import Source, find_source


def digest(source: Source, stated: Stated) -> str:
    """SHA-256 in hexadecimal; RequirementsError where a file or folder that a line names is not in the source."""
    texts = [(path, _sha256((source.text(path) or "").encode())) for path in stated.files]
    local = [(line, _content(source, line, path)) for line, path in stated.wanted if parsed(line).place]
    return _sha256(json.dumps([stated.kind, stated.install_from, texts, stated.lines, local]).encode())


def _content(source: Source, line: str, path: str) -> str:
    """A hash over the file or folder that a line names; "" where it is a URL, or not on this machine."""
    place = parsed(line).place
    if place.startswith(("file:/", "/")):
        return _content_on_disk(line, local_path(place))
    if "://" in place or "${" in place or re.match(r"\w+\+", place):
        return ""
    relative = re.split(r"[#\[]", place.removeprefix("file:"))[0].strip()
    starts = ("", posixpath.dirname(path))  # installers differ: the folder they run in, or that of the file
    insides = [posixpath.normpath(posixpath.join(start, relative)) for start in starts]
    below = next(filter(None, (_below(source, inside) for inside in insides)), [])
    if not below and not finds_links(line):
        hint = f"Commit {relative!r}, or take the line out."
        raise RequirementsError(f"{path!r} names {relative!r}, which is not in the source.", hint=hint)
    return _hash_over(below)


def _below(source: Source, path: str) -> list[Entry]:
    """The entries in a folder, or the one at `path`."""
    inside = "" if path == "." else f"{path}/"
    return [each for each in source.entries if each.path == path or each.path.startswith(inside)]


def _content_on_disk(line: str, place: Path) -> str:
    if place.is_file():
        return _sha256(place.read_bytes())
    if not place.is_dir():
        return ""
    try:
        return _hash_over(find_source(place, allow_dirty=True).entries)
    except SourceError as error:
        raise RequirementsError(f"{line!r} cannot be taken: {error.message}", hint=error.hint) from error


def _hash_over(entries: Iterable[Entry]) -> str:
    return _sha256(json.dumps([entry.to_json() for entry in entries]).encode())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
