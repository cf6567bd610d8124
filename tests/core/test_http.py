"""One request, over a unix socket or TCP, that ends in time whatever the other side does."""

import socket
import threading
import time
from pathlib import Path

import pytest

from django_selfdeploy.core.http import Answer, NoAnswer, get
from tests.faking import Headers, Page, web


def test_an_answer_comes_over_tcp_and_over_a_unix_socket(tmp_path: Path) -> None:
    seen: list[tuple[str, str, str]] = []

    def page(path: str, headers: Headers) -> Page:
        seen.append((path, headers["host"], headers["connection"]))
        return 404, {"X-Release": "1", "Server": "fake"}, b"gone"

    for path in (None, tmp_path / "app.sock"):
        with web(page, path=path) as address:
            answer = get(address, "/page?a=1", {"Host": "example.com"}, timeout=5)
        assert (answer.status, answer.headers["x-release"], answer.body) == (404, "1", b"gone")
    assert seen == [("/page?a=1", "example.com", "close")] * 2


def test_a_long_page_is_cut() -> None:
    with web(lambda path, headers: (200, {}, b"x" * 100_000)) as address:
        assert get(address, "/", {}, timeout=5) == Answer(200, get(address, "/", {}, timeout=5).headers, b"x" * 65_536)


def test_nobody_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NoAnswer, match=r"^No such file or directory$"):
        get(f"unix:{tmp_path}/app.sock", "/", {}, timeout=5)
    with socket.create_server(("127.0.0.1", 0)) as closing:
        address = f"127.0.0.1:{closing.getsockname()[1]}"
    with pytest.raises(NoAnswer, match=r"^Connection refused$"):
        get(address, "/", {}, timeout=5)


def test_an_address_may_be_one_of_ipv6() -> None:
    with pytest.raises(NoAnswer):
        get("[::1]:1", "/", {}, timeout=5)


def test_silence_ends_in_time(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{tmp_path}/app.sock")
        silent.listen()
        began = time.monotonic()
        with pytest.raises(NoAnswer, match=r"^no answer in time$"):
            get(f"unix:{tmp_path}/app.sock", "/", {}, timeout=0.1)
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9.2\r\n", b""])
def test_what_is_no_http_is_no_answer(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_say, args=(listening, said))
        thread.start()
        with pytest.raises(NoAnswer):
            get(f"127.0.0.1:{listening.getsockname()[1]}", "/", {}, timeout=5)
        thread.join()


def _say(listening: socket.socket, said: bytes) -> None:
    connection, _ = listening.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(said)


def test_a_path_that_would_smuggle_a_header_is_refused() -> None:
    with web(lambda path, headers: (200, {}, b"")) as address, pytest.raises(NoAnswer):
        get(address, "/ HTTP/1.1\r\nX: y", {}, timeout=5)
