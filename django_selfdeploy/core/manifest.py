"""What a source tree consists of: one entry a file, named by the hash of its bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from .codec import record

FILE, PROGRAM, LINK = 0o100644, 0o100755, 0o120000
"""The modes that git knows for a file, an executable file and a symbolic link."""


@record
@dataclass(frozen=True)
class Entry:
    """One file of a source tree.

    `path` is relative, with forward slashes; `blob` is git's object id of the bytes (of the target, for a
    link) in hexadecimal; `mode` is one of FILE, PROGRAM, LINK; `size` is in bytes.
    """

    path: str
    blob: str
    mode: int
    size: int

    def to_json(self) -> list[Any]:
        return [self.path, self.blob, self.mode, self.size]

    @classmethod
    def from_json(cls, row: list[Any]) -> Entry:
        return cls(str(row[0]), str(row[1]), int(row[2]), int(row[3]))


def blob_id(data: bytes, *, like: str = "") -> str:
    """Git's object id of `data`: SHA-256 where `like` has 64 digits, else SHA-1 (gitformat-pack, "blob")."""
    kind = "sha256" if len(like) == 64 else "sha1"
    digest = hashlib.new(kind, b"blob %d\0" % len(data), usedforsecurity=False)
    digest.update(data)
    return digest.hexdigest()
