"""How long a migration waits, and what another try may mend."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection

from django_selfdeploy.project import limits
from django_selfdeploy.project.limits import Limits, Watch, is_busy, statements
from django_selfdeploy.project.turn import NoTurn, turn


def of(vendor: str, **more: Any) -> Any:
    return SimpleNamespace(vendor=vendor, **more)


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (of("postgresql"), ("SET lock_timeout = 1500", "SET statement_timeout = 60000")),
        (
            of("mysql", mysql_is_mariadb=True),
            (
                "SET SESSION lock_wait_timeout = 2",
                "SET SESSION innodb_lock_wait_timeout = 2",
                "SET SESSION max_statement_time = 60.0",
            ),
        ),
        (
            of("mysql", mysql_is_mariadb=False),
            ("SET SESSION lock_wait_timeout = 2", "SET SESSION innodb_lock_wait_timeout = 2"),
        ),
        (of("sqlite"), ()),
    ],
)
def test_each_database_is_told_its_limits(known: Any, told: tuple[str, ...]) -> None:
    assert statements(known, Limits(1.5, 60.0)) == told


def test_the_pauses_between_tries_grow_to_half_a_minute() -> None:
    assert [Limits(2.0).pause(attempt) for attempt in (1, 2, 3, 9)] == [2.0, 4.0, 8.0, 30.0]
    assert Limits(0.0).pause(1) == 0.1


class Cause(Exception):
    def __init__(self, **codes: str) -> None:
        self.__dict__.update(codes)


@pytest.mark.parametrize(
    ("error", "cause", "busy"),
    [
        (OperationalError("x"), Cause(sqlstate="55P03"), True),
        (OperationalError("x"), Cause(pgcode="40P01"), True),
        (OperationalError(1205, "Lock wait timeout exceeded"), None, True),
        (OperationalError("database is locked"), None, True),
        (OperationalError("x"), Cause(sqlstate="57014"), False),
        (ValueError(1205), None, False),
        (DatabaseError("no such table"), None, False),
    ],
)
def test_others_hold_a_lock(error: Exception, cause: Exception | None, busy: bool) -> None:
    error.__cause__ = cause
    assert is_busy(error) is busy


def run(watch: Watch, *statements: str) -> None:
    for sql in statements:
        watch(lambda *_: None, sql, None, False, {})


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The times that statements were given to wait, by a clock that goes on half a second at each look."""
    given: list[float] = []
    clock = iter(number / 2 for number in range(100))
    monkeypatch.setattr(limits, "_set", lambda connection, name, seconds: given.append(seconds))
    monkeypatch.setattr(limits.time, "monotonic", lambda: next(clock))
    return given


def test_all_statements_of_a_transaction_have_the_time_of_one_lock(given: list[float]) -> None:
    watch = Watch(of("postgresql"), Limits(1.2), together=True)
    run(watch, "ALTER TABLE a", "SELECT 1", "CREATE INDEX x", "INSERT INTO a", "DROP TABLE b", "ALTER TABLE c")
    assert given == [1.2, pytest.approx(0.7), pytest.approx(0.2), limits.LEAST]
    assert watch.written == 5


def test_statements_that_stand_alone_have_it_each(given: list[float]) -> None:
    run(Watch(of("postgresql"), Limits(1.2), together=False), "ALTER TABLE a", "ALTER TABLE b")
    assert given == [1.2, 1.2]


def test_nobody_waits_behind_an_index_that_is_built_concurrently(given: list[float]) -> None:
    run(Watch(of("postgresql"), Limits(1.2), together=False), "CREATE INDEX CONCURRENTLY x ON a (b)")
    assert given == [0]


def test_a_database_in_memory_has_one_user() -> None:
    with turn(connection):
        pass


def test_who_waits_too_long_is_told(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    one = of("sqlite", settings_dict={"NAME": str(tmp_path / "db.sqlite3")})
    with turn(one):
        with pytest.raises(NoTurn, match="Somebody else has migrated this database for 0 seconds."):
            with turn(one, patience=0.25):
                raise AssertionError("two at once")
    assert capsys.readouterr().out == "Waiting for another host that migrates this database.\n"
    with turn(one, patience=0):
        pass
