"""A load of mixed requests that notices each one that is lost: the proof that a switch loses none.

    python benchmarks/load.py --port 8000 --seconds 10

Its clients run in a process of their own (clients.py), so that the Python that deploys does not disturb their
timing. Standard library only, for Linux.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import math
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

Address = tuple[str, int]
Windows = Sequence[tuple[float, float]]

CLIENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients.py")
LOOPBACK = ("127.0.0.0/8", "::1/128")
KINDS = ("keepalive", "fresh", "posts", "slow")
PROBE = "X-Selfdeploy-Probe"
"""Request header that makes a release name itself; the front server lets it pass from its own host."""

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
        lines.append(f"in, outside {len(self.windows)} windows: ms; {self.seconds:.1f} s, CPU {self.cpu_seconds:.2f} s")
        if self.cut_short:
            lines.append(f"ended before it was stopped: {self.cut_short}")
        for sample in self.failed[:5]:
            after = sample.started - self.samples[0].started
            lines.append(f"at {after:.3f} s {sample.kind} failed in {sample.seconds:.3f} s: {sample.failure}")
        return "\n".join(lines)


class Load:
    """Requests sent from another process until stopped; not frozen, because it is a running thing.

    `timeout` is the time limit of one request in seconds. The load ends by itself after `limit_seconds`,
    after `limit_requests`, and when the process that started it dies. Raises ValueError for an address that is
    neither a loopback one nor in one of `networks`, such as those of namespaces on this machine, and for a host or
    path that is no single word.
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
        networks: Sequence[str] = (),
    ) -> None:
        if not any(ipaddress.ip_address(address[0]) in ipaddress.ip_network(each) for each in (*LOOPBACK, *networks)):
            raise ValueError(f"The address {address[0]!r} is not of this machine's loopback.")
        for word in (host, mix.path, mix.post_path, mix.slow_path):
            if not re.fullmatch(r"[!-~]+", word):
                raise ValueError(f"{word!r} cannot stand in a request: it is no word of printable ASCII.")
        self._timeout = timeout
        self._order = {
            "address": address,
            "kinds": _kinds(mix, host),
            "pause": mix.pause,
            "timeout": timeout,
            "limit_seconds": limit_seconds,
            "limit_requests": limit_requests,
        }
        self._marks: list[tuple[str, float]] = []
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Load:
        """Return when the clients are asking. Raises RuntimeError if the load's process does not start."""
        # -I -S: neither PYTHON* variables nor site-packages reach it. It ends when standard input does.
        words = (sys.executable, "-I", "-S", CLIENTS, json.dumps(self._order))
        # Unbuffered: communicate() would miss what readline() had read beyond the line.
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(words, bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe)
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
            output, errors = process.communicate(b"stop\n", timeout=self._timeout + GRACE)
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--host", default="localhost", help="the Host header")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", action="store_true")
    for option in fields(Mix):
        parser.add_argument(f"--{option.name.replace('_', '-')}", type=type(option.default), default=option.default)
    given = parser.parse_args(words)
    mix = Mix(**{option.name: getattr(given, option.name) for option in fields(Mix)})
    with Load((given.address, given.port), given.host, mix, limit_seconds=given.seconds + GRACE) as load:
        time.sleep(given.seconds)
    print(json.dumps(load.report.to_json(), indent=2) if given.json else load.report)
    return 1 if load.report.failed else 0


# What the clients are told


def _kinds(mix: Mix, host: str) -> list[dict[str, Any]]:
    """What clients.py knows as Kind. Slow requests on new connections only: so a cut is never taken for a
    connection closed while idle.
    """
    body = {"body_bytes": mix.body_bytes, "confirmed": True}
    about: dict[str, dict[str, Any]] = {
        "keepalive": {"keeps": True},
        "fresh": {},
        "posts": {"keeps": True, **body},
        "slow": {"spread": True},
    }
    return [
        {"name": kind, "count": getattr(mix, kind), "head": _head(kind, host, mix), **about[kind]} for kind in KINDS
    ]


def _head(kind: str, host: str, mix: Mix) -> str:
    path = {"posts": mix.post_path, "slow": mix.slow_path}.get(kind, mix.path)
    method, close = ("POST" if kind == "posts" else "GET"), kind in ("fresh", "slow")
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"{PROBE}: 1"]
    if kind == "posts":
        lines += ["Content-Type: application/octet-stream", f"Content-Length: {mix.body_bytes}"]
    return "\r\n".join([*lines, *(["Connection: close"] if close else []), "", ""])


# The figures of a report


def _quantile(share: float, samples: Sequence[Sample], within: Windows | None, outside: Windows | None) -> float:
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
    sys.exit(main())
