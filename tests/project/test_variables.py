"""The environment file is read as the project reads it, and nothing of it is lost."""

import os
from pathlib import Path

import pytest

from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.core.secret import Secret
from django_selfdeploy.project.env_text import parsed
from django_selfdeploy.project.variables import find, read

TEXT = """# what the site needs
DEBUG=False
SECRET_KEY='it is $ecret#1'
export DATABASE_URL=postgres://ann:p%40ss@db/site
EMPTY=
QUOTED="two words"

"""


def test_the_file_named_comes_before_that_of_the_target_before_the_common_one(tmp_path: Path) -> None:
    assert find(tmp_path, named="", alias="production") is None
    for name in (".env", ".env.production", "other.env"):
        (tmp_path / name).write_text("")
    assert find(tmp_path, named="", alias="staging") == tmp_path / ".env"
    assert find(tmp_path, named="", alias="production") == tmp_path / ".env.production"
    assert find(tmp_path, named="other.env", alias="production") == tmp_path / "other.env"


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "folder.env").mkdir()
    for name in ("none.env", "folder.env"):
        with pytest.raises(ConfigError) as caught:
            find(tmp_path, named=name, alias="default")
        assert str(caught.value) == (
            f"The file of environment variables {name!r} is not there.\nWrite {tmp_path}/{name}."
        )


def test_variables_are_read_as_django_environ_reads_them(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(TEXT)
    text, found = read(tmp_path / ".env")
    assert text == Secret(TEXT)
    assert found == {
        "DEBUG": "False",
        "SECRET_KEY": "it is $ecret#1",
        "DATABASE_URL": "postgres://ann:p%40ss@db/site",
        "EMPTY": "",
        "QUOTED": "two words",
    }


def test_our_own_variables_are_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBUG", "mine")
    before = dict(os.environ)
    assert parsed("DEBUG=theirs\nNEW=1\n") == {"DEBUG": "theirs", "NEW": "1"}
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("A=1\nno value\n", 2),
        ("1A=1\n", 1),
        ("A B=1\n", 1),
        ("=1\n", 1),
        ("A=1\n[program:x]\n", 2),
        ("A=cut\u2028off\n", 2),
        (" A=indented\n", 1),
        ("A =1\n", 1),
        ("export  A=1\n", 1),
    ],
)
def test_a_line_that_would_be_lost_is_refused(tmp_path: Path, text: str, number: int) -> None:
    (tmp_path / ".env").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / ".env")
    assert str(caught.value) == f"Line {number} of '.env' is no NAME=value.\nMend or remove the line."


def test_a_value_with_a_nul_is_refused_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("KEY=hunter2\0\n")
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / ".env")
    assert str(caught.value) == "The value of KEY in '.env' holds a NUL.\nEncode it, in base64 say."


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"KEY=\xff\n")
    told = {
        tmp_path / ".env": "is not UTF-8.\nSave it as UTF-8, then try again.",
        tmp_path / "none": "cannot be read: No such file or directory.\nMend its mode.",
    }
    for path, text in told.items():
        with pytest.raises(ConfigError) as caught:
            read(path)
        assert str(caught.value) == f"{str(path)!r} {text}"


@pytest.mark.parametrize("mark", ["<<<<<<< HEAD", "=======", ">>>>>>> other"])
def test_a_merge_conflict_is_called_by_its_name(tmp_path: Path, mark: str) -> None:
    (tmp_path / ".env").write_text(f"A=1\n{mark}\n")
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / ".env")
    assert str(caught.value) == "Line 2 of '.env' is a merge conflict.\nResolve it, then try again."
