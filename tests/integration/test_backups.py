"""Backups of real servers that are being written to, and their way back."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pymysql
import pytest
from django.db import connections
from django.test import override_settings

from django_selfdeploy.core.backups import store
from django_selfdeploy.core.errors import BackupFailed
from django_selfdeploy.project import backups, restoring, tables

from .databases import Server
from .scratch import small_disk
from .waiting import until

VENDORS = ("postgresql", "mysql", "sqlite")
PASSWORD = 'it\'s "quoted" # \\ and\ttabbed %s'
OPTIONS: dict[str, Any] = {
    "must_exist": "",
    "reason": "a test",
    "aliases": ["other"],
    "media": False,
    "level": 1,
    "keep": 9,
    "keep_days": 0.0,
    "spare": "",
    "reserve": 0,
}

WRITER = """
import json, sys, time
about = json.loads(sys.argv[1])
if about["vendor"] == "sqlite":
    import sqlite3
    connection = sqlite3.connect(about["name"], timeout=60, isolation_level=None)
elif about["vendor"] == "postgresql":
    import psycopg
    connection = psycopg.connect(host="127.0.0.1", port=about["port"], user="postgres", dbname=about["name"], autocommit=True)
else:
    import pymysql
    connection = pymysql.connect(host="127.0.0.1", port=about["port"], user="root", database=about["name"], autocommit=True)
cursor, number = connection.cursor(), 0
while True:
    number += 1
    cursor.execute(f"INSERT INTO numbers (n, text) VALUES ({number}, '{'x' * 200}')")
    print(number, flush=True)
"""
"""Commits one row after the other, and says each number when it is committed."""


class Writer:
    """A process that writes. It changes as it goes on, so it is not frozen."""

    def __init__(self, about: dict[str, Any]) -> None:
        words = (sys.executable, "-c", WRITER, json.dumps(about))
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        self.committed = 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.committed = int(line)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def writing(about: dict[str, Any]) -> Iterator[Writer]:
    writer = Writer(about)
    try:
        until(lambda: writer.committed > 200, what="the writer writes")
        yield writer
    finally:
        writer.end()


@pytest.fixture
def other(
    request: pytest.FixtureRequest, tmp_path: Path, new_database: Callable[[Server], str]
) -> Iterator[dict[str, Any]]:
    """A database of each vendor with a table, as the alias "other" of this process."""
    vendor = request.param
    if vendor == "sqlite":
        about = {"vendor": vendor, "name": str(tmp_path / "db.sqlite3"), "port": 0}
        settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": about["name"]}
    else:
        server: Server = request.getfixturevalue({"postgresql": "postgres", "mysql": "mariadb"}[vendor])
        about = {"vendor": vendor, "name": new_database(server), "port": server.port}
        settings = server.settings(about["name"])
    with configured(other=settings):
        key = {"postgresql": "SERIAL", "mysql": "INTEGER AUTO_INCREMENT", "sqlite": "INTEGER"}[vendor]
        say(f"CREATE TABLE numbers (id {key} PRIMARY KEY, n INTEGER NOT NULL, text VARCHAR(300))")
        yield about


@contextmanager
def configured(**databases: dict[str, Any]) -> Iterator[None]:
    """These databases in this process, besides its own."""
    if any(one["ENGINE"].endswith("mysql") for one in databases.values()):
        pymysql.install_as_MySQLdb()
    before = dict(connections.settings)
    connections.settings.update({alias: {**before["default"], **one} for alias, one in databases.items()})
    try:
        yield
    finally:
        for alias in databases:
            connections[alias].close()
            del connections[alias]
            del connections.settings[alias]
        assert connections.settings == before


def say(*statements: str) -> list[Any]:
    """Statements in the database "other"; the rows of the last."""
    rows: list[Any] = []
    with connections["other"].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
            rows = list(cursor.fetchall()) if cursor.description else []
    connections["other"].close()
    return rows


each_vendor = pytest.mark.parametrize("other", VENDORS, indirect=True)


@each_vendor
def test_nothing_is_lost_of_a_database_that_is_written_to(other: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    with writing(other) as writer:
        before = writer.committed
        made = backups.backup(folder=str(folder), **OPTIONS)
        after = until(lambda: writer.committed, what="it goes on")
    say("CREATE TABLE came_since (id INTEGER)")
    restoring.verify_backup(folder=str(folder), identity=made["id"], media=False)
    found = restoring.restore(folder=str(folder), identity=made["id"], media=False)
    assert (found["failure"], found["touched"]) == ("", ["other"])
    numbers = [row[0] for row in say("SELECT n FROM numbers ORDER BY id")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert before <= len(numbers) <= after + 1
    assert "came_since" not in connections["other"].introspection.table_names()
    say("INSERT INTO numbers (n, text) VALUES (0, '')")
    assert say("SELECT MAX(id) FROM numbers WHERE n = 0")[0][0] > len(numbers)


@each_vendor
def test_the_size_of_a_table_is_told_that_was_never_analysed(other: dict[str, Any]) -> None:
    say(*(f"INSERT INTO numbers (n, text) VALUES ({n}, '')" for n in range(3)))
    [found] = tables.sizes(connections["other"], ["numbers", "of_nobody"])
    assert (found.name, found.rows, found.size is None) == ("numbers", 3, other["vendor"] == "sqlite")


@each_vendor
def test_a_damaged_backup_is_noticed_before_a_restore_touches_anything(other: dict[str, Any], tmp_path: Path) -> None:
    folder = str(tmp_path / "backups")
    say(*(f"INSERT INTO numbers (n, text) VALUES ({n}, '{n:0200}')" for n in range(50)))
    made = backups.backup(folder=folder, **OPTIONS)
    [dump] = store.find(folder, made["id"]).dumps
    path = Path(made["folder"], dump.file)
    whole = path.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 0x10]) + whole[middle + 1 :]
    for harm in (flipped, whole[:-20], whole[: len(whole) // 2], b"", whole + b"\0"):
        path.write_bytes(harm)
        with pytest.raises(BackupFailed, match="is damaged"):
            restoring.verify_backup(folder=folder, identity=made["id"], media=False)
    path.unlink()
    with pytest.raises(BackupFailed, match="it is not there"):
        restoring.verify_backup(folder=folder, identity=made["id"], media=False)
    assert say("SELECT COUNT(*) FROM numbers") == [(50,)]


@each_vendor
def test_a_dump_that_is_cut_off_is_noticed_without_its_checksum(other: dict[str, Any], tmp_path: Path) -> None:
    """What a program wrote is read by the program that would restore it, before the backup gets its name."""
    folder = str(tmp_path / "backups")
    say(*(f"INSERT INTO numbers (n, text) VALUES ({n}, '{n:0200}')" for n in range(50)))
    made = backups.backup(folder=folder, **OPTIONS)
    [dump] = store.find(folder, made["id"]).dumps
    path = Path(made["folder"], dump.file)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(BackupFailed):
        backups._verify_dump(str(path), dump)


@each_vendor
def test_a_backup_is_private_and_says_what_is_in_it(other: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    say(
        "CREATE TABLE django_migrations (id INTEGER PRIMARY KEY, app VARCHAR(9), name VARCHAR(9), applied TIMESTAMP NULL)"
    )
    say(
        "INSERT INTO django_migrations VALUES (1, 'pages', '0001', NULL)",
        "INSERT INTO django_migrations VALUES (2, 'pages', '0002', NULL)",
    )
    made = backups.backup(folder=str(folder), **OPTIONS)
    [found] = store.listed(str(folder))
    [dump] = found.dumps
    assert (found.id, found.reason, dump.alias, dump.vendor) == (made["id"], "a test", "other", other["vendor"])
    assert dump.migrations == {"pages": ("0001", "0002")}
    assert dump.server.count(".") >= 1
    assert sorted(path.name for path in (folder / found.id).iterdir()) == sorted([dump.file, "manifest.json"])
    assert {path.stat().st_mode & 0o777 for path in (folder / found.id).iterdir()} == {0o600}
    assert [path.stat().st_mode & 0o777 for path in (folder, folder / found.id)] == [0o700, 0o700]


def test_postgres_gets_back_all_that_it_had(
    postgres: Server, new_database: Callable[[Server], str], tmp_path: Path
) -> None:
    """Schemas, types, functions, views, extensions, identities, large objects; and what came since is gone."""
    folder = str(tmp_path / "backups")
    with configured(other=postgres.settings(new_database(postgres))):
        say(
            "CREATE EXTENSION citext",
            "CREATE SCHEMA extra",
            "CREATE TYPE mood AS ENUM ('good', 'bad')",
            'CREATE COLLATION odd FROM "C"',
            "CREATE FUNCTION twice(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1'",
            "CREATE TABLE people (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name citext, mood mood,"
            " double integer GENERATED ALWAYS AS (twice(7)) STORED)",
            "CREATE TABLE extra.pets (owner integer REFERENCES people, born date) PARTITION BY RANGE (born)",
            "CREATE TABLE extra.old_pets PARTITION OF extra.pets DEFAULT",
            "CREATE VIEW owners AS SELECT name FROM people JOIN extra.pets ON owner = people.id",
            "CREATE MATERIALIZED VIEW moods AS SELECT mood FROM people",
            "COMMENT ON TABLE people IS 'those we know'",
            "INSERT INTO people (name, mood) VALUES ('Ann', 'good'), ('Bob', 'bad')",
            "INSERT INTO extra.pets VALUES (1, '2020-01-01')",
            "SELECT lo_from_bytea(4711, 'large')",
        )
        made = backups.backup(folder=folder, **OPTIONS)
        say(
            "CREATE SCHEMA later",
            "CREATE TABLE later.late AS SELECT * FROM people",
            "CREATE DOMAIN small AS integer",
            "ALTER TABLE people ADD COLUMN size small, DROP COLUMN double",
            "DELETE FROM extra.pets",
            "SELECT lo_unlink(4711)",
            "SELECT lo_from_bytea(4712, 'later')",
        )
        restoring.restore(folder=folder, identity=made["id"], media=False)
        assert say("SELECT name, mood, double FROM people WHERE name = 'ANN'") == [("Ann", "good", 14)]
        assert say("SELECT name FROM owners") == [("Ann",)]
        assert say("SELECT convert_from(lo_get(4711), 'UTF8')") == [("large",)]
        assert say("SELECT oid FROM pg_largeobject_metadata") == [(4711,)]
        assert say("SELECT obj_description('people'::regclass)") == [("those we know",)]
        assert say("SELECT nspname FROM pg_namespace WHERE nspname = 'later'") == []
        assert say("INSERT INTO people (name) VALUES ('Cid') RETURNING id") == [(3,)]


def test_a_restore_into_postgres_that_fails_changes_nothing(
    postgres: Server, new_database: Callable[[Server], str], tmp_path: Path
) -> None:
    folder = str(tmp_path / "backups")
    with configured(other=postgres.settings(new_database(postgres))):
        say("CREATE TABLE t (a integer)", "INSERT INTO t SELECT generate_series(1, 20000)")
        made = backups.backup(folder=folder, **{**OPTIONS, "level": 0})
        [dump] = store.find(folder, made["id"]).dumps
        path = Path(made["folder"], dump.file)
        path.write_bytes(path.read_bytes()[:-30000])
        say("DELETE FROM t WHERE a > 5")
        found = restoring.restore(folder=folder, identity=made["id"], media=False)
        assert ("pg_restore" in found["failure"], found["touched"]) == (True, [])
        assert say("SELECT COUNT(*) FROM t") == [(5,)]


def test_mariadb_gets_back_all_that_it_had(
    mariadb: Server, new_database: Callable[[Server], str], tmp_path: Path
) -> None:
    """By an account whose password has every character that an option file could misread."""
    folder = str(tmp_path / "backups")
    name = new_database(mariadb)
    quoted = PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
    account = f"'u{name}'@'%'"
    mariadb.execute(f"CREATE USER {account} IDENTIFIED BY '{quoted}'", f"GRANT ALL ON {name}.* TO {account}")
    settings = {**mariadb.settings(name), "USER": f"u{name}", "PASSWORD": PASSWORD}
    with configured(other=settings):
        say(
            "CREATE TABLE people (id INTEGER AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20), raw BLOB)",
            "CREATE TABLE pets (owner INTEGER, FOREIGN KEY (owner) REFERENCES people (id))",
            "CREATE VIEW owners AS SELECT name FROM people JOIN pets ON owner = people.id",
            "CREATE TRIGGER shout BEFORE INSERT ON people FOR EACH ROW SET NEW.name = UPPER(NEW.name)",
            "CREATE PROCEDURE nothing() SELECT 1",
            "INSERT INTO people (name, raw) VALUES ('änn 🌊', 0x00FF27)",
            "INSERT INTO pets VALUES (1)",
        )
        made = backups.backup(folder=folder, **OPTIONS)
        say(
            "CREATE TABLE later (owner INTEGER, FOREIGN KEY (owner) REFERENCES people (id))",
            "CREATE PROCEDURE anything() SELECT 2",
            "DELETE FROM pets",
        )
        restoring.restore(folder=folder, identity=made["id"], media=False)
        assert say("SELECT id, name, raw FROM people") == [(1, "ÄNN 🌊", b"\x00\xff'")]
        assert say("SELECT name FROM owners") == [("ÄNN 🌊",)]
        assert say("SHOW TABLES LIKE 'later'") == []
        assert say(f"SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = '{name}'") == [
            ("nothing",)
        ]
        assert say("INSERT INTO people (name) VALUES ('cid')", "SELECT id, name FROM people WHERE id > 1") == [
            (2, "CID")
        ]
    mariadb.execute(f"DROP USER {account}")


@pytest.mark.parametrize("other", ["sqlite"], indirect=True)
def test_sqlite_in_wal_mode_is_restored_whole(other: dict[str, Any], tmp_path: Path) -> None:
    folder = str(tmp_path / "backups")
    with closing(sqlite3.connect(other["name"], isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("INSERT INTO numbers (n, text) VALUES (1, 'in the log only')")
        made = backups.backup(folder=folder, **OPTIONS)
        connection.execute("INSERT INTO numbers (n, text) VALUES (2, 'came since')")
    Path(f"{other['name']}-wal").write_bytes(b"of another database")
    restoring.restore(folder=folder, identity=made["id"], media=False)
    assert say("SELECT n, text FROM numbers") == [(1, "in the log only")]


def test_a_disk_that_is_too_small_is_told_before(tmp_path: Path) -> None:
    name = str(tmp_path / "db.sqlite3")
    with closing(sqlite3.connect(name)) as connection:
        connection.execute("CREATE TABLE t (a)")
    with configured(other={"ENGINE": "django.db.backends.sqlite3", "NAME": name}):
        with pytest.raises(BackupFailed, match="MB free, and a backup may need"):
            backups.backup(folder=str(tmp_path / "backups"), **{**OPTIONS, "reserve": 1 << 60})
        assert not (tmp_path / "backups").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_media_that_do_not_fit_are_refused_in_time_and_what_did_not_change_always_fits(tmp_path: Path) -> None:
    name, uploads, folder = str(tmp_path / "db.sqlite3"), tmp_path / "media", tmp_path / "disk"
    uploads.mkdir()
    (uploads / "film.bin").write_bytes(os.urandom(12 << 20))
    with closing(sqlite3.connect(name)) as connection:
        connection.execute("CREATE TABLE t (a)")
    wanted = {**OPTIONS, "media": True, "reserve": 1 << 20}
    settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": name}
    with small_disk(folder, 20), configured(other=settings), override_settings(MEDIA_ROOT=str(uploads)):
        first = backups.backup(folder=f"{folder}/kept", **wanted)
        (uploads / "note.txt").write_text("new")
        second = backups.backup(folder=f"{folder}/kept", **wanted)
        (uploads / "another.bin").write_bytes(os.urandom(8 << 20))
        with pytest.raises(BackupFailed, match=r"has \d\.\d MB free, and a backup may need 9\.\d MB"):
            backups.backup(folder=f"{folder}/kept", **wanted)
        assert sorted(os.listdir(folder / "kept")) == [first["id"], second["id"]]
        for made in (first, second):
            restoring.verify_backup(folder=f"{folder}/kept", identity=made["id"], media=True)
        (uploads / "film.bin").unlink()
        found = restoring.restore(folder=f"{folder}/kept", identity=second["id"], media=True)
    assert (found["failure"], found["media"]) == ("", True)
    assert ((uploads / "film.bin").stat().st_size, (uploads / "another.bin").exists()) == (12 << 20, True)
