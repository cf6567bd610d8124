"""A port that leads to another one, as of a server that starts late, or for hosts that reach no loopback of ours."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .databases import Server
from .network import Network


class Forwarder:
    """Passes connections to `port` of `address` on to the port `to` of this machine, from `after` seconds on.

    It runs, so it is not frozen.
    """

    def __init__(self, address: str, port: int, *, to: int, after: float = 0.0) -> None:
        self._place, self._to, self._after = (address, port), to, after
        self._ended = threading.Event()

    def __enter__(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        self._ended.wait(self._after)
        pairs: dict[Any, Any] = {}
        with socket.create_server(self._place) as listening:
            while not self._ended.is_set():
                for ready in select.select([listening, *pairs], [], [], 0.05)[0]:
                    if ready is listening:
                        one, other = listening.accept()[0], socket.create_connection(("127.0.0.1", self._to))
                        pairs |= {one: other, other: one}
                    elif ready in pairs:
                        self._pass_on(ready, pairs)
        for one in pairs:
            one.close()

    def _pass_on(self, ready: Any, pairs: dict[Any, Any]) -> None:
        try:
            data = ready.recv(1 << 16)
            pairs[ready].sendall(data)
        except OSError:
            data = b""  # one of the two was cut off
        if not data:
            peer = pairs.pop(ready)
            del pairs[peer]
            ready.close()
            peer.close()


@contextmanager
def database_for(network: Network, server: Server) -> Iterator[tuple[str, str]]:
    """A new database of the server that hosts of the network reach: its name, and its URL for them and for this machine."""
    name = server.create()
    try:
        with Forwarder(network.address, server.port, to=server.port):
            yield name, server.url(name).replace("127.0.0.1", network.address)
    finally:
        server.drop(name)
