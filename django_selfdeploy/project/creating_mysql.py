"""A MySQL or MariaDB database and its account, made where somebody may make them."""

from __future__ import annotations

from contextlib import closing, suppress

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DatabaseError, Error, InterfaceError

from ..core.errors import HostError
from . import databases

LOCAL = ("", "localhost", "127.0.0.1", "::1")
PLACE = "'the password in DATABASES'"


def make(connection: BaseDatabaseWrapper, admin: BaseDatabaseWrapper | None, refusal: Error, tests: bool) -> str:
    """Make what is missing; what that was. Raises HostError, with the SQL that is to be said, where nobody may."""
    name, user = (str(connection.settings_dict[key]) for key in ("NAME", "USER"))
    own = _entered(connection)
    if own is not None:
        with closing(own), suppress(DatabaseError):
            _say(own, _database(name))
            return f"made the database {name!r}"
    boss = _entered(admin) if admin else None
    if boss is None:
        raise _nobody_may(connection, refusal, tests, known=own is not None)
    with closing(boss):
        try:
            account = f"{_literal(user)}@{_literal(_host(connection, boss))}"
            password = _literal(str(connection.settings_dict["PASSWORD"]))
            if own is None:
                _say(boss, f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY {password}")
            for statement in (_database(name), *_grants(name, account, tests)):
                _say(boss, statement)
        except DatabaseError as error:
            raise HostError(f"The administrator may not make the database {name!r}: {error}") from error
    return f"made the database {name!r} for {user!r}"


def foresee(connection: BaseDatabaseWrapper, admin: BaseDatabaseWrapper | None, refusal: Error, tests: bool) -> str:
    """What `make` would make, nothing of which is done. Raises HostError where nobody may."""
    name, user = (str(connection.settings_dict[key]) for key in ("NAME", "USER"))
    own = _entered(connection)
    if own is not None:
        with closing(own):
            if _may_make(own, name):
                return f"the database {name!r}"
    boss = _entered(admin) if admin else None
    if boss is None:
        raise _nobody_may(connection, refusal, tests, known=own is not None)
    boss.close()
    return f"the database {name!r} for {user!r}"


def is_missing(connection: BaseDatabaseWrapper, admin: BaseDatabaseWrapper | None) -> bool:
    """Whether there is no such database that the account, or else the administrator, may see."""
    seeing = _entered(connection) or (_entered(admin) if admin else None)
    if seeing is None:
        return False
    with closing(seeing):
        statement = "SELECT 1 FROM information_schema.schemata WHERE schema_name = %s"
        return not _is_there(seeing, statement, str(connection.settings_dict["NAME"]))


def _may_make(connection: BaseDatabaseWrapper, name: str) -> bool:
    """These tables show everybody the rights that they have (MySQL manual, "INFORMATION_SCHEMA")."""
    everywhere = "SELECT 1 FROM information_schema.user_privileges WHERE privilege_type = 'CREATE'"
    here = "SELECT 1 FROM information_schema.schema_privileges WHERE privilege_type = 'CREATE' AND %s LIKE table_schema"
    return _is_there(connection, everywhere) or _is_there(connection, here, name)


def _is_there(connection: BaseDatabaseWrapper, statement: str, *values: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchone() is not None


def _nobody_may(connection: BaseDatabaseWrapper, refusal: Error, tests: bool, *, known: bool) -> HostError:
    """With what makes the database, and the account where it is not `known`."""
    name, user = (str(connection.settings_dict[key]) for key in ("NAME", "USER"))
    account = f"{_literal(user)}@{_literal(_host(connection, None))}"
    role = () if known else (f"CREATE USER {account} IDENTIFIED BY {PLACE}",)
    statements = (*role, _database(name), *_grants(name, account, tests))
    return HostError(
        f"The database {connection.alias!r} cannot be used: {refusal}",
        hint="\n".join(
            (
                "Say as an administrator of the server, with `mysql` for example:",
                *(f"{statement};" for statement in statements),
            )
        ),
    )


def _database(name: str) -> str:
    return f"CREATE DATABASE IF NOT EXISTS {_q(name)} CHARACTER SET utf8mb4"


def _grants(name: str, account: str, tests: bool) -> tuple[str, ...]:
    """In a GRANT _ and % of a database's name are wildcards (MySQL manual, "GRANT Statement")."""
    names = (name, f"test_{name}") if tests else (name,)
    escaped = (one.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%") for one in names)
    return tuple(f"GRANT ALL PRIVILEGES ON {_q(one)}.* TO {account}" for one in escaped)


def _host(connection: BaseDatabaseWrapper, boss: BaseDatabaseWrapper | None) -> str:
    """From where the account may come: from this machine, as the server knows it, or from anywhere: other hosts of
    the site will.
    """
    settings = connection.settings_dict
    if str(settings["HOST"]) not in LOCAL and not str(settings["HOST"]).startswith("/"):
        return "%"
    if boss is None:
        return "localhost"
    with boss.cursor() as cursor:
        cursor.execute("SELECT SUBSTRING_INDEX(USER(), '@', -1)")
        return str(cursor.fetchone()[0])


def _entered(connection: BaseDatabaseWrapper) -> BaseDatabaseWrapper | None:
    """The same account in no database; None where it is not let in."""
    found = databases.with_settings(connection, NAME="")
    with suppress(DatabaseError, InterfaceError):
        found.ensure_connection()
        return found
    return None


def _say(connection: BaseDatabaseWrapper, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _q(name: str) -> str:
    return "`{}`".format(name.replace("`", "``"))


def _literal(text: str) -> str:
    return "'{}'".format(text.replace("\\", "\\\\").replace("'", "''"))
