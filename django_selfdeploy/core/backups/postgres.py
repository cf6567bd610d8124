"""PostgreSQL: pg_dump's custom format, and its way back in one transaction."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator

from . import streams
from .database import Database

VARIABLES = {
    name: f"PG{name.upper()}"
    for name in ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "service", "passfile", "gssencmode")
} | {"connect_timeout": "PGCONNECT_TIMEOUT", "channel_binding": "PGCHANNELBINDING"}
"""libpq's variables for the parameters of a connection (PostgreSQL manual, 34.15)."""

THERE_ALREADY = re.compile(rb"^[^;].* (SCHEMA - public|ACL - SCHEMA public|COMMENT - (SCHEMA public|EXTENSION)) ")
"""Entries of a list of contents that a restore leaves out: it drops no extension and not the schema `public`."""

EMPTY = b"""
SET client_min_messages = warning;
DO $selfdeploy$
DECLARE
    statements text[];
    one text;
BEGIN
    WITH places AS (
        SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    ), kept AS (
        SELECT classid, objid FROM pg_depend WHERE deptype = 'e' OR deptype = 'i' AND classid = 'pg_class'::regclass
    ), doomed AS (
        SELECT CASE c.relkind WHEN 'S' THEN 2 ELSE 1 END AS turn, format('DROP %s IF EXISTS %I.%I CASCADE',
            CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
            WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, p.nspname, c.relname) AS statement
        FROM pg_class c JOIN places p ON p.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
        AND NOT EXISTS (SELECT FROM kept k WHERE k.classid = 'pg_class'::regclass AND k.objid = c.oid)
        UNION ALL
        SELECT 3, format('DROP ROUTINE IF EXISTS %s CASCADE', f.oid::regprocedure)
        FROM pg_proc f JOIN places p ON p.oid = f.pronamespace
        WHERE NOT EXISTS (SELECT FROM kept k WHERE k.classid = 'pg_proc'::regclass AND k.objid = f.oid)
        UNION ALL
        SELECT 4, format('DROP TYPE IF EXISTS %I.%I CASCADE', p.nspname, y.typname)
        FROM pg_type y JOIN places p ON p.oid = y.typnamespace LEFT JOIN pg_class c ON c.oid = y.typrelid
        WHERE (y.typtype IN ('e', 'd', 'r') OR y.typtype = 'c' AND c.relkind = 'c')
        AND NOT EXISTS (SELECT FROM kept k WHERE k.classid = 'pg_type'::regclass AND k.objid = y.oid)
        UNION ALL
        SELECT 5, format('DROP COLLATION IF EXISTS %I.%I CASCADE', p.nspname, l.collname)
        FROM pg_collation l JOIN places p ON p.oid = l.collnamespace
        UNION ALL
        SELECT 6, format('DROP SCHEMA IF EXISTS %I CASCADE', p.nspname) FROM places p
        WHERE p.nspname <> 'public' AND NOT EXISTS (SELECT FROM pg_extension e WHERE e.extnamespace = p.oid)
    )
    SELECT array_agg(statement ORDER BY turn) INTO statements FROM doomed;
    FOREACH one IN ARRAY coalesce(statements, '{}') LOOP
        EXECUTE one;
    END LOOP;
    PERFORM lo_unlink(oid) FROM pg_largeobject_metadata;
END
$selfdeploy$;
"""
"""Drops what a dump brings back: all but extensions, what is theirs, and the schema `public` itself."""


def environment(database: Database) -> dict[str, str]:
    """What libpq reads: no credential is in an argument list."""
    found = {
        "PGHOST": database.host,
        "PGPORT": database.port,
        "PGUSER": database.user,
        "PGPASSWORD": database.password.reveal(),
        "PGDATABASE": database.name,
    }
    found |= {VARIABLES[name]: value for name, value in database.options if name in VARIABLES}
    return {name: value for name, value in found.items() if value}


def dump(database: Database, path: str, *, programs: str, level: int) -> streams.Stored:
    """Write the database to `path`: one snapshot, whatever is written meanwhile. Raises BackupFailed, OSError."""
    words = ("--format=custom", f"--compress={level}", "--no-password", "--lock-wait-timeout=60s")
    return streams.store(path, streams.output((f"{programs}/pg_dump", *words), environment(database)))


def verify(path: str, *, programs: str) -> None:
    """Read the whole archive. Raises BackupFailed."""
    if not any(not line.startswith(b";") for line in _contents(path, programs)):
        raise streams.damaged(path, "it holds nothing")
    for _ in streams.output((f"{programs}/pg_restore", "--file=-", path), {}):
        pass


def restore(database: Database, path: str, *, programs: str) -> None:
    """Make the database what it was; all of it, or nothing is changed. Raises BackupFailed."""
    with tempfile.NamedTemporaryFile() as contents:
        kept = [line for line in _contents(path, programs) if not THERE_ALREADY.match(line)]
        contents.write(b"\n".join((*kept, b"")))
        contents.flush()
        words = ("--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--file=-")
        streams.feed((f"{programs}/psql", *words), _script(path, programs, contents.name), environment(database))


def _script(path: str, programs: str, contents: str) -> Iterator[bytes]:
    """COMMIT comes last, and only when the archive was read to its end."""
    yield b"BEGIN;\nSET LOCAL lock_timeout = '60s';\n" + EMPTY
    words = ("--no-owner", f"--use-list={contents}", "--file=-", path)
    yield from streams.output((f"{programs}/pg_restore", *words), {})
    yield b"COMMIT;\n"


def _contents(path: str, programs: str) -> list[bytes]:
    return b"".join(streams.output((f"{programs}/pg_restore", "--list", os.fspath(path)), {})).splitlines()
