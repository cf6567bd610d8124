"""The load generator must be able to fail: each way to lose a request is played to it by a small server."""

import hashlib
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import pytest

from benchmarks import load as load_module
from benchmarks.load import Load, Mix, Report, Sample

ONE_FRESH = Mix(keepalive=0, fresh=1, posts=0, slow=0, pause=0.002)
ONE_KEPT = Mix(keepalive=1, fresh=0, posts=0, slow=0, pause=0.002)
ONE_POSTING = Mix(keepalive=0, fresh=0, posts=1, slow=0, pause=0.01)

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True)
class Reply:
    """Bytes sent after `delay` seconds, each followed by `drip` seconds; then maybe a `close` or `reset`."""

    data: bytes = GOOD
    delay: float = 0.0
    drip: float = 0.0
    close: bool = False
    reset: bool = False


Answer = Callable[[int, bytes], Reply]


class Server:
    """Listens on a free loopback port; asks `answer(number of the request, its body)` for each reply."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.connections = 0
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.address = self.listener.getsockname()

    def listen(self) -> None:
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def wait_for(self, count: int) -> None:
        deadline = time.monotonic() + 4
        while len(self.requests) < count:
            assert time.monotonic() < deadline, f"only {len(self.requests)} of {count} requests came"
            time.sleep(0.002)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rb") as stream:  # the load may hang up
            while first := stream.readline():
                length = 0
                while (line := stream.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                self.requests.append(first)
                reply = self.answer(len(self.requests) - 1, stream.read(length))
                time.sleep(reply.delay)
                for piece in (bytes([byte]) for byte in reply.data) if reply.drip else (reply.data,):
                    connection.sendall(piece)
                    time.sleep(reply.drip)
                if reply.reset:  # SO_LINGER of 0 seconds: close(2) sends RST instead of FIN, socket(7)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if reply.close or reply.reset:
                    return


@contextmanager
def serving(answer: Answer, *, listen: bool = True) -> Iterator[Server]:
    server = Server(answer)
    if listen:
        server.listen()
    try:
        yield server
    finally:
        server.listener.close()


def report_of(server: Server, mix: Mix, *, requests: int, timeout: float = 5.0) -> Report:
    with Load(server.address, mix=mix, timeout=timeout) as load:
        server.wait_for(requests)
    return load.report


def always(reply: Reply) -> Answer:
    return lambda number, body: reply


def in_turn(*replies: Reply) -> Answer:
    """These replies, then good ones."""
    return lambda number, body: replies[number] if number < len(replies) else Reply()


def echo(number: int, body: bytes, *, close: bool = False) -> Reply:
    told = json.dumps({"length": len(body), "sha256": hashlib.sha256(body).hexdigest()}).encode()
    return Reply(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(told), told), close=close)


def outcomes(report: Report, count: int) -> list[tuple[int, str]]:
    return [(sample.status, sample.failure) for sample in report.samples[:count]]


# A load that nothing happens to


def test_every_kind_asks_its_own_path_and_nothing_fails():
    def answer(number: int, body: bytes) -> Reply:
        return echo(number, body) if body else Reply()

    mix = Mix(keepalive=2, fresh=2, posts=2, slow=2, pause=0.01)
    with serving(answer) as server:
        report = report_of(server, mix, requests=60)
    assert (report.failed, report.reconnects, report.cut_short) == ([], 0, "")
    assert report.sent == len(server.requests)
    asked = {kind: part.sent for kind, part in report.by_kind().items()}
    lines = [line.decode() for line in server.requests]
    assert asked["posts"] == lines.count("POST /guestbook/echo/ HTTP/1.1\r\n")
    assert asked["slow"] == lines.count("GET /slow/?seconds=3 HTTP/1.1\r\n")
    assert asked["keepalive"] + asked["fresh"] == lines.count("GET / HTTP/1.1\r\n")
    assert server.connections == 4 + asked["fresh"] + asked["slow"]


def test_answers_in_chunks_with_extensions_trailers_and_after_early_hints_are_good():
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    replies = (
        Reply(chunked + b"2\r\nok\r\n0\r\n\r\n"),
        Reply(chunked + b"a;name=value\r\n0123456789\r\n1\r\n!\r\n0\r\nX-Trailer: 1\r\n\r\n"),
        Reply(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + GOOD),
        Reply(b"HTTP/1.1 204 No Content\r\n\r\n"),
    )
    with serving(in_turn(*replies)) as server:
        report = report_of(server, ONE_KEPT, requests=6)
    assert (report.failed, report.reconnects, server.connections) == ([], 0, 1)
    assert [sample.status for sample in report.samples[:5]] == [200, 200, 200, 204, 200]


def test_the_release_of_each_answer_is_kept():
    first = Reply(b"HTTP/1.1 200 OK\r\nX-Selfdeploy-Release: r1\r\nContent-Length: 0\r\n\r\n")
    second = Reply(b"HTTP/1.1 200 OK\r\nx-selfdeploy-release:r2 \r\ncontent-length:0\r\n\r\n")
    with serving(in_turn(first, second)) as server:
        report = report_of(server, ONE_KEPT, requests=4)
    assert [sample.release for sample in report.samples[:3]] == ["r1", "r2", ""]
    assert report.to_json()["releases"] == {"r1": 1, "r2": 1, "": report.sent - 2}


# Each way to lose a request


def test_a_status_of_500_sent_once_is_one_failure():
    with serving(in_turn(Reply(), Reply(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"))) as server:
        report = report_of(server, ONE_KEPT, requests=5)
    assert outcomes(report, 3) == [(200, ""), (500, "status 500"), (200, "")]
    assert len(report.failed) == 1
    assert server.connections == 1


def test_every_broken_answer_is_a_failure_with_its_reason():
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    played = (
        (Reply(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"), (302, "status 302")),
        (Reply(b"", close=True), (0, "closed before the answer")),
        (Reply(b"", reset=True), (0, "reset before the answer")),
        (Reply(b"HTTP/1.1 200", close=True), (0, "closed mid-answer")),
        (Reply(GOOD[:-1], close=True), (0, "closed mid-answer")),
        (Reply(GOOD[:-1], reset=True), (0, "reset mid-answer")),
        (Reply(chunked + b"2\r\nok\r\n", close=True), (0, "closed mid-answer")),
        (Reply(b"HTTP/1.1 200 OK\r\n\r\nok", close=True), (0, "malformed answer: no length")),
        (Reply(GOOD + b"!"), (0, "malformed answer: more than was announced")),
        (Reply(b"nonsense\r\n\r\n"), (0, "malformed answer: no status line")),
        (Reply(chunked + b"1\r\nok\r\n0\r\n\r\n"), (0, "malformed answer: a chunk longer than announced")),
    )
    with serving(in_turn(*(reply for reply, _ in played))) as server:
        report = report_of(server, ONE_FRESH, requests=len(played) + 2)
    assert outcomes(report, len(played) + 1) == [*(outcome for _, outcome in played), (200, "")]
    assert len(report.failed) == len(played)


def test_a_wrong_hash_or_length_in_the_answer_to_a_post_is_a_failure():
    def answer(number: int, body: bytes) -> Reply:
        return (echo(number, b"x" * len(body)), echo(number, body + b"x"), Reply(), echo(number, body))[number % 4]

    with serving(answer) as server:
        report = report_of(server, ONE_POSTING, requests=4)
    expected = [(200, "wrong sha256"), (200, "wrong length"), (200, "wrong length"), (200, "")]
    assert outcomes(report, 4) == expected


def test_a_post_may_be_confirmed_in_plain_text():
    def answer(number: int, body: bytes) -> Reply:
        told = f"{len(body)} bytes, {hashlib.sha256(body).hexdigest()}".encode()
        return Reply(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s" % (len(told), told))

    with serving(answer) as server:
        report = report_of(server, ONE_POSTING, requests=2)
    assert outcomes(report, 2) == [(201, ""), (201, "")]


def test_a_server_that_hangs_or_drips_longer_than_the_time_limit_is_a_failure():
    with serving(in_turn(Reply(), Reply(delay=0.5), Reply(drip=0.02))) as server:
        report = report_of(server, ONE_KEPT, requests=4, timeout=0.15)
    assert outcomes(report, 4) == [(200, ""), (0, "timeout"), (0, "timeout"), (200, "")]
    assert all(0.15 <= sample.seconds < 0.5 for sample in report.failed)


def test_requests_refused_for_a_moment_are_failures_and_those_after_it_are_not():
    with serving(always(Reply()), listen=False) as server, Load(server.address, mix=ONE_FRESH) as load:
        time.sleep(0.05)
        before = time.monotonic()
        server.listen()
        after = time.monotonic()
        server.wait_for(5)
    report = load.report
    early = [sample for sample in report.samples if sample.started + sample.seconds < before]
    late = [sample for sample in report.samples if sample.started > after]
    assert {(sample.status, sample.failure) for sample in early} == {(0, "refused")}
    assert {(sample.status, sample.failure) for sample in late} == {(200, "")}
    assert len(late) >= 4


# Connections that the server closed while they were idle


def test_a_kept_connection_closed_while_idle_is_a_reconnect_and_no_failure():
    with serving(always(Reply(close=True))) as server:
        report = report_of(server, ONE_KEPT, requests=6)
    assert (report.failed, report.reconnects) == ([], report.sent - 1)
    assert report.sent == len(server.requests) == server.connections
    assert [sample.reconnected for sample in report.samples[:3]] == [False, True, True]


def test_a_close_that_the_answer_announces_is_not_even_a_reconnect():
    announced = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    with serving(always(Reply(announced, close=True))) as server:
        report = report_of(server, ONE_KEPT, requests=4)
    assert (report.failed, report.reconnects, server.connections) == ([], 0, report.sent)


def test_an_answer_cut_in_the_middle_on_a_kept_connection_is_no_reconnect():
    cut = (Reply(), Reply(GOOD[:-1], close=True), Reply(), Reply(GOOD[:-1], reset=True))
    with serving(in_turn(*cut)) as server:
        report = report_of(server, ONE_KEPT, requests=6)
    expected = [(200, ""), (0, "closed mid-answer"), (200, ""), (0, "reset mid-answer"), (200, "")]
    assert outcomes(report, 5) == expected
    assert (report.reconnects, report.sent) == (0, len(server.requests))


def test_a_get_repeated_after_a_reconnect_fails_when_the_new_connection_is_cut_too():
    with serving(in_turn(Reply(), Reply(b"", reset=True), Reply(b"", close=True))) as server:
        report = report_of(server, ONE_KEPT, requests=5)
    assert outcomes(report, 3) == [(200, ""), (0, "closed before the answer"), (200, "")]
    assert (report.reconnects, len(server.requests)) == (1, report.sent + 1)


def test_a_post_on_a_connection_closed_while_idle_is_sent_once_on_a_new_one():
    resting = Mix(keepalive=0, fresh=0, posts=1, slow=0, pause=0.06)
    with serving(lambda number, body: echo(number, body, close=True)) as server:
        report = report_of(server, resting, requests=3)
    assert (report.failed, report.reconnects) == ([], report.sent - 1)
    assert report.sent == len(server.requests) == server.connections


def test_a_post_that_a_server_took_and_never_answered_is_a_failure_and_not_repeated():
    def answer(number: int, body: bytes) -> Reply:
        return Reply(b"", close=True) if number == 1 else echo(number, body)

    with serving(answer) as server:
        report = report_of(server, ONE_POSTING, requests=4)
    assert outcomes(report, 3) == [(200, ""), (0, "closed before the answer"), (200, "")]
    assert (report.reconnects, len(server.requests)) == (0, report.sent)


# Its end


def test_requests_under_way_when_it_stops_still_finish():
    waiting = Mix(keepalive=0, fresh=0, posts=0, slow=1)
    with serving(always(Reply(delay=0.3))) as server:
        report = report_of(server, waiting, requests=1)
    (only,) = report.samples
    assert (only.kind, only.status, only.failure) == ("slow", 200, "")
    assert 0.3 <= only.seconds < 1


def test_a_load_that_reached_a_limit_says_so():
    with serving(always(Reply())) as server:
        with Load(server.address, mix=ONE_KEPT, limit_requests=5) as counted:
            server.wait_for(5)
        with Load(server.address, mix=ONE_KEPT, limit_seconds=0.1) as timed:
            time.sleep(0.4)
    assert (counted.report.sent, counted.report.cut_short) == (5, "after 5 requests")
    assert (timed.report.seconds < 0.35, timed.report.cut_short) == (True, "after 0.1 s")
    assert "ended before it was stopped: after 0.1 s" in str(timed.report)
    assert timed.stop() is timed.report


def test_it_ends_when_the_process_that_started_it_dies():
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from load import Load, Mix\n"
        "mix = Mix(fresh=0, posts=0, slow=0, pause=0.002)\n"
        "Load(('127.0.0.1', int(sys.argv[2])), mix=mix).start(); os._exit(0)"
    )
    folder = os.path.dirname(load_module.__file__)
    with serving(always(Reply())) as server:
        subprocess.run((sys.executable, "-c", script, folder, str(server.address[1])), check=True)
        server.wait_for(1)
        seen, deadline = -1, time.monotonic() + 4
        while seen != len(server.requests) and time.monotonic() < deadline:
            seen = len(server.requests)
            time.sleep(0.1)
        assert seen == len(server.requests)


def test_a_process_that_does_not_start_or_breaks_is_an_error(tmp_path, monkeypatch):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho broken >&2; exit 3\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(RuntimeError, match="The load did not start: broken"):
        Load().start()
    python.write_text("#!/bin/sh\necho asking; echo broken >&2; exit 3\n")
    with pytest.raises(RuntimeError, match="The load ended with 3: broken"), Load():
        pass


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": ("192.0.2.1", 80)},
        {"address": ("192.0.2.1", 80), "networks": ["198.51.100.0/24"]},
        {"address": ("example.com", 80)},
        {"host": "localhost\r\nX: 1"},
        {"mix": Mix(path="/a b")},
    ],
)
def test_only_loopback_addresses_and_clean_words_are_accepted(wrong):
    with pytest.raises(ValueError, match=r"192\.0\.2\.1|example\.com|X: 1|a b"):
        Load(**wrong)


def test_a_network_of_ones_own_is_accepted():
    assert Load(("192.0.2.1", 80), networks=["192.0.2.0/24"])


# The report


def made_up() -> Report:
    slow = [Sample(10.0, 3.0, "slow", 200, release="r1")]
    kept = [Sample(10.0 + n / 10, 0.001 * (n + 1), "keepalive", 200, release="r1") for n in range(100)]
    lost = Sample(19.95, 0.0004, "fresh", 0, "refused")
    marks = (("deploy 1 start", 15.0), ("note", 15.5), ("deploy 1 end", 16.0), ("deploy 2 start", 19.93))
    return Report((*slow, *kept, lost), marks, cpu_seconds=0.5)


def test_latency_is_told_within_and_outside_the_windows():
    kept = made_up().by_kind()["keepalive"]
    assert kept.windows == [(15.0, 16.0), (19.93, float("inf"))]
    assert [kept.p50(), kept.p99()] == pytest.approx([0.050, 0.099])
    # Under way in the windows: those begun at 15.0 to 16.0, and the last, which took 0.1 s from 19.9 on.
    assert [kept.p50(within=kept.windows), kept.p99(within=kept.windows)] == pytest.approx([0.056, 0.100])
    assert [kept.p50(outside=kept.windows), kept.p99(outside=kept.windows)] == pytest.approx([0.044, 0.099])
    assert kept.p50(within=[(90.0, 91.0)]) != kept.p50(within=[(90.0, 91.0)])  # NaN


def test_the_table_says_what_was_lost_and_when():
    assert str(made_up()).splitlines() == [
        "kind             sent     failed reconnects     p50 in     p99 in    p50 out    p99 out",
        "keepalive         100          0          0       56.0      100.0       44.0       99.0",
        "fresh               1          1          0          -          -          -          -",
        "slow                1          0          0          -          -     3000.0     3000.0",
        "all               102          1          0",
        "in, outside 2 windows: ms; 10.0 s, CPU 0.50 s",
        "at 9.950 s fresh failed in 0.000 s: refused",
    ]


def test_the_figures_go_to_json():
    figures = json.loads(json.dumps(made_up().to_json(), allow_nan=False))
    assert {name: figures[name] for name in ("sent", "failed", "reconnects", "releases", "cut_short")} == {
        "sent": 102,
        "failed": 1,
        "reconnects": 0,
        "releases": {"r1": 101},
        "cut_short": "",
    }
    assert figures["kinds"]["fresh"] == {
        "sent": 1,
        "failed": 1,
        "reconnects": 0,
        "p50_within": None,
        "p99_within": None,
        "p50_outside": None,
        "p99_outside": None,
    }
    assert [lost["failure"] for lost in figures["failures"]] == ["refused"]
    assert str(Report(())).splitlines()[1].split() == ["all", "0", "0", "0"]


def test_by_hand_it_prints_the_table_and_fails_when_a_request_did(capsys):
    with serving(in_turn(Reply(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"))) as server:
        words = ("--port", str(server.address[1]), "--seconds", "0.1", "--posts", "0", "--slow", "0")
        assert load_module.main(words) == 1
        assert "failed in" in capsys.readouterr().out
        assert load_module.main((*words, "--json")) == 0
        assert json.loads(capsys.readouterr().out)["failed"] == 0
