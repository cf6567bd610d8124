"""Talking to a supervisord by XML-RPC over its unix socket (http://supervisord.org/api.html)."""

from __future__ import annotations

import http.client
import socket
import xmlrpc.client
from dataclasses import dataclass
from typing import Any

from .codec import record

RUNNING, STARTING, BACKOFF = "RUNNING", "STARTING", "BACKOFF"
ALIVE = frozenset({RUNNING, STARTING})
ENDED = frozenset({"STOPPED", "EXITED", "FATAL", "UNKNOWN"})

ALREADY_ADDED, BAD_NAME, NOT_RUNNING, STILL_RUNNING, CANT_REREAD = 90, 10, 70, 91, 92
SHUTDOWN_STATE = 6
"""Fault codes of supervisor.xmlrpc.Faults."""


class Unreachable(Exception):
    """No supervisord answers on the socket."""


@record
@dataclass(frozen=True)
class Process:
    """A process as supervisord sees it; `started` is in seconds since the epoch, 0 when it does not run."""

    group: str
    name: str
    state: str
    pid: int
    started: float
    trouble: str
    log: str


class Supervisor:
    """The calls we need; each raises Unreachable when nobody answers, xmlrpc.client.Fault when refused."""

    def __init__(self, control: str, *, timeout: float = 30.0) -> None:
        self._rpc = xmlrpc.client.ServerProxy("http://localhost/RPC2", transport=_UnixTransport(control, timeout))

    def processes(self) -> tuple[Process, ...]:
        return tuple(_process(row) for row in self._call("getAllProcessInfo"))

    def groups(self, names: tuple[str, ...]) -> tuple[Process, ...]:
        return tuple(process for process in self.processes() if process.group in names)

    def pid(self) -> int:
        return int(self._call("getPID"))

    def reread(self) -> None:
        self._call("reloadConfig")

    def add(self, group: str) -> None:
        self._call("addProcessGroup", group)

    def stop(self, group: str) -> None:
        """Ask the group to stop; does not wait for it."""
        self._call("stopProcessGroup", group, False)

    def remove(self, group: str) -> None:
        self._call("removeProcessGroup", group)

    def signal(self, group: str, number: str) -> None:
        self._call("signalProcessGroup", group, number)

    def shut_down(self) -> None:
        self._call("shutdown")

    def _call(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self._rpc.supervisor, method)(*arguments)
        except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
            raise Unreachable(str(error)) from error
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == SHUTDOWN_STATE:
                raise Unreachable("it is shutting down") from fault
            raise
        finally:
            self._rpc("close")()


def _process(row: dict[str, Any]) -> Process:
    running = row["pid"] != 0
    return Process(
        group=row["group"],
        name=row["name"],
        state=row["statename"],
        pid=row["pid"],
        started=float(row["start"]) if running else 0.0,
        trouble=row["spawnerr"],
        log=row["stdout_logfile"],
    )


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__()
        self._path, self._timeout = path, timeout

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = _UnixConnection(self._path, self._timeout)
        self._connection = host, connection  # what close() closes
        return connection
