"""A file is there whole or not at all, whatever fails."""

import errno
import os
from pathlib import Path

import pytest

from django_selfdeploy.core import atomic


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o755])
def test_a_file_has_its_bytes_and_its_mode_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        atomic.write(f"{tmp_path}/file", b"a\0b\n", mode=mode)
    finally:
        os.umask(before)
    found = tmp_path / "file"
    assert (found.read_bytes(), found.stat().st_mode & 0o7777) == (b"a\0b\n", mode)
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_is_replaced_by_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        atomic.write(str(path), b"new", durable=False)
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"


def test_a_relative_path_is_written_where_we_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    atomic.write("file", b"here")
    assert (tmp_path / "file").read_bytes() == b"here"


@pytest.mark.parametrize("failing", ["fsync", "rename", "fchmod"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, failing, no_space)
    with pytest.raises(OSError, match="No space left"):
        atomic.write(str(path), b"new")
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"old", ["file"])


def test_a_folder_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        atomic.write(f"{tmp_path}/no/file", b"")


def test_a_link_is_replaced_in_one_rename(tmp_path: Path) -> None:
    link = tmp_path / "current"
    atomic.link(str(link), "releases/1")
    atomic.link(str(link), "releases/2")
    assert (os.readlink(link), os.listdir(tmp_path)) == ("releases/2", ["current"])


def test_a_link_that_cannot_be_made_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = tmp_path / "current"
    link.symlink_to("releases/1")
    monkeypatch.setattr(os, "rename", no_space)
    with pytest.raises(OSError, match="No space left"):
        atomic.link(str(link), "releases/2")
    assert (os.readlink(link), os.listdir(tmp_path)) == ("releases/1", ["current"])


def test_a_planted_link_is_not_written_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "victim").write_bytes(b"kept")
    monkeypatch.setattr(atomic, "beside", lambda path: f"{tmp_path}/.tmp-known")
    (tmp_path / ".tmp-known").symlink_to(tmp_path / "victim")
    with pytest.raises(FileExistsError):
        atomic.write(f"{tmp_path}/file", b"evil")
    assert (tmp_path / "victim").read_bytes() == b"kept"


def test_temporary_names_are_those_that_recovery_removes() -> None:
    name = os.path.basename(atomic.beside("/srv/mysite/current"))
    assert (name[:5], len(name), name[13:]) == (".tmp-", 21, "-current")
