"""What no source may hold: names that nobody can read, submodules, too many files, huge ones."""

from __future__ import annotations

import os
import shlex
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

from .core.errors import SourceError

MOST_FILES = 100_000
LARGEST_FILE = 512 * 1024**2
"""What a source may hold at most: so many files, none of them with more bytes than that."""


def guard_names(paths: Iterable[str]) -> None:
    """SourceError for the first path that is not UTF-8, moves a cursor, or would leave the release."""
    hint = "Rename it, or leave it out of the project."
    for path in paths:
        try:
            path.encode()
        except UnicodeEncodeError as error:
            raise SourceError(f"The file name {os.fsencode(path)!r} is not UTF-8.", hint=hint) from error
        if any(unicodedata.category(char) == "Cc" for char in path):
            raise SourceError(f"The file name {path!r} has a control character.", hint=hint)
        if {"", ".", "..", ".git"} & set(path.lower().split("/")):
            raise SourceError(f"The file name {path!r} is not one that a release may have.", hint=hint)


def guard_submodules(paths: Iterable[str]) -> None:
    """SourceError for the first of `paths`, which are those of submodules."""
    for path in paths:
        removal = shlex.join(("git", "rm", "--cached", path))
        hint = f"Install it as a requirement, or commit its files here, after: {removal}"
        raise SourceError(f"{path!r} is a submodule, which is not deployed.", hint=hint)


def guard_size(sizes: Mapping[str, int]) -> None:
    """SourceError for more than MOST_FILES paths, and for one with more bytes than LARGEST_FILE."""
    hint = "Move it out of the folder that is deployed."
    if len(sizes) > MOST_FILES:
        [(part, count)] = Counter(path.partition("/")[0] for path in sizes).most_common(1)
        message = f"The source has {len(sizes):,} files, {count:,} of them in {part!r}."
        raise SourceError(f"{message} The limit is {MOST_FILES:,}.", hint=hint)
    largest = max(sizes, key=lambda path: sizes[path], default="")
    if largest and sizes[largest] > LARGEST_FILE:
        message = f"{largest!r} has {sizes[largest]:,} bytes. The limit is {LARGEST_FILE:,}."
        raise SourceError(message, hint=hint)
