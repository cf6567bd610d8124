"""Servers in this process that answer as a test wants: a web server, a supervisord, a whole site."""

import contextlib
import http.server
import os
import socketserver
import threading
import xmlrpc.client
import xmlrpc.server
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from django_selfdeploy.core import codec
from django_selfdeploy.core.layout import Layout
from django_selfdeploy.core.release import RECORD, Release

Headers = dict[str, str]
Page = tuple[int, Headers, bytes]
Answer = Callable[[str, Headers], Page]
"""A page for a path and the request's headers, whose names are in lower case."""


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False


class _TcpServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def web(answer: Answer, *, path: Path | None = None) -> Iterator[str]:
    """The address of a web server: "unix:PATH", or one of 127.0.0.1 where there is no path."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answer(self.path, {name.lower(): text for name, text in self.headers.items()})
            self.send_response(status)
            for name, text in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with _serving(Handler, path) as address:
        yield address


@contextmanager
def _serving(handler: type[socketserver.BaseRequestHandler], path: Path | None) -> Iterator[str]:
    server = _UnixServer(str(path), handler) if path else _TcpServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.002}, daemon=True)
    thread.start()
    try:
        yield f"unix:{path}" if path else f"127.0.0.1:{server.server_address[1]}"  # type: ignore[str-bytes-safe]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def row(group: str, state: str = "RUNNING", *, pid: int = 4711, **more: Any) -> dict[str, Any]:
    """A process as supervisord describes it (getAllProcessInfo of its API)."""
    about = {"name": group, "group": group, "statename": state, "pid": pid if state in ("RUNNING", "STARTING") else 0}
    return {**about, "start": 1_700_000_000, "spawnerr": "", "stdout_logfile": "", **more}


@dataclass
class FakeSupervisord:
    """A supervisord that knows the groups `available` and has `programs`; it remembers the calls that change it.

    A group that is added has the state `starts_as`. One in `stubborn` does not stop. `broken` is what it says of
    its files when it reads them again.
    """

    available: set[str] = field(default_factory=set)
    programs: dict[str, dict[str, Any]] = field(default_factory=dict)
    starts_as: str = "RUNNING"
    stubborn: set[str] = field(default_factory=set)
    broken: str = ""
    calls: list[tuple[str, ...]] = field(default_factory=list)

    faults: ClassVar[dict[str, int]] = {"BAD_NAME": 10, "NOT_RUNNING": 70, "ALREADY_ADDED": 90, "CANT_REREAD": 92}

    def getPID(self) -> int:
        return 4242

    def getAllProcessInfo(self) -> list[dict[str, Any]]:
        return list(self.programs.values())

    def reloadConfig(self) -> list[Any]:
        self.calls.append(("reread",))
        if self.broken:
            raise xmlrpc.client.Fault(self.faults["CANT_REREAD"], f"CANT_REREAD: {self.broken}")
        return [[[], [], []]]

    def addProcessGroup(self, group: str) -> bool:
        self.calls.append(("add", group))
        if group in self.programs:
            raise xmlrpc.client.Fault(self.faults["ALREADY_ADDED"], f"ALREADY_ADDED: {group}")
        if group not in self.available:
            raise xmlrpc.client.Fault(self.faults["BAD_NAME"], f"BAD_NAME: {group}")
        self.programs[group] = row(group, self.starts_as)
        return True

    def stopProcessGroup(self, group: str, wait: bool) -> list[Any]:
        self.calls.append(("stop", group))
        self._expect(group)
        if group not in self.stubborn:
            self.programs[group] = row(group, "STOPPED")
        return []

    def removeProcessGroup(self, group: str) -> bool:
        self.calls.append(("remove", group))
        self._expect(group)
        del self.programs[group]
        return True

    def signalProcessGroup(self, group: str, number: str) -> list[Any]:
        self.calls.append(("signal", group, number))
        self._expect(group)
        return []

    def _expect(self, group: str) -> None:
        if group not in self.programs:
            raise xmlrpc.client.Fault(self.faults["BAD_NAME"], f"BAD_NAME: {group}")


@contextmanager
def supervisord(path: Path, fake: FakeSupervisord) -> Iterator[str]:
    """The path of the socket on which `fake` answers."""
    dispatcher = xmlrpc.server.SimpleXMLRPCDispatcher(allow_none=True, encoding="utf-8")
    for name in dir(fake):
        if callable(getattr(fake, name)) and not name.startswith("_"):
            dispatcher.register_function(getattr(fake, name), f"supervisor.{name}")

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = dispatcher._marshaled_dispatch(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with _serving(Handler, path):
        yield str(path)


MARKER = "m" * 16


@contextmanager
def site(root: Path, *releases: Release, current: str = "") -> Iterator[FakeSupervisord]:
    """A root with these complete releases, the last one or `current` live; a supervisord that runs that one; and a
    front server. A release's socket answers while its program runs.
    """
    layout = Layout(str(root))
    for folder in (layout.releases, layout.journals, layout.programs, layout.run, layout.log):
        os.makedirs(folder, exist_ok=True)
    fake = FakeSupervisord()
    live = current or releases[-1].id
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(web(_front(layout)))
        for one in releases:
            _put(layout, one, address)
            stack.enter_context(web(_application(fake, one), path=Path(layout.socket(one.id))))
            fake.available.update(one.groups)
        os.symlink(f"releases/{live}", layout.current)
        fake.programs = {group: row(group) for one in releases if one.id == live for group in one.groups}
        stack.enter_context(supervisord(Path(layout.control), fake))
        yield fake


def _put(layout: Layout, release: Release, address: str) -> None:
    os.makedirs(f"{layout.release(release.id)}/etc")
    front = replace(release.front, address=address, marker=MARKER)
    Path(layout.release(release.id), RECORD).write_text(codec.dumps(replace(release, front=front)))


def _front(layout: Layout) -> Answer:
    def page(path: str, headers: Headers) -> Page:
        if headers["host"].endswith(".invalid"):
            return 204, {"X-Selfdeploy-Front": MARKER}, b""
        return 200, {"X-Selfdeploy-Release": os.path.basename(os.readlink(layout.current))}, b""

    return page


def _application(fake: FakeSupervisord, release: Release) -> Answer:
    def page(path: str, headers: Headers) -> Page:
        runs = set(release.early) <= {group for group, one in fake.programs.items() if one["statename"] == "RUNNING"}
        return 200 if runs else 502, {"X-Selfdeploy-Release": release.id} if runs else {}, b""

    return page
