"""How controller and runner talk: a line of JSON, then as many raw bytes as it announces."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, BinaryIO

from . import codec

PIECE = 1 << 20
"""Bytes are sent in pieces of at most this many: a transport may copy what is left at every packet."""

HELLO = "selfdeploy-runner"
"""First word of the line with which a runner begins; what comes before it is a chatty login."""

VERSION = 1


@dataclass(frozen=True)
class Frame:
    """`kind` says what it is; `fields` are records and plain values; `payload` raw bytes, mostly none."""

    kind: str
    fields: dict[str, Any]
    payload: bytes = b""


class Channel:
    """Frames over a pair of byte streams. Sending is safe from several threads; receiving is for one."""

    def __init__(self, reading: BinaryIO, writing: BinaryIO) -> None:
        self._reading, self._writing = reading, writing
        self._sending = threading.Lock()
        self.sent = self.received = 0

    def send(self, kind: str, payload: bytes = b"", **fields: Any) -> None:
        """Raises BrokenPipeError (an OSError) when the other side is gone."""
        head = codec.dumps({"kind": kind, "bytes": len(payload), **fields}, reveal=True)
        data = head.encode("utf-8", "surrogatepass") + b"\n"
        with self._sending:
            self._writing.write(data)
            for start in range(0, len(payload), PIECE):
                self._writing.write(payload[start : start + PIECE])
            self._writing.flush()
            self.sent += len(data) + len(payload)

    def receive(self) -> Frame | None:
        """The next frame; None at the end of the stream. Raises ValueError for what is no frame."""
        line = self._reading.readline()
        if not line.endswith(b"\n"):
            return None
        try:
            fields = codec.loads(line.decode("utf-8", "surrogatepass"))
            kind, size = fields.pop("kind"), int(fields.pop("bytes"))
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"{line[:200]!r} is no frame") from error
        payload = self._reading.read(size) if size else b""
        if len(payload) < size:
            return None
        self.received += len(line) + size
        return Frame(kind, fields, payload)

    def expect_hello(self, nonce: str, *, lines: int = 500) -> None:
        """Skip what a login prints, up to the runner's first line. Raises ValueError when it does not come."""
        wanted = f"{HELLO} {VERSION} {nonce}".encode()
        seen = []
        for _ in range(lines):
            line = self._reading.readline()
            if line.strip() == wanted:
                return
            if not line:
                break
            seen.append(line)
        raise ValueError(b"".join(seen)[-2000:].decode("utf-8", "replace"))
