"""A PostgreSQL database and its role: made by the role itself where it may, else by an administrator."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DatabaseError, Error, InterfaceError

from ..core.errors import HostError
from . import databases

MAINTENANCE = ("postgres", "template1")
"""Databases that every server has, to be in while another one is made (PostgreSQL manual, 23.3)."""

PLACE = "'the password in DATABASES'"


def make(connection: BaseDatabaseWrapper, admin: BaseDatabaseWrapper | None, refusal: Error, tests: bool) -> str:
    """Make what is missing; what that was. Raises HostError, with the SQL that is to be said, where nobody may."""
    name, user = (str(connection.settings_dict[key]) for key in ("NAME", "USER"))
    own = _entered(connection)
    if own is not None:
        with closing(own):
            if _has_database(own, name):
                raise _refused(connection, refusal, (f"GRANT CONNECT ON DATABASE {_q(name)} TO {_q(user)};",))
            with suppress(DatabaseError):
                _make_database(own, name, "")
                return f"made the database {name!r}"
    boss = _entered(admin) if admin else None
    if boss is None:
        raise _nobody_may(connection, refusal, tests, known=own is not None)
    with closing(boss):
        try:
            return _make_all(boss, name, user, str(connection.settings_dict["PASSWORD"]), tests=tests)
        except DatabaseError as error:
            raise HostError(f"The administrator may not make the database {name!r}: {error}") from error


def foresee(connection: BaseDatabaseWrapper, admin: BaseDatabaseWrapper | None, refusal: Error, tests: bool) -> str:
    """What `make` would make, nothing of which is done; "" for nothing. Raises HostError where nobody may."""
    name, user = (str(connection.settings_dict[key]) for key in ("NAME", "USER"))
    own = _entered(connection)
    if own is not None:
        with closing(own):
            if _has_database(own, name) or _may_make_databases(own):
                return "" if _has_database(own, name) else f"the database {name!r}"
    boss = _entered(admin) if admin else None
    if boss is None:
        raise _nobody_may(connection, refusal, tests, known=own is not None)
    with closing(boss):
        return " and ".join(_missing(boss, name, user))


def is_missing(connection: BaseDatabaseWrapper, admin: BaseDatabaseWrapper | None) -> bool:
    """Whether there is no such database, or no such role, as the role or the administrator sees it elsewhere."""
    name, user = (str(connection.settings_dict[key]) for key in ("NAME", "USER"))
    own = _entered(connection)
    if own is not None:
        with closing(own):
            return not _has_database(own, name)
    boss = _entered(admin) if admin else None
    if boss is None:
        return False
    with closing(boss):
        return bool(_missing(boss, name, user))


def _missing(boss: BaseDatabaseWrapper, name: str, user: str) -> tuple[str, ...]:
    role = () if _rows(boss, "SELECT 1 FROM pg_roles WHERE rolname = %s", user) else (f"the role {user!r}",)
    return role if _has_database(boss, name) else (*role, f"the database {name!r}")


def _may_make_databases(connection: BaseDatabaseWrapper) -> bool:
    return bool(_rows(connection, "SELECT 1 FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolcreatedb)"))


def _make_all(boss: BaseDatabaseWrapper, name: str, user: str, password: str, *, tests: bool) -> str:
    missing = _missing(boss, name, user)
    if f"the role {user!r}" in missing:
        rights = "LOGIN CREATEDB" if tests else "LOGIN"
        _say(boss, f"CREATE ROLE {_q(user)} {rights} PASSWORD {_literal(_encrypted(boss, user, password))}")
    if f"the database {name!r}" in missing:
        [[superuser]] = _rows(boss, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if not superuser:
            _say(boss, f"GRANT {_q(user)} TO CURRENT_USER")
        _make_database(boss, name, user)
    return f"made {' and '.join(missing)}" if missing else ""


def _make_database(connection: BaseDatabaseWrapper, name: str, owner: str) -> None:
    """In UTF-8, whatever the server's own databases are in. One that another host makes meanwhile is as good."""
    [[encoding]] = _rows(connection, "SELECT getdatabaseencoding()")
    template = "" if encoding == "UTF8" else " TEMPLATE template0 ENCODING 'UTF8'"
    try:
        _say(connection, f"CREATE DATABASE {_q(name)}{f' OWNER {_q(owner)}' if owner else ''}{template}")
    except DatabaseError:
        if not _has_database(connection, name):
            raise


def _entered(connection: BaseDatabaseWrapper) -> BaseDatabaseWrapper | None:
    """The same role in a database that is there; None where it is not let in."""
    for name in MAINTENANCE:
        found = databases.with_settings(connection, NAME=name)
        with suppress(DatabaseError, InterfaceError):
            found.ensure_connection()
            return found
    return None


def _has_database(connection: BaseDatabaseWrapper, name: str) -> bool:
    return bool(_rows(connection, "SELECT 1 FROM pg_database WHERE datname = %s", name))


def _encrypted(connection: BaseDatabaseWrapper, user: str, password: str) -> str:
    """The password as the server would keep it: so the plain one is in no statement, and in no log of the server."""
    raw: Any = connection.connection
    if hasattr(raw, "pgconn"):
        return str(raw.pgconn.encrypt_password(password.encode(), user.encode()).decode())
    from psycopg2.extensions import encrypt_password  # type: ignore[import-untyped]

    return str(encrypt_password(password, user, raw))


def _rows(connection: BaseDatabaseWrapper, statement: str, *values: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return list(cursor.fetchall())


def _say(connection: BaseDatabaseWrapper, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _nobody_may(connection: BaseDatabaseWrapper, refusal: Error, tests: bool, *, known: bool) -> HostError:
    """With what makes the database, and the role where it is not `known`."""
    name, user = (_q(str(connection.settings_dict[key])) for key in ("NAME", "USER"))
    role = () if known else (f"CREATE ROLE {user} LOGIN{' CREATEDB' if tests else ''} PASSWORD {PLACE};",)
    return _refused(connection, refusal, (*role, f"CREATE DATABASE {name} OWNER {user};"))


def _refused(connection: BaseDatabaseWrapper, refusal: Error, statements: tuple[str, ...]) -> HostError:
    return HostError(
        f"The database {connection.alias!r} cannot be used: {str(refusal).strip()}",
        hint="\n".join(("Say as an administrator of the server, with `psql` for example:", *statements)),
    )


def _q(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


def _literal(text: str) -> str:
    return "'{}'".format(text.replace("'", "''"))
