"""How controller and runner talk: a line of JSON, then as many raw bytes as it announces."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from . import codec

PIECE = 1 << 20
"""Bytes are sent in pieces of at most this many: a transport may copy what is left at every packet."""

HELLO = "selfdeploy-runner"
"""First word of the line with which a runner begins; what comes before it is a chatty login."""

VERSION = 1

WANTED, UNABLE, NO_PYTHON, NO_RIGHT = (
    f"selfdeploy-{word}" for word in ("runner-wanted", "unable", "no-python", "no-right")
)
WORDS = (WANTED, UNABLE, NO_PYTHON, NO_RIGHT)
"""With what a bootstrap begins its lines: the host lacks the runner, a folder for it, Python, or the right."""

FILES = "selfdeploy-files"
"""First word of the line with which a controller announces the runner's files, their size is the last."""


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
        self.send_bytes(head.encode("utf-8", "surrogatepass") + b"\n", payload)

    def send_bytes(self, *parts: bytes) -> None:
        """Send what is no frame, or one that is made already; nothing comes in between the parts."""
        with self._sending:
            for part in parts:
                for start in range(0, len(part), PIECE):
                    self._writing.write(part[start : start + PIECE])
            self._writing.flush()
            self.sent += sum(map(len, parts))

    def send_if_idle(self, kind: str) -> None:
        """Send a frame unless another one is under way; that says the same to somebody who counts silence."""
        if self._sending.locked():
            return
        self.send(kind)

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

    def expect_hello(
        self, nonce: str, *, lines: int = 500, otherwise: Callable[[str, str], None] = lambda word, rest: None
    ) -> None:
        """Skip what a login prints, up to the runner's first line. Raises ValueError when it does not come.

        A bootstrap may say something else before, on lines that begin with a word of ours and the nonce:
        `otherwise` hears them, as word and rest.
        """
        wanted = f"{HELLO} {VERSION} {nonce}"
        seen = []
        for _ in range(lines):
            line = self._reading.readline()
            text = line.decode("utf-8", "replace").strip()
            word, _, rest = text.partition(f" {nonce}")
            if text == wanted:
                return
            if not line:
                break
            if word in WORDS:
                otherwise(word, rest.strip())
                continue
            seen.append(line)
        raise ValueError(b"".join(seen)[-2000:].decode("utf-8", "replace"))
