"""Controller and runner understand each other, whatever a login or a cut line puts between them."""

import io
import json
import os
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_selfdeploy.core.actions.files import Write
from django_selfdeploy.core.secret import Secret
from django_selfdeploy.core.wire import HELLO, PIECE, VERSION, Channel, Frame

texts = st.text(st.characters(), max_size=20)
names = st.text("abcdefgh", min_size=1, max_size=5).map(lambda name: f"x_{name}")
frames = st.tuples(names, st.binary(max_size=300), st.dictionaries(names, texts, max_size=3))


def sent(*given: tuple[str, bytes, dict[str, Any]]) -> bytes:
    stream = io.BytesIO()
    channel = Channel(io.BytesIO(), stream)
    for kind, payload, fields in given:
        channel.send(kind, payload, **fields)
    assert channel.sent == len(stream.getvalue())
    return stream.getvalue()


def received(data: bytes) -> list[Frame]:
    channel = Channel(io.BytesIO(data), io.BytesIO())
    found = []
    while (frame := channel.receive()) is not None:
        found.append(frame)
    return found


@settings(max_examples=30)
@given(st.lists(frames, max_size=4))
def test_frames_of_any_bytes_arrive_as_they_were_sent(given: list[tuple[str, bytes, dict[str, str]]]) -> None:
    assert received(sent(*given)) == [Frame(kind, fields, payload) for kind, payload, fields in given]


def test_a_large_payload_goes_in_pieces() -> None:
    class Pieces(io.BytesIO):
        longest = 0

        def write(self, data: Any) -> int:
            self.longest = max(self.longest, len(data))
            return super().write(data)

    stream, payload = Pieces(), os.urandom(2 * PIECE + 1)
    Channel(io.BytesIO(), stream).send("blob", payload, blob="1")
    assert stream.longest == PIECE
    assert received(stream.getvalue()) == [Frame("blob", {"blob": "1"}, payload)]


def test_a_secret_arrives_in_the_clear() -> None:
    write = Write("/x", Secret("hunter2"))
    assert received(sent(("carry_out", b"", {"plan": write}))) == [Frame("carry_out", {"plan": write})]


def test_text_that_is_no_unicode_arrives_as_it_was() -> None:
    fields = {"path": "caf\udce9", "line": "a\u2028b\nc"}
    assert received(sent(("x", b"\n", fields))) == [Frame("x", fields, b"\n")]


@pytest.mark.parametrize("cut", [1, 10, -1])
def test_a_frame_that_was_cut_is_the_end_of_the_stream(cut: int) -> None:
    first, second = sent(("a", b"1", {})), sent(("b", b"payload", {}))
    assert received(first + second[:cut]) == [Frame("a", {}, b"1")]


@pytest.mark.parametrize(
    "line",
    [
        b"no json\n",
        b"\xff\n",
        b"[1]\n",
        b'"text"\n',
        b"{}\n",
        b'{"kind": "x"}\n',
        b'{"kind": "x", "bytes": "many"}\n',
        b'{"kind": "x", "bytes": 0, "plan": {"$": "Nothing"}}\n',
        b'{"kind": "x", "bytes": 0, "plan": {"$": "Plan"}}\n',
    ],
)
def test_what_is_no_frame_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        received(line)


def test_threads_do_not_mix_their_frames() -> None:
    stream = io.BytesIO()
    channel = Channel(io.BytesIO(), stream)

    def send(name: str) -> None:
        for number in range(50):
            channel.send(name, name.encode() * number)

    threads = [threading.Thread(target=send, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = received(stream.getvalue())
    assert len(found) == 150
    assert [frame for frame in found if set(frame.payload.decode()) > {frame.kind}] == []


def hello(said: bytes, *, lines: int = 500) -> bytes:
    """What is left to read after the greeting."""
    stream = io.BytesIO(said)
    Channel(stream, io.BytesIO()).expect_hello("nonce", lines=lines)
    return stream.read()


GREETING = f"{HELLO} {VERSION} nonce\n".encode()


@pytest.mark.parametrize("noise", [b"", b"Welcome to web1!\n\nLast login: never\n", b"\xff\xfe\r\n" * 100])
def test_a_chatty_login_is_skipped(noise: bytes) -> None:
    assert hello(noise + GREETING + b"{}\n") == b"{}\n"
    assert hello(noise + GREETING.replace(b"\n", b"\r\n") + b"{}\n") == b"{}\n"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"sh: python3: not found\n",
        f"{HELLO} {VERSION} other-nonce\n".encode(),
        f"{HELLO} {VERSION + 1} nonce\n".encode(),
    ],
)
def test_without_the_right_greeting_what_was_said_is_told(said: bytes) -> None:
    with pytest.raises(ValueError) as caught:
        hello(said)
    assert str(caught.value) == said.decode()


def test_a_login_that_never_ends_is_not_heard_out() -> None:
    with pytest.raises(ValueError, match=r"^y\ny\n"):
        hello(b"y\n" * 10 + GREETING, lines=10)


def test_a_bootstrap_is_heard_and_a_login_that_talks_like_one_is_not() -> None:
    said = b"selfdeploy-runner-wanted other\nselfdeploy-runner-wanted nonce\nselfdeploy-unable nonce no room\nselfdeploy-x nonce\n"
    heard: list[tuple[str, str]] = []
    channel = Channel(io.BytesIO(said + GREETING), io.BytesIO())
    channel.expect_hello("nonce", otherwise=lambda word, rest: heard.append((word, rest)))
    assert heard == [("selfdeploy-runner-wanted", ""), ("selfdeploy-unable", "no room")]


def test_a_sign_of_life_does_not_wait_for_what_is_under_way() -> None:
    stream = io.BytesIO()
    channel = Channel(io.BytesIO(), stream)
    with channel._sending:
        channel.send_if_idle("alive")
    assert stream.getvalue() == b""
    channel.send_if_idle("alive")
    assert received(stream.getvalue()) == [Frame("alive", {})]


def test_bytes_are_counted() -> None:
    data = sent(("a", b"12345", {}))
    channel = Channel(io.BytesIO(data), io.BytesIO())
    channel.receive()
    assert (channel.received, json.loads(data.partition(b"\n")[0])) == (len(data), {"kind": "a", "bytes": 5})
