"""What in an environment file is secret is known, on the controller and on the host."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_selfdeploy.core import codec
from django_selfdeploy.core.known_secrets import known_secrets
from django_selfdeploy.core.layout import Layout
from django_selfdeploy.core.masking import secrets_in, secrets_of
from django_selfdeploy.project.env_text import text_of
from tests.making import OLD, small_release


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


def test_the_key_of_the_encrypted_file_is_no_public_variable() -> None:
    assert secrets_of({"SELFDEPLOY_KEY": "canary", "SELFDEPLOY_ROOT": "/srv/site"}) == ("canary",)


def test_a_host_knows_the_secrets_of_a_file_with_and_without_quotes(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# no=secret\nexport A='one secret'\nDEBUG=True\nno line\nURL=smtp://ann:p%2Fss@mail\n")
    assert secrets_in([str(path), str(tmp_path / "none")]) == (
        *("'one secret'", "smtp://ann:p%2Fss@mail", "p%2Fss", "p/ss"),
        "one secret",
    )


TEXTS = st.text(st.characters(blacklist_characters="$\0", blacklist_categories=("Cs", "Zl", "Zp", "Cc")))


@given(st.dictionaries(st.sampled_from(["A", "TOKEN", "DB_URL"]), TEXTS))
def test_it_knows_whatever_a_deployment_has_written(values: dict[str, str]) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(text_of(values).encode())
        file.flush()
        assert set(secrets_of(values)) <= set(secrets_in([file.name]))


def test_a_host_knows_what_it_keeps_and_what_is_live(tmp_path: Path) -> None:
    layout = Layout(str(tmp_path))
    made = small_release(OLD, root=str(tmp_path))
    source = Path(layout.release(OLD), "source", made.project)
    source.mkdir(parents=True)
    Path(layout.shared).mkdir()
    Path(layout.release(OLD), "release.json").write_text(codec.dumps(made))
    (source / ".env").write_text("A=live-value\n")
    Path(layout.variables).write_text("A=kept-value\n")
    Path(layout.previous_variables).write_text("A=older-value\n")
    assert known_secrets(layout, OLD) == ("kept-value", "older-value", "live-value")
    Path(layout.secret_key).write_text("the-key\n")
    assert known_secrets(layout, "") == ("kept-value", "older-value", "the-key")
