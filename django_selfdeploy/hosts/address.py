"""How a host is named in settings: `[USER@]HOST[:PORT]`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..core.errors import ConfigError

HINT = 'Write it as "web1.example.com", "deploy@web1.example.com:2222" or "deploy@[2001:db8::1]:22".'

USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\$?")
"""useradd(8), and the dots and capitals that directories of users bring."""

NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?\.?")
"""A host name (RFC 1123), an alias of ~/.ssh/config, or an IPv4 address."""

BARE = re.compile(r"[0-9A-Fa-f:.]+(%[A-Za-z0-9_.-]+)?")
"""What stands in brackets: an IPv6 address, perhaps with its zone (RFC 4007)."""


@dataclass(frozen=True)
class Address:
    """As it was written: "" and 0 stand for what is left to ~/.ssh/config."""

    host: str
    user: str = ""
    port: int = 0

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{host}" if self.user else host


def parsed(text: str) -> Address:
    """The parts of an address. Raises ConfigError for one that cannot be."""
    user, at, place = text.rpartition("@")
    if at and not USER.fullmatch(user):
        raise _wrong(text, f"{user!r} is no user name")
    if place.startswith("["):
        host, bracket, port = place[1:].partition("]")
        if not bracket or not BARE.fullmatch(host) or host.count(":") < 2 or (port and not port.startswith(":")):
            raise _wrong(text, "what stands in brackets is no IPv6 address")
        return Address(host, user, _port(text, port[1:]) if port else 0)
    if place.count(":") > 1 and BARE.fullmatch(place):
        return Address(place, user)
    host, colon, port = place.partition(":")
    if not NAME.fullmatch(host):
        raise _wrong(text, f"{host!r} is no host name")
    return Address(host, user, _port(text, port) if colon else 0)


def _port(text: str, port: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise _wrong(text, f"{port!r} is no port")
    return int(port)


def _wrong(text: str, why: str) -> ConfigError:
    return ConfigError(f"{text!r} is no address of a host: {why}.", hint=HINT)
