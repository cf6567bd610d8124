"""The clients of a load: this file runs in a process of its own, and is told by JSON what to do (see load.py).

Threads with blocking sockets and an HTTP/1.1 client by hand, because that costs least. Standard library only.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import random
import re
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Row = tuple[float, float, str, int, str, str, bool]
"""The fields of a Sample of load.py."""


@dataclass(frozen=True)
class Kind:
    """`count` clients that send one request again and again: its `head`, and `body_bytes` random bytes.

    `keeps` uses a connection again, `confirmed` wants length and SHA-256 of the body back, `spread` lets the
    clients begin one after the other within a second, so that not all of them are at the same stage.
    """

    name: str
    count: int
    head: str
    body_bytes: int = 0
    keeps: bool = False
    confirmed: bool = False
    spread: bool = False


@dataclass(frozen=True)
class Order:
    """What is asked for. `pause` is the rest after an answer in seconds, `timeout` the limit of one request."""

    address: tuple[str, int]
    kinds: tuple[Kind, ...]
    pause: float
    timeout: float
    limit_seconds: float
    limit_requests: int


def read_order(text: str) -> Order:
    """The order that load.py has written as JSON."""
    given = json.loads(text)
    kinds = tuple(Kind(**kind) for kind in given["kinds"])
    return Order(**{**given, "address": tuple(given["address"]), "kinds": kinds})


def work(order: Order) -> dict[str, Any]:
    """Ask until standard input ends or says anything, or until a limit; return what a Report is made of."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group, but the parent decides
    gc.disable()  # nothing here is cyclic, and a collection over all rows would show up as latency
    rows: list[Row] = []
    over = threading.Event()
    clients = [_Client(kind, place, order, rows, over) for kind, place in _places(order)]
    threads = [threading.Thread(target=client.run, daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    os.write(1, b"asking\n")
    told, _, _ = select.select([sys.stdin], [], [], order.limit_seconds)
    over.set()
    for thread in threads:
        thread.join()  # each request has its own time limit
    cut_short = "" if told else f"after {order.limit_seconds:g} s"
    if len(rows) >= order.limit_requests:
        cut_short = f"after {order.limit_requests} requests"
    return {"samples": rows, "cpu_seconds": time.process_time(), "cut_short": cut_short}


def _places(order: Order) -> Iterator[tuple[Kind, float]]:
    """The kind of each client, and its place among those of its kind: 0 <= place < 1."""
    for kind in order.kinds:
        yield from ((kind, position / kind.count) for position in range(kind.count))


class _Client:
    """Sends one kind of request again and again, one at a time."""

    def __init__(self, kind: Kind, place: float, order: Order, rows: list[Row], over: threading.Event) -> None:
        self._kind, self._order, self._rows, self._over = kind, order, rows, over
        self._delay = place if kind.spread else 0.0
        self._head = kind.head.encode()
        self._connection: _Connection | None = None
        self._reconnected = False

    def run(self) -> None:
        self._over.wait(self._delay)
        while not self._over.is_set() and len(self._rows) < self._order.limit_requests:
            self._rows.append(self._ask())
            self._over.wait(self._order.pause * random.uniform(0.5, 1.5))

    def _ask(self) -> Row:
        started, self._reconnected = time.monotonic(), False
        status, release = 0, ""
        try:
            body = os.urandom(self._kind.body_bytes)
            answer = self._exchange(self._head + body, started + self._order.timeout)
            status, release, failure = answer.status, answer.release, _fault(answer)
            if self._kind.confirmed:
                failure = failure or _unconfirmed(body, answer.body)
        except Exception as error:  # whatever it was: a request without an answer is counted
            failure = _reason(error, self._connection)
            self._drop()
        seconds = time.monotonic() - started
        if seconds > self._order.timeout:
            failure = failure or "timeout"
        return started, seconds, self._kind.name, status, failure, release, self._reconnected

    def _exchange(self, request: bytes, deadline: float) -> _Answer:
        repeatable = not self._kind.confirmed
        if self._connection and not repeatable and self._connection.closed():
            self._drop()
            self._reconnected = True
        connection = self._connection or _Connection(self._order.address, deadline)
        self._connection = connection
        try:
            answer = connection.exchange(request, deadline)
        except (EOFError, ConnectionError):
            if not (repeatable and connection.served and not connection.received):
                raise
            self._drop()
            self._reconnected = True
            return self._exchange(request, deadline)  # once only: the new connection has served nothing
        if not (self._kind.keeps and answer.keep):
            self._drop()
        return answer

    def _drop(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None


@dataclass(frozen=True)
class _Answer:
    status: int
    release: str
    body: bytes
    keep: bool


class _Connection:
    """One HTTP/1.1 connection (RFC 9112), as much of it as a load needs."""

    def __init__(self, address: tuple[str, int], deadline: float) -> None:
        self.served = 0
        self.received = 0
        """Bytes of the present answer."""
        self._buffer = b""
        self._deadline = deadline
        self._socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        try:
            self._socket.settimeout(self._left())
            self._socket.connect(address)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            self._socket.close()
            raise

    def close(self) -> None:
        self._socket.close()

    def closed(self) -> bool:
        """Whether the other side has closed this connection while it was idle."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        if not poll.poll(0):
            return False
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except ConnectionError:
            return True

    def exchange(self, request: bytes, deadline: float) -> _Answer:
        """Raises EOFError or ConnectionError if cut, TimeoutError, and ValueError for a malformed answer."""
        self._deadline, self.received = deadline, 0
        self._socket.settimeout(self._left())
        self._socket.sendall(request)
        version, status, rest = self._status()
        found = {name.lower(): value.strip() for name, value in _FIELDS.findall(rest)}
        body = b"" if status in (204, 304) else self._body(found)
        if self._buffer:
            raise ValueError("more than was announced")
        self.served += 1
        keep = version == b"1" and found.get(b"connection", b"").lower() != b"close"
        return _Answer(status, found.get(b"x-selfdeploy-release", b"").decode("latin-1"), body, keep)

    def _status(self) -> tuple[bytes, int, bytes]:
        while True:
            head = self._until(b"\r\n\r\n")
            parts = _STATUS.match(head)
            if not parts:
                raise ValueError("no status line")
            if not 100 <= int(parts[2]) < 200:  # an interim answer, such as 103 Early Hints
                return parts[1], int(parts[2]), head

    def _body(self, found: dict[bytes, bytes]) -> bytes:
        if found.get(b"transfer-encoding", b"").lower() == b"chunked":
            return b"".join(self._chunks())
        if b"content-length" not in found:  # ended by the close of the connection: a cut would look the same
            raise ValueError("no length")
        return self._take(int(found[b"content-length"]))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._until(b"\r\n").partition(b";")[0], 16):
            yield self._take(size)
            if self._until(b"\r\n"):
                raise ValueError("a chunk longer than announced")
        while self._until(b"\r\n"):
            pass  # trailer fields

    def _until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            self._receive()
        before, _, self._buffer = self._buffer.partition(end)
        return before

    def _take(self, size: int) -> bytes:
        if size < 0:
            raise ValueError("a negative length")
        while len(self._buffer) < size:
            self._receive()
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _receive(self) -> None:
        self._socket.settimeout(self._left())
        data = self._socket.recv(1 << 16)
        if not data:
            raise EOFError
        self.received += len(data)
        self._buffer += data

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


_STATUS = re.compile(rb"HTTP/1\.([01]) (\d{3})(?: |\r|$)")
_FIELDS = re.compile(
    rb"\r\n(connection|content-length|transfer-encoding|x-selfdeploy-release):([^\r\n]*)", re.IGNORECASE
)


def _fault(answer: _Answer) -> str:
    return "" if 200 <= answer.status < 300 else f"status {answer.status}"


def _unconfirmed(sent: bytes, told: bytes) -> str:
    """The answer may be JSON or text: what counts is that both stand in it as whole words."""
    words = re.findall(rb"\w+", told)
    if str(len(sent)).encode() not in words:
        return "wrong length"
    return "" if hashlib.sha256(sent).hexdigest().encode() in words else "wrong sha256"


def _reason(error: Exception, connection: _Connection | None) -> str:
    where = "mid-answer" if connection and connection.received else "before the answer"
    match error:
        case TimeoutError():
            return "timeout"
        case ConnectionRefusedError():
            return "refused"
        case EOFError():
            return f"closed {where}"
        case ConnectionError():
            return f"reset {where}"
        case ValueError():
            return f"malformed answer: {error}"
    return repr(error)


if __name__ == "__main__":
    json.dump(work(read_order(sys.argv[1])), sys.stdout)
