"""MySQL and MariaDB: a dump as SQL, in one consistent transaction."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator

from . import streams
from .database import Database

COMPLETED = b"-- Dump completed"
"""How the last line of a dump begins that was not cut off."""

EMPTY = """
SELECT CONCAT('DROP ', CASE TABLE_TYPE WHEN 'VIEW' THEN 'VIEW' WHEN 'SEQUENCE' THEN 'SEQUENCE' ELSE 'TABLE' END,
    ' IF EXISTS `', REPLACE(TABLE_NAME, '`', '``'), '`;') FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = DATABASE();
SELECT CONCAT('DROP ', ROUTINE_TYPE, ' IF EXISTS `', REPLACE(ROUTINE_NAME, '`', '``'), '`;')
    FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE();
SELECT CONCAT('DROP EVENT IF EXISTS `', REPLACE(EVENT_NAME, '`', '``'), '`;')
    FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE();
"""


def options_file(database: Database) -> str:
    """The text of an option file: quoted, so that # ends no value (MySQL manual, "Using Option Files")."""
    ours = {"user": database.user, "password": database.password.reveal(), "port": database.port}
    place = {"socket" if database.host.startswith("/") else "host": database.host}
    known = {name: value for name, value in database.options if name in ("ssl-ca", "ssl-cert", "ssl-key", "socket")}
    values = {**ours, **place, **known}
    lines = [f'{name}="{_quoted(value)}"' for name, value in values.items() if value]
    return "\n".join(("[client]", *lines, "[mysqldump]", "loose-set-gtid-purged=OFF", ""))


def dump(database: Database, path: str, *, program: str, level: int) -> streams.Stored:
    """Write the database to `path`: one snapshot of its InnoDB tables. Raises BackupFailed, OSError."""
    with _options(database) as options:
        words = ("--single-transaction", "--quick", "--routines", "--triggers", "--events", "--hex-blob")
        more = ("--no-tablespaces", "--default-character-set=utf8mb4")
        command = (program, f"--defaults-extra-file={options}", *words, *more, database.name)
        return streams.store(path, streams.output(command, {}), level=level)


def verify(path: str) -> None:
    """Read all of it; its last line says that it is complete. Raises BackupFailed."""
    tail = b""
    for chunk in streams.read(path):
        tail = (tail + chunk)[-1000:]
    lines = tail.strip().splitlines()
    if not lines or not lines[-1].startswith(COMPLETED):
        raise streams.damaged(path, "its last line does not say that the dump was completed")


def restore(database: Database, path: str, *, client: str) -> None:
    """Make the database what it was. Raises BackupFailed; nothing is transactional here, so that leaves it half-way."""
    with _options(database) as options:
        command = (client, f"--defaults-extra-file={options}", "--default-character-set=utf8mb4")
        named = (f"--database={database.name}", "--binary-mode")
        listing = (*command, *named, "--skip-column-names", "--raw", "--batch", f"--execute={EMPTY}")
        drops = b"".join(streams.output(listing, {}))
        streams.feed((*command, *named), _script(drops, path), {})


def _script(drops: bytes, path: str) -> Iterator[bytes]:
    yield b"SET FOREIGN_KEY_CHECKS = 0;\n" + drops + b"SET FOREIGN_KEY_CHECKS = 1;\n"
    yield from streams.read(path)


@contextlib.contextmanager
def _options(database: Database) -> Iterator[str]:
    """The path of a file with the credentials, mode 0600, that is there as long as it is needed."""
    handle, path = tempfile.mkstemp(prefix="selfdeploy-", suffix=".cnf")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(options_file(database))
        yield path
    finally:
        os.unlink(path)


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
