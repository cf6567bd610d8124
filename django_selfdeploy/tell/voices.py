"""What a command writes on several hosts at once: whole lines, each with the name of its host."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import BinaryIO

STREAMS = ("output", "errors")


class Voices:
    """Takes bytes from many threads, and writes them to one of two streams, or keeps them. Not frozen: it collects.

    Of one host alone everything is passed on as it comes; `named` lines wait for their end.
    """

    def __init__(self, output: BinaryIO, errors: BinaryIO, *, kept: bool, named: bool) -> None:
        self._streams = {"output": output, "errors": errors}
        self._kept, self._named = kept, named
        self._turn = threading.Lock()
        self._held: dict[tuple[str, str], bytes] = {}

    def of(self, host: str) -> Callable[[str, bytes], None]:
        """Who hears the command on `host`."""
        return lambda stream, data: self._hear(host, stream, data)

    def texts(self, host: str) -> dict[str, str]:
        """All that the command on `host` wrote, where it is kept."""
        return {stream: self._held.get((host, stream), b"").decode("utf-8", "replace") for stream in STREAMS}

    def end(self) -> None:
        """Write the lines that were not ended."""
        for (host, stream), rest in self._held.items():
            if rest and not self._kept:
                self._write(stream, f"{host}: ".encode() + rest + b"\n")

    def _hear(self, host: str, stream: str, data: bytes) -> None:
        with self._turn:
            if not self._kept and not self._named:
                self._write(stream, data)
                return
            held = self._held.get((host, stream), b"") + data
            if self._named and not self._kept:
                whole, _, held = held.rpartition(b"\n")
                for line in whole.split(b"\n") if whole else ():
                    self._write(stream, f"{host}: ".encode() + line + b"\n")
            self._held[host, stream] = held

    def _write(self, stream: str, data: bytes) -> None:
        self._streams[stream].write(data)
        self._streams[stream].flush()
