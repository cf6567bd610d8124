"""The client programs of the database servers: where they are, and of which version."""

from __future__ import annotations

import glob
import os
import re
import subprocess

from .. import machine
from ..errors import BackupFailed

POSTGRES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin")
"""Where distributions keep the programs of each version of PostgreSQL (Debian, PGDG for Red Hat, from source)."""


def postgres(server: int) -> str:
    """The folder of pg_dump, pg_restore and psql of version `server`, a major number, or newer: an older pg_dump
    refuses a newer server (pg_dump, "Notes"). Raises BackupFailed, and says what to install.
    """
    places = [place for pattern in POSTGRES for place in sorted(glob.glob(pattern))]
    found = machine.find("pg_dump")
    if found:
        places.insert(0, os.path.dirname(os.path.realpath(found)))
        places.append(os.path.dirname(found))
    versions = {place: major(f"{place}/pg_dump") for place in places if os.access(f"{place}/pg_dump", os.X_OK)}
    for place, version in versions.items():
        if version >= server and os.access(f"{place}/pg_restore", os.X_OK):
            return place
    newest = max(versions.values(), default=0)
    what = f"is of version {newest}, and the server of version {server}" if newest else "is not on this host"
    install = f"Install it, on Debian and Ubuntu with `apt-get install postgresql-client-{server}`."
    raise BackupFailed(f"The program 'pg_dump' {what}.", hint=install)


def mysql(*, mariadb: bool) -> tuple[str, str]:
    """The programs that dump and restore, those of MariaDB where the server is one. Raises BackupFailed."""
    pairs = [("mariadb-dump", "mariadb"), ("mysqldump", "mysql")]
    for dump, client in pairs if mariadb else reversed(pairs):
        paths = machine.find(dump), machine.find(client)
        if all(paths):
            return paths
    package = "mariadb-client" if mariadb else "default-mysql-client"
    raise BackupFailed(
        f"The program {'mariadb-dump' if mariadb else 'mysqldump'!r} is not on this host.",
        hint=f"Install it, on Debian and Ubuntu with `apt-get install {package}`.",
    )


def major(program: str) -> int:
    """The first number of what `--version` says after the program's name; 0 where it says none."""
    try:
        done = subprocess.run((program, "--version"), capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r"\) (\d+)", done.stdout)
    return int(found[1]) if found else 0
