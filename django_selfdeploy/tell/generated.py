"""The configuration files that a deployment wrote into its release, as far as everybody may read them."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass

from ..core.layout import Layout
from ..core.text import plain

LARGEST = 256 * 1024
"""In bytes; no file that we write comes near it."""

_release = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]*")


@dataclass(frozen=True)
class GeneratedFile:
    """A file of a release's etc/ folder: its name and its text, both without control characters."""

    name: str
    text: str


def generated_files(root: str, release: str) -> tuple[GeneratedFile, ...]:
    """The files of `release` below `root` by name; empty when they are gone.

    Left out is what is no plain file, not readable for everybody, larger than LARGEST, or behind a link.
    """
    folder = f"{Layout(os.path.realpath(root)).release(release)}/etc"
    if not _release.fullmatch(release) or os.path.realpath(folder) != folder:
        return ()
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return ()
    texts = ((name, _public_text(f"{folder}/{name}")) for name in names)
    return tuple(GeneratedFile(_fit(name), text) for name, text in texts if text is not None)


def _public_text(path: str) -> str | None:
    """The file's text; None where it is not for everybody. What is judged is the open file: what is read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        about = os.fstat(handle)
        public = stat.S_ISREG(about.st_mode) and about.st_mode & stat.S_IROTH
        if not public or about.st_size > LARGEST:
            return None
        with open(handle, "rb", closefd=False) as file:
            return plain(file.read(LARGEST).decode("utf-8", "replace"))
    finally:
        os.close(handle)


def _fit(name: str) -> str:
    return plain(name.encode("utf-8", "replace").decode())
