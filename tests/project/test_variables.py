"""The environment file is read as the project reads it, and what in it is secret is known."""

import os
from pathlib import Path

import pytest

from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.core.secret import Secret
from django_selfdeploy.project.variables import find, parsed, read, secrets_of

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
    for path in (tmp_path / ".env", tmp_path / "none"):
        with pytest.raises(ConfigError) as caught:
            read(path)
        assert (caught.value.message.startswith(f"'{path}' cannot be read: "), caught.value.hint) == (
            True,
            "Mend its mode or encoding.",
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "anything"),
        ("ALLOWED_HOSTS", "example.com"),
        ("DB_HOST", "db.example.com"),
        ("EMAIL_PORT", "smtp"),
        ("CSRF_TRUSTED_ORIGINS", "https://example.com"),
        ("CACHE_BACKEND", "redis"),
        ("LOG_LEVEL", "WARNING"),
        ("WORKERS", "4"),
        ("FEATURE", "Yes"),
        ("RATE", "-0.5"),
        ("NOTHING", "none"),
    ],
)
def test_what_is_surely_public_is_not_masked(name: str, value: str) -> None:
    assert secrets_of({name: value}) == ()


@pytest.mark.parametrize(
    ("name", "value", "secrets"),
    [
        ("SECRET_KEY", "abc", ("abc",)),
        ("HOSTESS", "twinkie", ("twinkie",)),
        ("DEBUG_TOKEN", "t0ken", ("t0ken",)),
        ("DATABASE_URL", "postgres://ann:p%40ss@db/x", ("postgres://ann:p%40ss@db/x", "p%40ss", "p@ss")),
        ("CACHE_URL", "redis://cache", ("redis://cache",)),
        ("ODD_URL", "http://[::1", ("http://[::1",)),
    ],
)
def test_everything_else_is_and_of_urls_the_password_too(name: str, value: str, secrets: tuple[str, ...]) -> None:
    assert secrets_of({name: value}) == secrets
