"""The files that belong to a project, and not to what is installed or made beside it."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

NOT_OURS = ("node_modules", "site-packages", "__pycache__")
LARGEST = 1_000_000
"""Bytes of a file in which words are still looked for."""

PROSE = (".md", ".rst", ".svg", ".po", ".lock")


def files(folder: Path) -> Iterator[Path]:
    """The files below `folder`, less those of hidden folders, virtual environments and installed packages."""
    for place, folders, names in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if name not in NOT_OURS and name[0] != "." and not Path(place, name, "pyvenv.cfg").exists()
        ]
        yield from (Path(place, name) for name in names)


def words(folder: Path, wanted: Collection[str]) -> frozenset[str]:
    """Those of the words `wanted` that stand in some file of the project; prose and environment files are none."""
    left = set(wanted)
    for path in files(folder):
        if not left:
            break
        if path.suffix not in PROSE and not path.name.startswith(".env"):
            left -= _in_file(path, left)
    return frozenset(set(wanted) - left)


def _in_file(path: Path, wanted: Collection[str]) -> set[str]:
    pattern = re.compile(rb"\b(" + b"|".join(re.escape(word.encode()) for word in wanted) + rb")\b")
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            return set()
        return {found.decode() for found in pattern.findall(path.read_bytes())}
    except OSError:
        return set()
