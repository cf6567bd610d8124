"""Migrations are applied once, never make others wait for long, and tell what is applied when one fails half-way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .databases import Server
from .shop import Shop, answer_of
from .waiting import until

VENDORS = ("postgres", "mariadb", "sqlite")

WAITED = "SELECT extract(epoch FROM clock_timestamp() - statement_timestamp())::float FROM {table} LIMIT 1"
"""What a reader waits for its lock, in seconds, by the clock of the server: the tests' own may be late."""

MARGIN = 0.2


@pytest.fixture
def make_shop(
    request: pytest.FixtureRequest, tmp_path: Path, new_database: Callable[[Server], str]
) -> Callable[[str], tuple[Shop, Server | None]]:
    def make(vendor: str) -> tuple[Shop, Server | None]:
        if vendor == "sqlite":
            database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "db.sqlite3")}
            return Shop.laid_down(tmp_path, database), None
        server: Server = request.getfixturevalue(vendor)
        return Shop.laid_down(tmp_path, server.settings(new_database(server))), server

    return make


@contextmanager
def reading(server: Server, database: str, table: str) -> Iterator[Any]:
    """A transaction that has read the table, and takes its time."""
    connection = server.connect(database)
    try:
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        cursor.execute(f"SELECT count(*) FROM {table}")
        yield connection
    finally:
        connection.close()


@contextmanager
def visitors(server: Server, database: str, *tables: str) -> Iterator[list[float]]:
    """Readers of each table that come all the time; what each of them had to wait, in seconds."""
    ended, waited = threading.Event(), [0.0]

    def visit(table: str) -> None:
        connection = server.connect(database)
        connection.prepare_threshold = None  # a prepared statement waits before its clock begins
        cursor = connection.cursor()
        while not ended.is_set():
            cursor.execute(WAITED.format(table=table))
            waited.extend(row[0] for row in cursor.fetchall())
            ended.wait(0.01)
        connection.close()

    threads = [threading.Thread(target=visit, args=(table,)) for table in tables for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield waited
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def test_nobody_waits_long_behind_a_migration_that_waits(make_shop: Any) -> None:
    """Two tables in one transaction: the one that is had already is locked while the other is waited for."""
    shop, server = make_shop("postgres")
    name = shop.database["NAME"]
    server.execute(
        "INSERT INTO shop_shelf (label) VALUES ('a')", "INSERT INTO shop_book (title) VALUES ('b')", database=name
    )
    fields = 'operations = [m.AddField("shelf", "a", models.IntegerField(null=True)), '
    shop.write("0002_more", f'{fields}m.AddField("book", "b", models.IntegerField(null=True))]', after="0001_initial")
    with visitors(server, name, "shop_shelf", "shop_book") as waited:
        with reading(server, name, "shop_book") as reader:
            failed = shop.apply("0002_more", lock_timeout=0.5, tries=2)
            process = shop.begin("0002_more", lock_timeout=0.5, tries=20)
            until(lambda: _is_waiting(server, name), what="the migration waits for its lock")
            reader.execute("COMMIT")
            succeeded = answer_of(process)
    assert max(waited) <= 0.5 + MARGIN
    assert max(waited) > 0.1
    assert (failed["applied"], failed["failed"], failed["stays"]) == ([], "default shop.0002_more", [])
    assert "try 2 of 2" in failed["output"]
    assert "canceling statement due to lock timeout" in failed["failure"]
    assert "is idle in transaction" in failed["failure"]
    assert (succeeded["applied"], succeeded["failure"]) == (["default shop.0002_more"], "")


def _is_waiting(server: Server, database: str) -> bool:
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE%'"
    return bool(server.execute(waiting, database=database))


@pytest.mark.parametrize("vendor", VENDORS)
def test_two_hosts_apply_each_migration_once(vendor: str, make_shop: Any) -> None:
    """The one that waits must not hinder an index that is built concurrently: it would wait for ever."""
    shop, server = make_shop(vendor)
    names = [f"{number:04}_mark" for number in range(2, 6)]
    for before, name in zip(("0001_initial", *names), names, strict=False):
        shop.write(name, f'operations = [mark("{name}")]', after=before)
    if vendor == "postgres":
        index = 'AddIndexConcurrently("book", models.Index(fields=["title"], name="shop_titles"))'
        shop.write("0006_index", f"operations = [{index}]", after=names[-1], atomic=False)
        names.append("0006_index")
    answers = [answer_of(one) for one in [shop.begin(*names) for _ in range(3)]]
    assert [one["failure"] for one in answers] == ["", "", ""]
    applied = [label for one in answers for label in one["applied"]]
    assert sorted(applied) == [f"default shop.{name}" for name in names]
    assert sorted(one["note"] for one in answers) == [f"{len(names)} applied", "nothing to do", "nothing to do"]
    if server is not None:
        marks = server.execute("SELECT text FROM shop_mark ORDER BY id", database=shop.database["NAME"])
        assert [text for (text,) in marks] == names[:4]


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_migration_that_fails_half_way_tells_what_is_applied(vendor: str, make_shop: Any) -> None:
    shop, _ = make_shop(vendor)
    field = 'm.AddField("book", "{}", models.IntegerField(null=True))'
    shop.write("0002_fine", f"operations = [{field.format('a')}]", after="0001_initial")
    shop.write(
        "0003_half", f"operations = [{field.format('b')}, m.RunPython(fail), {field.format('c')}]", after="0002_fine"
    )
    shop.write("0004_never", f"operations = [{field.format('d')}]", after="0003_half")
    found = shop.apply("0002_fine", "0003_half", "0004_never")
    kept = ["Add field b to book"] if vendor == "mariadb" else []
    assert found["applied"] == ["default shop.0002_fine"]
    assert found["failed"] == "default shop.0003_half"
    assert found["left"] == ["default shop.0004_never"]
    assert found["stays"] == kept
    told = found["failure"].splitlines()[0]
    assert told.startswith("shop.0003_half on 'default': ValueError: The tide is out.")
    assert "Applied: shop.0002_fine. Left: shop.0004_never." in told
    if kept:
        assert "It is not taken back: of its operations are done: Add field b to book." in told
        assert "Not done: Raw Python operation." in told
    else:
        assert "Nothing of it stays." in told


def test_only_what_is_asked_for_is_applied(make_shop: Any) -> None:
    shop, _ = make_shop("sqlite")
    shop.write("0002_now", 'operations = [mark("now")]', after="0001_initial")
    shop.write("0003_later", 'operations = [mark("later")]', after="0002_now")
    assert shop.apply("0002_now")["applied"] == ["default shop.0002_now"]
    assert shop.apply("0002_now")["note"] == "nothing to do"
    assert shop.apply("0003_later")["applied"] == ["default shop.0003_later"]
