"""Databases and roles that are missing are made on real servers, or an administrator is told how."""

from __future__ import annotations

import socketserver
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections, router

from django_selfdeploy.core.errors import HostError
from django_selfdeploy.project import creating, databases, servers

from .databases import Server
from .forwarding import Forwarder
from .site import free_port
from .test_backups import PASSWORD, configured, say

KINDS = ("postgres", "mariadb")


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def name(server: Server) -> Iterator[str]:
    """A name for a database and its role that are removed after the test, with a capital that must be quoted."""
    name = f"T{uuid.uuid4().hex[:10]}_x"
    yield name
    if server.vendor == "postgresql":
        for database in (name, f"{name}2"):
            server.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        server.execute(f'DROP ROLE IF EXISTS "{name}"')
    else:
        server.execute(f"DROP DATABASE IF EXISTS `{name}`")
        for host in ("localhost", "127.0.0.1", "%"):
            server.execute(f"DROP USER IF EXISTS '{name}'@'{host}'")


@pytest.fixture
def admin(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Puts the administrator's URL where the settings say that it is."""
    kind = "postgres" if server.vendor == "postgresql" else "mysql"
    return lambda: monkeypatch.setenv("ADMIN_URL", f"{kind}://{server.superuser}@127.0.0.1:{server.port}/")


def role(server: Server, name: str) -> dict[str, Any]:
    return {**server.settings(name), "USER": name, "PASSWORD": PASSWORD}


def create(*, wait: float = 0.0, tests: bool = False) -> str:
    return str(creating.create_databases(admin="ADMIN_URL", wait=wait, tests=tests)["note"])


each_server = pytest.mark.parametrize("server", KINDS, indirect=True)


@each_server
def test_role_and_database_are_made_with_the_credentials_of_an_administrator(
    server: Server, name: str, admin: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with configured(other=role(server, name)):
        with pytest.raises(HostError) as caught:
            create()
        told = str(caught.value)
        assert "The database 'other' cannot be used: " in told
        quoted = f'"{name}"' if server.vendor == "postgresql" else f"`{name}`"
        assert f"CREATE DATABASE {quoted}" in told or f"CREATE DATABASE IF NOT EXISTS {quoted}" in told
        assert (PASSWORD in told, "'the password in DATABASES'" in told) == (False, True)
        monkeypatch.setenv(creating.REHEARSAL, "ADMIN_URL")
        with pytest.raises(HostError) as rehearsed:
            creating.foreseen()
        assert str(rehearsed.value) == told
        admin()
        assert name in creating.foreseen()["other"]
        assert creating.is_missing("other")
        assert name in create()
        assert (creating.foreseen(), creating.is_missing("other")) == ({}, False)
        assert create() == ""  # all is there
        say("CREATE TABLE t (a INTEGER)", "INSERT INTO t VALUES (1)")
        assert say("SELECT a FROM t") == [(1,)]


@pytest.mark.parametrize("server", ["postgres"], indirect=True)
def test_the_password_of_a_new_role_is_its_own(server: Server, name: str, admin: Callable[[], None]) -> None:
    """By a server that asks for it; it never saw the plain one."""
    rules = server.folder / "data/pg_hba.conf"
    before = rules.read_text()
    admin()
    try:
        rules.write_text(f'host all "{name}" 127.0.0.1/32 scram-sha-256\n{before}')
        server.execute("SELECT pg_reload_conf()", "ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
        with configured(other=role(server, name)):
            create(tests=True)
            assert say("SELECT current_user, rolcreatedb FROM pg_roles WHERE rolname = current_user") == [(name, True)]
        with configured(other={**role(server, name), "PASSWORD": "wrong"}):
            with pytest.raises(HostError, match="is there, and cannot be used"):
                create()
    finally:
        rules.write_text(before)
        server.execute("ALTER SYSTEM RESET log_statement", "SELECT pg_reload_conf()")
    log = (server.folder / "log").read_text()
    assert f'CREATE ROLE "{name}" LOGIN CREATEDB PASSWORD' in log
    assert PASSWORD.replace("'", "''") not in log


@pytest.mark.parametrize("server", ["postgres"], indirect=True)
def test_a_role_that_may_makes_its_database_itself(server: Server, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server.execute(f'CREATE ROLE "{name}" LOGIN CREATEDB')
    with configured(other=role(server, name)):
        assert creating.is_missing("other")
        monkeypatch.setenv(creating.REHEARSAL, "NOBODY")
        assert creating.foreseen() == {"other": f"the database {name!r}"}
        assert create() == f"made the database {name!r}"
        assert not creating.is_missing("other")
        assert say("SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()") == [
            ("UTF8",)
        ]


@pytest.mark.parametrize("server", ["postgres"], indirect=True)
def test_a_role_that_may_not_is_told_what_an_administrator_has_to_say(server: Server, name: str) -> None:
    server.execute(f'CREATE ROLE "{name}" LOGIN')
    with configured(other=role(server, name)):
        with pytest.raises(HostError) as caught:
            create()
        first, *hint = str(caught.value).splitlines()[-2:]
        assert first == "Say as an administrator of the server, with `psql` for example:"
        [statement] = hint
        server.execute(statement)
        assert create() == ""


@pytest.mark.parametrize("server", ["mariadb"], indirect=True)
def test_what_an_administrator_of_mariadb_is_told_to_say_is_enough(server: Server, name: str) -> None:
    with configured(other=role(server, name)):
        with pytest.raises(HostError) as caught:
            create(tests=True)
        said = caught.value.hint.splitlines()[1:]
        quoted = PASSWORD.replace("\\", "\\\\").replace("'", "''")
        server.execute(*(line.rstrip(";").replace("the password in DATABASES", quoted) for line in said))
        assert create() == ""
        say(f"CREATE DATABASE `test_{name}`", f"DROP DATABASE `test_{name}`")


@pytest.mark.parametrize("server", ["postgres"], indirect=True)
def test_an_administrator_who_is_no_superuser_is_enough(
    server: Server, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    boss = f"b{uuid.uuid4().hex[:10]}"
    server.execute(f"CREATE ROLE {boss} LOGIN CREATEDB CREATEROLE")
    monkeypatch.setenv("ADMIN_URL_OTHER", f"postgres://{boss}@127.0.0.1:{server.port}/")
    try:
        with configured(other=role(server, name)):
            assert create() == f"made the role {name!r} and the database {name!r}"
            assert say("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()") == [
                (name,)
            ]
    finally:
        server.execute(f'DROP DATABASE IF EXISTS "{name}"', f'DROP ROLE IF EXISTS "{name}"', f"DROP ROLE {boss}")


@each_server
def test_a_server_that_is_not_there_is_waited_for_and_told(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    with configured(other={**server.settings("x"), "PORT": str(free_port())}):
        began = time.monotonic()
        with pytest.raises(HostError, match=r"'other' does not answer after 1 seconds: ") as caught:
            create(wait=1)
        assert time.monotonic() - began < 10
        assert "`DATABASE_WAIT`" in caught.value.hint
    assert capsys.readouterr().out == "Waiting for the server of the database 'other' ...\n"


@each_server
def test_a_server_that_starts_meanwhile_is_enough(
    server: Server, new_database: Callable[[Server], str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A port that leads to the server from a moment on, as of one that is being started."""
    name, port = new_database(server), free_port()
    with (
        configured(other={**server.settings(name), "PORT": str(port)}),
        Forwarder("127.0.0.1", port, to=server.port, after=1.0),
    ):
        assert create(wait=30) == ""
    assert capsys.readouterr().out == "Waiting for the server of the database 'other' ...\n"


def test_postgres_that_says_that_it_starts_is_waited_for(
    postgres: Server, new_database: Callable[[Server], str], tmp_path: Any
) -> None:
    """SQLSTATE 57P03, in whatever language the server speaks."""
    answer = b"E\0\0\0\x2dSFATAL\0VFATAL\0C57P03\0Mdas Datenbanksystem startet\0\0"
    with _answering(answer) as port:
        about = {**connections["default"].settings_dict, "HOST": "127.0.0.1", "PORT": str(port)}
        assert not servers._postgres_accepts(about)
    with _answering(b"E\0\0\0\x2dSFATAL\0VFATAL\0C3D000\0Mdie Datenbank gibt es nicht\0\0") as port:
        about = {**connections["default"].settings_dict, "HOST": "127.0.0.1", "PORT": str(port)}
        assert servers._postgres_accepts(about)
    about = {**connections["default"].settings_dict, "HOST": postgres.socket, "PORT": str(postgres.port)}
    assert servers._postgres_accepts(about)


@pytest.mark.parametrize("server", ["postgres"], indirect=True)
def test_replicas_and_second_names_are_left_alone(
    server: Server, new_database: Callable[[Server], str], settings_router: None
) -> None:
    name = new_database(server)
    with configured(other=server.settings(name), again=server.settings(name), replica=server.settings("nowhere")):
        assert databases.own_aliases() == ("default", "other")


@pytest.fixture
def settings_router(monkeypatch: pytest.MonkeyPatch) -> None:
    class Router:
        def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
            return False if db == "replica" else None

    monkeypatch.setattr(router, "routers", [Router()])


@contextmanager
def _answering(answer: bytes) -> Iterator[int]:
    """The port of a server that gives everybody this answer."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(4096)
            self.request.sendall(answer)

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as tcp:
        thread = threading.Thread(target=tcp.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield tcp.server_address[1]
        tcp.shutdown()
        thread.join()
