"""A load of mixed requests that notices each one that is lost: the proof that a switch loses none.

    python benchmarks/load.py --port 8000 --seconds 10

It runs in a process of its own, so that the Python that deploys does not disturb its timing: threads with
blocking sockets and an HTTP/1.1 client by hand, because that costs least. Standard library only, for Linux.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import ipaddress
import json
import math
import os
import random
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

Address = tuple[str, int]
Windows = Sequence[tuple[float, float]]

KINDS = ("keepalive", "fresh", "posts", "slow")
GRACE = 15.0
"""Seconds beyond a request's time limit in which a stopped load must have reported."""


@dataclass(frozen=True)
class Mix:
    """How many clients of each kind ask at once, and what; each has at most one request under way.

    `keepalive` clients GET `path` on a kept connection, `fresh` ones on a new connection each time, `posts`
    send `body_bytes` random bytes to `post_path` on a kept connection and want their length and SHA-256 back,
    `slow` ones GET `slow_path` on a new connection. Between an answer and its next request a client rests for
    `pause` seconds, give or take a half by chance, so that clients do not march in step.
    """

    keepalive: int = 8
    fresh: int = 4
    posts: int = 2
    slow: int = 4
    path: str = "/"
    post_path: str = "/guestbook/echo/"
    slow_path: str = "/slow/?seconds=3"
    body_bytes: int = 2048
    pause: float = 0.02


USUAL = Mix()


@dataclass(frozen=True)
class Sample:
    """One request, begun at `started` (of `time.monotonic()`) and settled `seconds` later.

    `status` is 0 if no complete answer came; `failure` says why the request counts as failed, or is empty;
    `release` is the answer's X-Selfdeploy-Release. `reconnected`: the server had closed the kept connection.
    """

    started: float
    seconds: float
    kind: str
    status: int
    failure: str = ""
    release: str = ""
    reconnected: bool = False


@dataclass(frozen=True)
class Report:
    """What became of each request, in the order of their start.

    `marks` are (name, `time.monotonic()`); `cpu_seconds` is what the load's own process used. `cut_short` is
    empty unless the load reached a limit before it was stopped: of the time after that it proves nothing.
    """

    samples: tuple[Sample, ...]
    marks: tuple[tuple[str, float], ...] = ()
    cpu_seconds: float = 0.0
    cut_short: str = ""

    @property
    def sent(self) -> int:
        return len(self.samples)

    @property
    def failed(self) -> list[Sample]:
        return [sample for sample in self.samples if sample.failure]

    @property
    def reconnects(self) -> int:
        """Requests repeated because the server had closed the idle connection (RFC 9112, section 9.3.1)."""
        return sum(sample.reconnected for sample in self.samples)

    @property
    def seconds(self) -> float:
        """From the first request to the last answer."""
        ends = [sample.started + sample.seconds for sample in self.samples]
        return max(ends) - self.samples[0].started if ends else 0.0

    @property
    def windows(self) -> Windows:
        """From each mark "NAME start" to the next "NAME end" (for ever where there is none)."""
        found = []
        for position, (name, moment) in enumerate(self.marks):
            if name.endswith(" start"):
                end = name.removesuffix("start") + "end"
                later = (when for other, when in self.marks[position:] if other == end)
                found.append((moment, next(later, math.inf)))
        return found

    def by_kind(self) -> dict[str, Report]:
        """One report for each kind that sent anything."""
        each = {kind: tuple(sample for sample in self.samples if sample.kind == kind) for kind in KINDS}
        return {kind: Report(samples, self.marks) for kind, samples in each.items() if samples}

    def p50(self, *, within: Windows | None = None, outside: Windows | None = None) -> float:
        """Seconds that half of the good answers took at most, NaN if there are none; chosen as by `p99`."""
        return _quantile(0.50, self.samples, within, outside)

    def p99(self, *, within: Windows | None = None, outside: Windows | None = None) -> float:
        """Seconds that 99 % of the good answers took at most, NaN if there are none.

        `within` counts only requests that were under way at some moment of these windows, `outside` only
        those that never were.
        """
        return _quantile(0.99, self.samples, within, outside)

    def to_json(self, *, failures: int = 100) -> dict[str, Any]:
        """The figures in seconds (null: nothing measured) and the first `failures` failed requests."""
        return {
            "seconds": round(self.seconds, 3),
            "cpu_seconds": round(self.cpu_seconds, 3),
            "cut_short": self.cut_short,
            "marks": [list(mark) for mark in self.marks],
            **_counts(self),
            "releases": dict(Counter(sample.release for sample in self.samples if not sample.failure)),
            "kinds": {kind: {**_counts(part), **_latencies(part)} for kind, part in self.by_kind().items()},
            "failures": [asdict(sample) for sample in self.failed[:failures]],
        }

    def __str__(self) -> str:
        lines = [_line("kind", "sent", "failed", "reconnects", "p50 in", "p99 in", "p50 out", "p99 out")]
        for kind, part in self.by_kind().items():
            lines.append(_line(kind, *_counts(part).values(), *map(_milliseconds, _latencies(part).values())))
        lines.append(_line("all", *_counts(self).values()))
        lines.append(
            f"in, outside {len(self.windows)} windows: ms; {self.seconds:.1f} s, CPU {self.cpu_seconds:.2f} s"
        )
        if self.cut_short:
            lines.append(f"ended before it was stopped: {self.cut_short}")
        for sample in self.failed[:5]:
            after = sample.started - self.samples[0].started
            lines.append(f"at {after:.3f} s {sample.kind} failed in {sample.seconds:.3f} s: {sample.failure}")
        return "\n".join(lines)


class Load:
    """Requests sent from another process until stopped; not frozen, because it is a running thing.

    `timeout` is the time limit of one request in seconds. The load ends by itself after `limit_seconds`,
    after `limit_requests`, and when the process that started it dies. Raises ValueError for an address that
    is not a loopback one, and for a host or path that is no single word.
    """

    report: Report

    def __init__(
        self,
        address: Address = ("127.0.0.1", 8000),
        host: str = "localhost",
        mix: Mix = USUAL,
        *,
        timeout: float = 30.0,
        limit_seconds: float = 600.0,
        limit_requests: int = 500_000,
    ) -> None:
        if not ipaddress.ip_address(address[0]).is_loopback:
            raise ValueError(f"The address {address[0]!r} is not of this machine's loopback.")
        for word in (host, mix.path, mix.post_path, mix.slow_path):
            if not re.fullmatch(r"[!-~]+", word):
                raise ValueError(f"{word!r} cannot stand in a request: it is no word of printable ASCII.")
        self._order = _Order(address, host, mix, timeout, limit_seconds, limit_requests)
        self._marks: list[tuple[str, float]] = []
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Load:
        """Return when the clients are asking. Raises RuntimeError if the load's process does not start."""
        # -I -S: neither PYTHON* variables nor site-packages reach it. It ends when standard input does.
        words = (sys.executable, "-I", "-S", os.path.abspath(__file__), "--work")
        order, pipe = json.dumps(asdict(self._order)), subprocess.PIPE
        # Unbuffered: communicate() would miss what readline() had read beyond the line.
        self._process = subprocess.Popen((*words, order), bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe)
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"asking\n":
            raise RuntimeError(f"The load did not start: {self._process.communicate()[1].decode()}")
        return self

    def mark(self, name: str) -> None:
        """Remember this moment; "NAME start" and "NAME end" are a window."""
        self._marks.append((name, time.monotonic()))

    def stop(self) -> Report:
        """Send no more, let the requests under way finish, and report what became of all.

        It takes at most GRACE longer than the time limit of a request. Raises RuntimeError if the load's
        process broke or did not end.
        """
        if self._process is None:
            return self.report
        process, self._process = self._process, None
        try:
            output, errors = process.communicate(b"stop\n", timeout=self._order.timeout + GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            output, errors = process.communicate()
        if process.returncode:
            raise RuntimeError(f"The load ended with {process.returncode}: {errors.decode()}")
        found = json.loads(output)
        samples = sorted((Sample(*row) for row in found.pop("samples")), key=lambda sample: sample.started)
        self.report = Report(tuple(samples), tuple(self._marks), **found)
        return self.report

    def __enter__(self) -> Load:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def main(words: Sequence[str] | None = None) -> int:
    """Load a port for a while and print the report; 1 if a request failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--host", default="localhost", help="the Host header")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", action="store_true")
    for option in fields(Mix):
        parser.add_argument(
            f"--{option.name.replace('_', '-')}", type=type(option.default), default=option.default
        )
    given = parser.parse_args(words)
    mix = Mix(**{option.name: getattr(given, option.name) for option in fields(Mix)})
    with Load((given.address, given.port), given.host, mix, limit_seconds=given.seconds + GRACE) as load:
        time.sleep(given.seconds)
    print(json.dumps(load.report.to_json(), indent=2) if given.json else load.report)
    return 1 if load.report.failed else 0


# The load's own process


@dataclass(frozen=True)
class _Order:
    """What the load's process is told."""

    address: Address
    host: str
    mix: Mix
    timeout: float
    limit_seconds: float
    limit_requests: int


def _work(order: _Order) -> dict[str, Any]:
    """Ask until standard input ends or says anything, or until a limit; return what a Report is made of."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group, but the parent decides
    gc.disable()  # nothing here is cyclic, and a collection over all samples would show up as latency
    samples: list[Sample] = []
    over = threading.Event()
    clients = [_Client(kind, place, order, samples, over) for kind, place in _places(order.mix)]
    threads = [threading.Thread(target=client.run, daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    os.write(1, b"asking\n")
    told, _, _ = select.select([sys.stdin], [], [], order.limit_seconds)
    over.set()
    for thread in threads:
        thread.join()  # each request has its own time limit
    cut_short = "" if told else f"after {order.limit_seconds:g} s"
    if len(samples) >= order.limit_requests:
        cut_short = f"after {order.limit_requests} requests"
    rows = [tuple(vars(sample).values()) for sample in samples]  # astuple() copies deeply: 20 times slower
    return {"samples": rows, "cpu_seconds": time.process_time(), "cut_short": cut_short}


def _places(mix: Mix) -> Iterator[tuple[str, float]]:
    """The kind of each client, and its place among those of its kind: 0 <= place < 1."""
    for kind in KINDS:
        count = getattr(mix, kind)
        yield from ((kind, position / count) for position in range(count))


class _Client:
    """Sends one kind of request again and again, one at a time."""

    def __init__(
        self, kind: str, place: float, order: _Order, samples: list[Sample], over: threading.Event
    ) -> None:
        self._kind, self._order, self._samples, self._over = kind, order, samples, over
        self._delay = place if kind == "slow" else 0.0  # so that not all of them are at the same stage
        # Slow ones on new connections only: so a cut is never taken for a connection closed while idle.
        self._keeps = kind in ("keepalive", "posts")
        self._body_bytes = order.mix.body_bytes if kind == "posts" else 0
        self._head = _head(kind, order.host, order.mix, keeps=self._keeps)
        self._connection: _Connection | None = None
        self._reconnected = False

    def run(self) -> None:
        self._over.wait(self._delay)
        while not self._over.is_set() and len(self._samples) < self._order.limit_requests:
            self._samples.append(self._ask())
            self._over.wait(self._order.mix.pause * random.uniform(0.5, 1.5))

    def _ask(self) -> Sample:
        started, self._reconnected = time.monotonic(), False
        status, release = 0, ""
        try:
            body = os.urandom(self._body_bytes)
            answer = self._exchange(self._head + body, started + self._order.timeout)
            status, release, failure = answer.status, answer.release, _fault(answer)
            if self._kind == "posts":
                failure = failure or _unconfirmed(body, answer.body)
        except Exception as error:  # whatever it was: a request without an answer is counted
            failure = _reason(error, self._connection)
            self._drop()
        seconds = time.monotonic() - started
        if seconds > self._order.timeout:
            failure = failure or "timeout"
        return Sample(started, seconds, self._kind, status, failure, release, self._reconnected)

    def _exchange(self, request: bytes, deadline: float) -> _Answer:
        repeatable = self._kind != "posts"
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
        if not (self._keeps and answer.keep):
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

    def __init__(self, address: Address, deadline: float) -> None:
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


def _head(kind: str, host: str, mix: Mix, *, keeps: bool) -> bytes:
    path = {"posts": mix.post_path, "slow": mix.slow_path}.get(kind, mix.path)
    lines = [f"{'POST' if kind == 'posts' else 'GET'} {path} HTTP/1.1", f"Host: {host}"]
    if kind == "posts":
        lines += ["Content-Type: application/octet-stream", f"Content-Length: {mix.body_bytes}"]
    if not keeps:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode()


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


# The figures of a report


def _quantile(
    share: float, samples: Sequence[Sample], within: Windows | None, outside: Windows | None
) -> float:
    took = sorted(
        sample.seconds
        for sample in samples
        if not sample.failure
        and (within is None or _touches(sample, within))
        and (outside is None or not _touches(sample, outside))
    )
    return took[math.ceil(share * len(took)) - 1] if took else math.nan


def _touches(sample: Sample, windows: Windows) -> bool:
    return any(sample.started <= end and sample.started + sample.seconds >= start for start, end in windows)


def _counts(report: Report) -> dict[str, int]:
    return {"sent": report.sent, "failed": len(report.failed), "reconnects": report.reconnects}


def _latencies(report: Report) -> dict[str, float | None]:
    windows = report.windows
    figures = {
        "p50_within": report.p50(within=windows),
        "p99_within": report.p99(within=windows),
        "p50_outside": report.p50(outside=windows),
        "p99_outside": report.p99(outside=windows),
    }
    return {name: None if math.isnan(seconds) else round(seconds, 6) for name, seconds in figures.items()}


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.1f}"


def _line(*cells: object) -> str:
    return f"{cells[0]:10}" + "".join(f"{cell:>11}" for cell in cells[1:])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        given = json.loads(sys.argv[2])
        given.update(address=tuple(given["address"]), mix=Mix(**given["mix"]))
        json.dump(_work(_Order(**given)), sys.stdout)
    else:
        sys.exit(main())
