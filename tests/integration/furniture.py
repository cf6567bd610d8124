"""Files laid down on a host, as one archive that is unpacked inside: nothing is written from outside."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass

UNPACK = ("tar", "--extract", "--same-owner", "--preserve-permissions", "--overwrite-dir", "--directory", "/")


@dataclass(frozen=True)
class Piece:
    """A file, or without `text` a folder; `path` is relative to the host's root."""

    path: str
    text: str | None = None
    mode: int = 0o644
    owner: int = 0


def archive(pieces: Iterable[Piece]) -> bytes:
    """What UNPACK takes on its standard input; later pieces may lie in folders that are earlier ones."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for piece in pieces:
            content = (piece.text or "").encode()
            member = tarfile.TarInfo(piece.path)
            member.type = tarfile.DIRTYPE if piece.text is None else tarfile.REGTYPE
            member.size, member.mode, member.uid, member.gid = len(content), piece.mode, piece.owner, piece.owner
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
