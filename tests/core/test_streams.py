"""Neither a silent controller nor a full pipe holds a runner up."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator

import pytest

from django_selfdeploy.core import streams
from django_selfdeploy.core.streams import Inlet, Murmur, Outlet


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for handle in (reading, writing):
        with contextlib.suppress(OSError):
            os.close(handle)


def test_what_was_read_before_comes_first(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"three\n")
    os.close(pipe[1])
    ended: list[bool] = []
    stream = Inlet(pipe[0], before=b"one\ntwo\n", at_end=lambda: ended.append(True)).buffered()
    assert [stream.readline() for _ in range(3)] == [b"one\n", b"two\n", b"three\n"]
    assert not ended
    assert (stream.read(1), bool(ended)) == (b"", True)


def test_silence_is_the_end(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"half a li")
    began = time.monotonic()
    assert Inlet(pipe[0], silence=0.2).buffered().readline() == b"half a li"
    assert 0.2 <= time.monotonic() - began < 5


def test_words_now_and_then_are_no_silence(pipe: tuple[int, int]) -> None:
    def write() -> None:
        for _ in range(6):
            time.sleep(0.1)
            os.write(pipe[1], b".")
        os.write(pipe[1], b"\n")

    threading.Thread(target=write).start()
    assert Inlet(pipe[0], silence=0.5).buffered().readline() == b"......\n"


def test_everything_is_written_in_order(pipe: tuple[int, int]) -> None:
    outlet = Outlet(pipe[1])
    threading.Thread(target=lambda: [outlet.write(b"%d," % number) for number in range(20_000)]).start()
    got = b""
    while not got.endswith(b",19999,"):
        got += os.read(pipe[0], 1 << 16)
    assert got == b"".join(b"%d," % number for number in range(20_000))
    outlet.drain()


def test_a_pipe_that_nobody_empties_holds_nobody_up(pipe: tuple[int, int]) -> None:
    outlet = Outlet(pipe[1])
    began = time.monotonic()
    for _ in range(100):
        outlet.write(b"x" * 100_000)
    assert time.monotonic() - began < 5


def test_who_has_too_much_to_say_waits_until_the_controller_is_gone(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HELD", 1 << 17)
    outlet = Outlet(pipe[1])
    outlet.write(b"x" * (1 << 18))
    threading.Timer(0.1, outlet.give_up).start()
    with pytest.raises(BrokenPipeError):
        outlet.write(b"y")
    with pytest.raises(BrokenPipeError):
        outlet.write(b"z")


def test_a_controller_that_closes_its_end_is_gone(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    outlet = Outlet(pipe[1])
    with pytest.raises(BrokenPipeError):
        for _ in range(1000):
            outlet.write(b"x")
            time.sleep(0.001)
    outlet.drain()


def test_complaints_never_wait_and_never_fail(pipe: tuple[int, int]) -> None:
    murmur = Murmur(pipe[1])
    assert murmur.write("caf\udce9 " * 100_000) == 500_000
    assert len(os.read(pipe[0], 1 << 20)) > 1000
    os.close(pipe[0])
    assert print("nobody hears", file=murmur) is None  # type: ignore[call-overload,func-returns-value]
