"""Only what everybody may read is shown, and only from the folder of a release."""

import os
from pathlib import Path

import pytest

from django_selfdeploy.tell.generated import LARGEST, GeneratedFile, generated_files

RELEASE = "20261122-101112-4be1d0c7"


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    folder = tmp_path / "releases" / RELEASE / "etc"
    folder.mkdir(parents=True)
    return folder


def write(path: Path, text: str = "text\n", *, mode: int = 0o644) -> None:
    path.write_text(text)
    path.chmod(mode)


def test_the_files_are_read_by_name(tmp_path: Path, etc: Path) -> None:
    write(etc / "site.conf", "server {}\n")
    write(etc / "programs.conf", "[program:web]\n")
    assert generated_files(str(tmp_path), RELEASE) == (
        GeneratedFile("programs.conf", "[program:web]\n"),
        GeneratedFile("site.conf", "server {}\n"),
    )


def test_what_is_not_for_everybody_is_left_out(tmp_path: Path, etc: Path) -> None:
    write(etc / "secret.env", mode=0o640)
    write(etc / "large.conf", (LARGEST + 1) * "x")
    write(tmp_path / "elsewhere")
    (etc / "link.conf").symlink_to(tmp_path / "elsewhere")
    (etc / "folder").mkdir()
    os.mkfifo(etc / "pipe")
    assert generated_files(str(tmp_path), RELEASE) == ()


def test_control_characters_are_spelt_out(tmp_path: Path, etc: Path) -> None:
    write(etc / "a\x1b]0;b.conf", "x\x07y \u202ez\n")
    (etc / "latin.conf").write_bytes(b"\xe4\n")
    assert generated_files(str(tmp_path), RELEASE) == (
        GeneratedFile("a\\x1b]0;b.conf", "x\\x07y \\x202ez\n"),
        GeneratedFile("latin.conf", "�\n"),
    )


@pytest.mark.parametrize(
    "release", ["", ".", "..", "../..", f"../releases/{RELEASE}", "/etc", f"{RELEASE}/../x", "a\n"]
)
def test_a_name_that_is_no_release_has_no_files(tmp_path: Path, etc: Path, release: str) -> None:
    write(etc / "site.conf")
    write(tmp_path / "etc")
    assert generated_files(str(tmp_path), release) == ()


def test_a_linked_folder_is_not_followed(tmp_path: Path, etc: Path) -> None:
    write(tmp_path / "passwd")
    etc.rmdir()
    etc.symlink_to(tmp_path)
    assert generated_files(str(tmp_path), RELEASE) == ()


def test_a_root_behind_a_link_is_the_same_root(tmp_path: Path, etc: Path) -> None:
    write(etc / "site.conf")
    (tmp_path / "link").symlink_to(tmp_path)
    assert len(generated_files(f"{tmp_path}/link/", RELEASE)) == 1


def test_a_release_that_is_gone_has_no_files(tmp_path: Path) -> None:
    assert generated_files(str(tmp_path), RELEASE) == ()
