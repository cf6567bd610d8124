"""One HTTP request to a unix socket or a TCP address of this host."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass


class NoAnswer(Exception):
    """Nobody answered, or not in time, or not in HTTP; the text says which."""


@dataclass(frozen=True)
class Answer:
    """`headers` have lower-case names; `body` is cut at 64 kB."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def get(address: str, path: str, headers: Mapping[str, str], *, timeout: float) -> Answer:
    """GET `path` from `address`, which is "unix:/path/of/socket" or "host:port". Raises NoAnswer."""
    connection = _Connection(address, timeout)
    try:
        connection.request("GET", path, headers={"Connection": "close", **headers})
        response = connection.getresponse()
        body = response.read(65_536)
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(_reason(error)) from error
    finally:
        connection.close()
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


class _Connection(http.client.HTTPConnection):
    def __init__(self, address: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._address = address

    def connect(self) -> None:
        if self._address.startswith("unix:"):
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(self.timeout)
            self.sock.connect(self._address[len("unix:") :])
            return
        host, _, port = self._address.rpartition(":")
        self.sock = socket.create_connection((host.strip("[]"), int(port)), timeout=self.timeout)
