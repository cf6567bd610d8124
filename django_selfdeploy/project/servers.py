"""Whether a database server is there, asked without logging in: one that starts is waited for."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DatabaseError, Error, InterfaceError

from ..core.errors import HostError

CANNOT_CONNECT_NOW = b"57P03"
"""What PostgreSQL answers while it starts or stops (manual, Appendix A)."""

NOT_THERE = (2002, 2003, 2006, 2013, 1053, 1927)
"""What MySQL's clients say of a server that is not there (yet), lost, or stopping (manual, "Client Error Messages")."""

SOCKETS = ("/var/run/postgresql", "/tmp")  # noqa: S108 - where libpq itself looks
"""Folders of PostgreSQL's socket where no HOST is set: Debian's and that of its source."""

POLL = 0.25


def reach(alias: str, *, wait: float) -> Error | None:
    """None when the database can be used; why not, when the server answers and refuses.

    A server that does not answer, or starts, is waited for, `wait` seconds, and that is told. Raises HostError then.
    """
    connection, deadline, told = connections[alias], time.monotonic() + wait, False
    while True:
        try:
            connection.ensure_connection()
        except (DatabaseError, InterfaceError) as error:
            if _answers(connection, error):
                return error
            reason = str(error).strip()
        else:
            connection.close()
            return None
        if time.monotonic() > deadline:
            raise HostError(
                f"The server of the database {alias!r} does not answer after {wait:.0f} seconds: {reason}",
                hint="Start it, or mend HOST and PORT; `DATABASE_WAIT` says how long is waited.",
            )
        if not told:
            print(f"Waiting for the server of the database {alias!r} ...", flush=True)  # noqa: T201
        told = True
        time.sleep(POLL)


def _answers(connection: BaseDatabaseWrapper, error: Error) -> bool:
    if connection.vendor == "mysql":
        return not (error.args and error.args[0] in NOT_THERE)
    if connection.vendor == "postgresql" and not connection.settings_dict["OPTIONS"].get("service"):
        return _postgres_accepts(connection.settings_dict)
    return True


def _postgres_accepts(settings: dict[str, object]) -> bool:
    """As pg_isready: a server that wants to know who we are accepts connections (manual, 55.2.1)."""
    words = ("user", str(settings["USER"] or "postgres"), "database", str(settings["NAME"] or "postgres"))
    text = b"".join(word.encode() + b"\0" for word in words) + b"\0"
    packet = struct.pack("!II", len(text) + 8, 196608) + text  # protocol 3.0
    for family, address in _addresses(str(settings["HOST"] or ""), str(settings["PORT"] or "5432")):
        with socket.socket(family, socket.SOCK_STREAM) as client:
            client.settimeout(5)
            try:
                client.connect(address)
                client.sendall(packet)
                answer = client.recv(4096)
            except OSError:
                continue
            return answer != b"" and b"C" + CANNOT_CONNECT_NOW not in answer
    return False


def _addresses(host: str, port: str) -> Iterator[tuple[int, Any]]:
    if host.startswith("/") or not host:
        for folder in (host,) if host else SOCKETS:
            path = os.path.join(folder, f".s.PGSQL.{port}")
            if os.path.exists(path):
                yield socket.AF_UNIX, path
        return
    try:
        found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        return
    for family, _, _, _, address in found:
        yield family, address
