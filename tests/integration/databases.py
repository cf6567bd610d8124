"""Real database servers, one of each kind for a whole test session: in a short folder, on a free port, fsync off.

A test takes the fixture `postgres` or `mariadb` and makes databases of its own with `create()`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .controller import short_folder, surroundings
from .site import free_port
from .waiting import until

PLACES = ("/usr/lib/postgresql/*/bin", "/usr/sbin", "/usr/bin", "/usr/local/bin", "/usr/pgsql-*/bin")


@dataclass(frozen=True)
class Server:
    """A server at work. `superuser` may do everything, without a password, on 127.0.0.1 and on `socket`.

    `socket` is what a client's HOST (PostgreSQL: the folder) or unix_socket (MariaDB: the file) is.
    """

    vendor: str
    folder: Path
    port: int
    socket: str
    superuser: str

    def create(self, name: str = "") -> str:
        """A new, empty database; its name."""
        name = name or f"t{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name}")
        return name

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {name}{' WITH (FORCE)' if self.vendor == 'postgresql' else ''}")

    def execute(self, *statements: str, database: str = "") -> list[tuple[Any, ...]]:
        """Carry statements out, each by itself; the rows of the last."""
        rows: list[tuple[Any, ...]] = []
        connection = self.connect(database)
        try:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
                rows = list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()
        return rows

    def connect(self, database: str = "") -> Any:
        """A DB-API connection in autocommit mode, of psycopg or PyMySQL; the caller closes it."""
        if self.vendor == "postgresql":
            import psycopg

            about = {"host": "127.0.0.1", "port": self.port, "user": self.superuser}
            return psycopg.connect(**about, dbname=database or "postgres", autocommit=True)  # type: ignore[arg-type]
        import pymysql

        return pymysql.connect(
            host="127.0.0.1", port=self.port, user=self.superuser, database=database or None, autocommit=True
        )

    def settings(self, database: str) -> dict[str, Any]:
        """An entry of Django's DATABASES; on MariaDB PyMySQL must be installed as MySQLdb before."""
        kind = "postgresql" if self.vendor == "postgresql" else "mysql"
        return {
            "ENGINE": f"django.db.backends.{kind}",
            "NAME": database,
            "USER": self.superuser,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
        }

    def url(self, database: str) -> str:
        """The same as a DATABASE_URL of django-environ."""
        kind = "postgres" if self.vendor == "postgresql" else "mysql"
        return f"{kind}://{self.superuser}@127.0.0.1:{self.port}/{database}"


def program(name: str) -> str:
    """The path of a server's program; the newest where there are several. "" where there is none."""
    found = shutil.which(name) or ""
    for place in PLACES:
        paths = sorted(Path("/").glob(f"{place.lstrip('/')}/{name}"), key=lambda path: path.parts)
        found = str(paths[-1]) if paths else found
    return found


def _needed(*names: str) -> tuple[str, ...]:
    """The paths of programs. In a CI what is missing is a failure: a skipped proof proves nothing."""
    paths = tuple(map(program, names))
    missing = [name for name, path in zip(names, paths, strict=True) if not path]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"Not installed: {', '.join(missing)}.")
    if missing:
        pytest.skip(f"Not installed: {', '.join(missing)}.")
    return paths


def _account(name: str) -> dict[str, Any]:
    """Servers refuse to run as root: what Popen needs to start them as their own account then."""
    if os.geteuid() != 0:
        return {}
    found = pwd.getpwnam(name)
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


def _folder(account: dict[str, Any]) -> Path:
    folder = short_folder()
    if account:
        os.chown(folder, account["user"], account["group"])
    return folder


def _run(*words: str, **place: Any) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, env=surroundings(), **place)
    assert done.returncode == 0, f"{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """PostgreSQL that trusts everybody who comes by loopback."""
    initdb, server = _needed("initdb", "postgres")
    account = _account("postgres")
    folder, port = _folder(account), free_port()
    data = str(folder / "data")
    words = ("-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
    _run(initdb, *words, cwd=folder, **account)
    options = (f"port={port}", f"unix_socket_directories={folder}", "listen_addresses=127.0.0.1")
    quick = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60")
    settings = tuple(word for option in (*options, *quick) for word in ("-c", option))
    found = Server("postgresql", folder, port, str(folder), "postgres")
    yield from _serving(found, (server, "-D", data, *settings), signal.SIGINT, account)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    """MariaDB whose root has no password and may come by loopback."""
    install, server = _needed("mariadb-install-db", "mariadbd")
    account = _account("mysql")
    folder, port = _folder(account), free_port()
    data = folder / "data"
    common = ("--no-defaults", f"--datadir={data}")
    _run(install, *common, "--auth-root-authentication-method=normal", "--skip-test-db", cwd=folder, **account)
    place = (f"--socket={folder}/m.sock", f"--port={port}", "--bind-address=127.0.0.1", f"--pid-file={folder}/m.pid")
    quick = ("--innodb-flush-log-at-trx-commit=0", "--skip-log-bin", "--innodb-buffer-pool-size=32M")
    words = (server, *common, *place, *quick, "--character-set-server=utf8mb4")
    yield from _serving(Server("mysql", folder, port, f"{folder}/m.sock", "root"), words, signal.SIGTERM, account)


def _serving(server: Server, words: tuple[str, ...], end: signal.Signals, account: dict[str, Any]) -> Iterator[Server]:
    """Start it, wait until it answers, and end it by its pid in the end."""
    log = server.folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            words,
            cwd=server.folder,
            env=surroundings(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            **account,
        )
    try:
        until(lambda: process.poll() is not None or _answers(server), what=f"{words[0]} answers")
        assert process.poll() is None, log.read_text()
        yield server
    finally:
        process.send_signal(end)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()
        shutil.rmtree(server.folder)


def _answers(server: Server) -> bool:
    try:
        server.execute("SELECT 1")
    except Exception:
        return False
    return True


@pytest.fixture
def new_database() -> Iterator[Callable[[Server], str]]:
    """Make databases that are dropped after the test."""
    made: list[tuple[Server, str]] = []

    def make(server: Server) -> str:
        made.append((server, server.create()))
        return made[-1][1]

    yield make
    for server, name in made:
        server.drop(name)
