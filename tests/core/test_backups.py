"""The folder of backups, and bytes on their way to a file and back."""

import gzip
import os
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy.core.backups import media, mysql, postgres, programs, sqlite, store, streams
from django_selfdeploy.core.backups.database import Database
from django_selfdeploy.core.errors import BackupFailed, NothingThere
from django_selfdeploy.core.secret import Secret

NOW = 1_795_000_000.0


def backup(days: float, *, with_media: bool = False) -> store.Backup:
    """One that is so many days old."""
    identity = time.strftime("%Y%m%d-%H%M%S", time.gmtime(NOW - days * 86400))
    copy = store.MediaCopy("media.index.gz", 900, "0" * 64, 2, 30) if with_media else None
    dump = store.Dump("default", "sqlite", "3.40.1", "default.sqlite3.gz", 12, "0" * 64, 99, {"pages": ("0001",)})
    return store.Backup(identity, "2026-11-22T10:11:12Z", "", "by hand", "web1", (dump,), copy)


def kept(*backups: store.Backup, keep: int = 2, keep_days: float = 0.0, spare: str = "") -> list[store.Backup]:
    gone = store.superseded(backups, keep=keep, keep_days=keep_days, now=NOW, spare=spare)
    return [one for one in backups if one.id not in gone]


# what is kept


def test_the_newest_are_kept() -> None:
    a, b, c = backup(3), backup(2), backup(1)
    assert kept(a, b, c) == [b, c]
    assert kept(a, b, c, keep=9) == [a, b, c]
    assert kept() == []


def test_what_is_too_old_goes_though_there_is_room() -> None:
    a, b, c = backup(30), backup(7.5), backup(6.5)
    assert kept(a, b, c, keep=9, keep_days=7) == [c]


def test_the_newest_stays_whatever_its_age() -> None:
    a, b = backup(90), backup(80)
    assert kept(a, b, keep_days=7) == [b]


def test_the_newest_with_media_stays_too() -> None:
    a, b, c, d = backup(9, with_media=True), backup(8, with_media=True), backup(2), backup(1)
    assert kept(a, b, c, d, keep=1, keep_days=5) == [b, d]


def test_one_that_is_about_to_be_restored_stays() -> None:
    a, b, c = backup(3), backup(2), backup(1)
    assert kept(a, b, c, keep=1, spare=a.id) == [a, c]


# the folder


def finished(folder: Path, one: store.Backup) -> str:
    return store.finish(store.begin(str(folder)), one)


def test_a_backup_has_a_name_when_it_is_complete(tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    partial = store.begin(str(folder))
    assert store.listed(str(folder)) == ()
    assert (folder.stat().st_mode & 0o777, os.stat(partial).st_mode & 0o777) == (0o700, 0o700)
    one = backup(1, with_media=True)
    final = store.finish(partial, one)
    assert store.listed(str(folder)) == (one,)
    assert (final, one.size) == (f"{folder}/{one.id}", 42)
    assert os.stat(f"{final}/manifest.json").st_mode & 0o777 == 0o600


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    left = Path(store.begin(str(tmp_path)))
    (left / "default.dump").write_bytes(b"half")
    store.begin(str(tmp_path))
    assert not left.exists()


def test_backups_are_listed_from_old_to_new_without_what_is_none(tmp_path: Path) -> None:
    a, b = backup(2), backup(1)
    for one in (b, a):
        finished(tmp_path, one)
    (tmp_path / "20260101-000000").mkdir()
    (tmp_path / "20260101-000001").mkdir()
    (tmp_path / "20260101-000001" / "manifest.json").write_text("[]")
    (tmp_path / "of-somebody-else").mkdir()
    assert store.listed(str(tmp_path)) == (a, b)
    assert store.listed(str(tmp_path / "none")) == ()


def test_one_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    a = backup(2)
    finished(tmp_path, a)
    assert store.find(str(tmp_path), a.id) == a
    with pytest.raises(NothingThere) as caught:
        store.find(str(tmp_path), "../x")
    assert str(caught.value) == f"There is no backup '../x' in '{tmp_path}'.\nThere are: {a.id}."


def test_removed_backups_are_gone(tmp_path: Path) -> None:
    a, b = backup(2), backup(1)
    finished(tmp_path, a)
    finished(tmp_path, b)
    store.remove(str(tmp_path), (a.id,))
    assert os.listdir(tmp_path) == [b.id]


def test_no_id_is_given_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.time, "gmtime", lambda: time.struct_time((2026, 11, 22, 10, 11, 12, 0, 0, 0)))
    given = []
    for _ in range(3):
        given.append(store.new_id(str(tmp_path)))
        (tmp_path / given[-1]).mkdir()
    assert given == ["20261122-101112", "20261122-101112-2", "20261122-101112-3"]


# bytes


@pytest.mark.parametrize("level", [0, 6])
def test_bytes_are_stored_and_read_back(tmp_path: Path, level: int) -> None:
    path = str(tmp_path / f"x{'.gz' if level else ''}")
    done = streams.store(path, (b"a" * 1000, b"b"), level=level)
    assert done == streams.stored(path)
    assert (done.size < 100) == bool(level)
    assert b"".join(streams.read(path)) == b"a" * 1000 + b"b"
    assert os.stat(path).st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        streams.store(path, ())


@pytest.mark.parametrize("harm", [lambda d: d[:-5], lambda d: d[:20] + b"\0\0" + d[22:], lambda d: b"x" + d[1:]])
def test_a_damaged_file_is_told(tmp_path: Path, harm: Any) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(harm(gzip.compress(os.urandom(500))))
    with pytest.raises(BackupFailed, match=r"The file '.*x.gz' of the backup is damaged: "):
        list(streams.read(str(path)))


def say(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", text)


def test_the_output_of_a_command_is_streamed() -> None:
    assert b"".join(streams.output(say("print('x' * 1000000)"), {})) == b"x" * 1_000_000 + b"\n"


def test_a_command_that_fails_is_told_with_its_last_words() -> None:
    with pytest.raises(BackupFailed) as caught:
        list(streams.output(say("import sys; print('half'); sys.exit('no such role')"), {}))
    program = os.path.basename(sys.executable)
    assert caught.value.message == f"`{program}` ended with status 1.\n    no such role"
    with pytest.raises(BackupFailed, match="'/no/such' cannot be run: No such file or directory"):
        list(streams.output(("/no/such",), {}))


def test_a_command_is_fed_and_gets_nothing_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    code = "import os, sys; open(sys.argv[1], 'w').write(f'{sys.stdin.read()} {os.environ}')"
    streams.feed((*say(code), str(tmp_path / "x")), (b"a", b"b"), {"PGUSER": "ann"})
    text = (tmp_path / "x").read_text()
    assert text.startswith("ab ")
    assert ("ann" in text, "hunter2" in text) == (True, False)


def test_who_is_fed_ends_when_the_food_is_bad(tmp_path: Path) -> None:
    """psql would else take the end of half a dump for its end."""

    def bad() -> Any:
        yield b"a"
        raise BackupFailed("damaged")

    code = "import sys; sys.stdin.read(); open(sys.argv[1], 'w')"
    with pytest.raises(BackupFailed, match="damaged"):
        streams.feed((*say(code), str(tmp_path / "x")), bad(), {})
    assert not (tmp_path / "x").exists()


def test_who_is_fed_and_fails_is_told() -> None:
    with pytest.raises(BackupFailed, match="status 3"):
        streams.feed(say("import sys; sys.exit(3)"), (b"x" * 100_000 for _ in range(50)), {})


# the vendors


DATABASE = Database(
    alias="default",
    vendor="postgresql",
    name="shop",
    user="ann",
    password=Secret('a"b\\c#d'),
    host="db.example.com",
    port="5433",
    options=(("sslmode", "verify-full"), ("application_name", "x"), ("ssl-ca", "/etc/ca.pem")),
)


def test_libpq_is_told_by_its_environment() -> None:
    assert postgres.environment(DATABASE) == {
        "PGHOST": "db.example.com",
        "PGPORT": "5433",
        "PGUSER": "ann",
        "PGPASSWORD": 'a"b\\c#d',
        "PGDATABASE": "shop",
        "PGSSLMODE": "verify-full",
    }
    assert postgres.environment(Database("default", "postgresql", "shop")) == {"PGDATABASE": "shop"}


def test_what_is_there_already_is_left_out_of_a_restore() -> None:
    entries = {
        b"5; 2615 2200 SCHEMA - public pg_database_owner": True,
        b"3420; 0 0 COMMENT - SCHEMA public pg_database_owner": True,
        b"3421; 0 0 ACL - SCHEMA public pg_database_owner": True,
        b"3422; 0 0 COMMENT - EXTENSION citext ": True,
        b"2; 3079 16385 EXTENSION - citext ": False,
        b"6; 2615 16400 SCHEMA - public_things ann": False,
        b"217; 1259 16390 TABLE public people ann": False,
        b"; Archive created at 2026": False,
    }
    assert {line: bool(postgres.THERE_ALREADY.match(line)) for line in entries} == entries


def test_mysql_is_told_by_a_file_of_options() -> None:
    assert mysql.options_file(DATABASE).splitlines() == [
        "[client]",
        'user="ann"',
        'password="a\\"b\\\\c#d"',
        'port="5433"',
        'host="db.example.com"',
        'ssl-ca="/etc/ca.pem"',
        "[mysqldump]",
        "loose-set-gtid-purged=OFF",
    ]
    assert 'socket="/run/m.sock"' in mysql.options_file(Database("default", "mysql", "x", host="/run/m.sock"))


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (b"INSERT INTO t;\n-- Dump completed on 2026-11-24 10:11:12\n", True),
        (b"INSERT INTO t;\n-- Dump completed\n\n", True),
        (b"INSERT INTO t VALUES ('-- Dump completed", False),
        (b"", False),
    ],
)
def test_a_dump_of_mysql_ends_with_a_word(tmp_path: Path, text: bytes, whole: bool) -> None:
    path = tmp_path / "x.sql"
    path.write_bytes(b"-- a\n" * 400_000 + text)
    if whole:
        mysql.verify(str(path))
    else:
        with pytest.raises(BackupFailed, match="does not say that the dump was completed"):
            mysql.verify(str(path))


def test_a_sqlite_database_that_is_broken_is_not_backed_up(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.executemany("INSERT INTO t VALUES (?)", [("x" * 100,)] * 500)
    data = bytearray(path.read_bytes())
    data[8192:8292] = bytes(100)
    path.write_bytes(data)
    with pytest.raises(BackupFailed, match="damaged|cannot be read"):
        sqlite.dump(Database("default", "sqlite", str(path)), str(tmp_path / "x.sqlite3.gz"), level=1)
    assert os.listdir(tmp_path) == ["db.sqlite3"]


# programs


def test_the_newest_pg_dump_that_can_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in (14, 16):
        for name in ("pg_dump", "pg_restore"):
            program = tmp_path / str(version) / "bin" / name
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}.3 (Debian)'\n")
            program.chmod(0o755)
    monkeypatch.setattr(programs, "POSTGRES", (f"{tmp_path}/*/bin",))
    monkeypatch.setattr(programs.machine, "find", lambda name: "")
    assert programs.postgres(14) == f"{tmp_path}/14/bin"
    assert programs.postgres(15) == f"{tmp_path}/16/bin"
    with pytest.raises(BackupFailed) as caught:
        programs.postgres(17)
    assert str(caught.value) == (
        "The program 'pg_dump' is of version 16, and the server of version 17.\n"
        "Install it, on Debian and Ubuntu with `apt-get install postgresql-client-17`."
    )


def test_a_program_that_is_missing_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "POSTGRES", ())
    monkeypatch.setattr(programs.machine, "find", lambda name: "")
    with pytest.raises(BackupFailed, match="'pg_dump' is not on this host") as caught:
        programs.postgres(15)
    assert "postgresql-client-15" in caught.value.hint
    with pytest.raises(BackupFailed, match="'mariadb-dump' is not on this host"):
        programs.mysql(mariadb=True)
    with pytest.raises(BackupFailed, match="'mysqldump' is not on this host") as caught:
        programs.mysql(mariadb=False)
    assert "default-mysql-client" in caught.value.hint


# media


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    (folder / "empty").mkdir(parents=True)
    (folder / "\u00fc").mkdir()
    (folder / "\u00fc/one.txt").write_text("one")
    (folder / "two.bin").write_bytes(bytes(300_000))
    (folder / os.fsdecode(b"odd \xff\n name")).write_text("odd")
    (folder / "link").symlink_to("two.bin")
    return folder


class Kept:
    """Backups of one folder, made as they are in a deployment. It changes as they are made."""

    def __init__(self, uploads: Path, folder: Path) -> None:
        self.uploads, self.folder, self.last = uploads, folder, ""
        folder.mkdir(exist_ok=True)

    def make(self, name: str) -> store.MediaCopy:
        (self.folder / name).mkdir()
        made = media.store(str(self.uploads), str(self.folder / name), before=self.last)
        self.last = str(self.folder / name)
        media.verify(self.last, made, whole=False)
        return made


def contents(folder: Path) -> dict[str, bytes | str]:
    """What files hold and where links lead, by path; an empty folder holds nothing."""
    found: dict[str, bytes | str] = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        found[name] = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
    return found


def test_media_come_back_and_what_came_since_stays(uploads: Path, tmp_path: Path) -> None:
    before, kept = contents(uploads), Kept(uploads, tmp_path / "kept")
    made = kept.make("a")
    assert (made.files, made.size) == (3, 300_006)
    (uploads / "\u00fc/one.txt").write_text("two")
    (uploads / "two.bin").unlink()
    (uploads / "three.txt").write_text("since")
    media.restore(kept.last, str(uploads))
    assert contents(uploads) == {**before, "three.txt": b"since"}


def test_only_what_changed_is_copied_and_every_backup_is_complete(uploads: Path, tmp_path: Path) -> None:
    kept = Kept(uploads, tmp_path / "kept")
    first, before = kept.make("a"), contents(uploads)
    assert media.growth(str(uploads), kept.last) == 0
    was = (uploads / "\u00fc/one.txt").stat()
    (uploads / "\u00fc/one.txt").write_text("ONE")  # of the same size, and said to be of the same time
    os.utime(uploads / "\u00fc/one.txt", ns=(was.st_atime_ns, was.st_mtime_ns))
    (uploads / "new.txt").write_text("new")
    assert media.growth(str(uploads), kept.last) == 2 * media.BLOCK
    second, after = kept.make("b"), contents(uploads)
    assert (first.added > 300_000, second.added < 1000, second.files) == (True, True, 4)
    assert (tmp_path / "kept/a/media/two.bin").samefile(tmp_path / "kept/b/media/two.bin")
    for name, copy, whole in (("a", first, before), ("b", second, after)):
        media.verify(str(tmp_path / "kept" / name), copy, whole=True)
        media.restore(str(tmp_path / "kept" / name), str(tmp_path / f"restored-{name}"))
        assert contents(tmp_path / f"restored-{name}") == whole


def test_backups_that_go_take_nothing_from_those_that_stay(uploads: Path, tmp_path: Path) -> None:
    kept = Kept(uploads, tmp_path / "kept")
    kept.make("a")
    made = kept.make("b")
    store.remove(str(tmp_path / "kept"), ("a",))
    (uploads / "two.bin").unlink()
    media.verify(kept.last, made, whole=True)
    media.restore(kept.last, str(uploads))
    assert (uploads / "two.bin").stat().st_size == 300_000


def test_where_there_are_no_links_files_are_copied(
    uploads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept(uploads, tmp_path / "kept")
    first = kept.make("a")

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert kept.make("b").added == first.added


@pytest.mark.parametrize("harm", [b"ONE", b"", b"one more", None])
def test_a_damaged_file_of_media_is_told(harm: bytes | None, uploads: Path, tmp_path: Path) -> None:
    """One that was cut off is copied anew by the next backup, and one that was changed is found by a whole look."""
    kept = Kept(uploads, tmp_path / "kept")
    first = kept.make("a")
    victim = tmp_path / "kept/a/media/\u00fc/one.txt"
    victim.unlink()
    if harm is not None:
        victim.write_bytes(harm)
    with pytest.raises(BackupFailed, match="is damaged"):
        media.verify(kept.last, first, whole=True)
    if harm != b"ONE":
        second = kept.make("b")
        media.verify(kept.last, second, whole=True)


def test_an_index_of_media_that_is_cut_off_is_told(uploads: Path, tmp_path: Path) -> None:
    kept = Kept(uploads, tmp_path / "kept")
    made = kept.make("a")
    with pytest.raises(BackupFailed, match="names 3 files where 4 are expected"):
        media.verify(kept.last, replace(made, files=4), whole=False)
    index = Path(kept.last, media.INDEX)
    index.write_bytes(gzip.compress(gzip.decompress(index.read_bytes())[:-9]))
    with pytest.raises(BackupFailed, match="is damaged"):
        media.verify(kept.last, made, whole=False)
    assert kept.make("b").files == 3
