""".env.example: what is in it, what stays of what is there, and that it is read back as it is meant."""

from __future__ import annotations

import os
import string
from pathlib import Path

import pytest
from hypothesis import example as for_example
from hypothesis import given
from hypothesis import strategies as st

from django_selfdeploy.project import dry
from django_selfdeploy.project.contract import (
    DEFAULT,
    HIDDEN,
    NONE,
    REQUIRED,
    Contract,
    Variable,
    merged,
    names_of,
    remembered,
)
from django_selfdeploy.project.defaults import is_harmless, shown
from django_selfdeploy.project.env_text import parsed
from django_selfdeploy.project.example import FILE, HEAD, example
from django_selfdeploy.project.own_files import words

TESTPROJECT = Path(__file__).parents[2] / "testproject"
AT = ("website/settings.py:3", "website/settings.py:9", "website/base.py:1")


def nobody(names: object) -> tuple[str, ...]:
    return ()


def written(*found: Variable, before: str = "") -> str:
    return example(Contract(found), before, nobody)


def test_required_ones_are_empty_and_optional_ones_commented_out() -> None:
    text = written(
        Variable("DEBUG", "bool", DEFAULT, "False", AT[:1]),
        Variable("SECRET_KEY", "str", REQUIRED, "", AT),
        Variable("API_TOKEN", "str", HIDDEN, "", AT[:1]),
        Variable("DATABASE_URL", "db_url", DEFAULT, "sqlite:///BASE_DIR/db.sqlite3", AT[:1]),
        Variable("ADMINS", "list of int", DEFAULT, "", AT[:1]),
        Variable("EXTRA", "str", NONE, "", AT[:1]),
        Variable("LONG", "json", DEFAULT, "[1, 2]" * 11, AT[:1]),
    )
    assert text == HEAD + (
        "\n# Required ------------------------------------------------------------------\n"
        "\n# text; website/settings.py, website/base.py\nSECRET_KEY=\n"
        "\n# Optional ------------------------------------------------------------------\n"
        "\n# True or False; website/settings.py\n# DEBUG=False\n"
        "\n# text; has a default; website/settings.py\n# API_TOKEN=\n"
        "\n# URL of a database; default sqlite:///BASE_DIR/db.sqlite3; website/settings.py\n# DATABASE_URL=\n"
        "\n# list of int; website/settings.py\n# ADMINS=\n"
        "\n# text; website/settings.py\n# EXTRA=\n"
        "\n# JSON; has a default; website/settings.py\n# LONG=\n"
    )
    assert parsed(text) == {"SECRET_KEY": ""}


def test_what_is_filled_in_stays() -> None:
    before = "SECRET_KEY=for-development\nDEBUG=on\n# LEVEL=9\n"
    text = written(
        Variable("SECRET_KEY", "str", REQUIRED, "", AT[:1]),
        Variable("DEBUG", "bool", DEFAULT, "False", AT[:1]),
        Variable("LEVEL", "int", DEFAULT, "3", AT[:1]),
        before=before,
    )
    assert parsed(text) == {"SECRET_KEY": "for-development", "DEBUG": "on"}
    assert "# True or False; default False; website/settings.py\nDEBUG=on\n" in text
    assert "# LEVEL=3\n" in text
    assert "Read elsewhere" not in text


def test_what_is_read_elsewhere_stays_and_the_rest_goes() -> None:
    before = "# NAME=value is how a line looks\nGONE=1\n# STRIPE=\nSENTRY_DSN=x\n# BY_LIBRARY=1\n"
    found = Contract((), ("BY_LIBRARY",))
    text = example(found, before, lambda names: {"STRIPE"} & set(names))
    assert text == HEAD + (
        "\n# Read elsewhere than in the settings ---------------------------------------\n"
        "\n# STRIPE=\nSENTRY_DSN=x\n# BY_LIBRARY=1\n"
    )


NAME = st.text(string.ascii_uppercase + "_", min_size=1, max_size=8).filter(str.isidentifier)
TEXT = st.text(string.printable + "äß\u2028$", max_size=20)
OTHERWISE = st.sampled_from((DEFAULT, REQUIRED, HIDDEN, NONE))
CASTS = st.sampled_from(("str", "bool", "list", "db_url", "Odd"))


@st.composite
def a_variable(draw: st.DrawFn) -> Variable:
    otherwise, name = draw(OTHERWISE), draw(NAME)
    kind, text = shown(name, draw(TEXT)) if otherwise == DEFAULT else (otherwise, "")
    return Variable(name, draw(CASTS), kind, text, AT)


@given(found=st.lists(a_variable(), max_size=6, unique_by=lambda one: one.name))
@for_example(
    [Variable("A", "str", DEFAULT, "'"), Variable("B", "str", DEFAULT, "$x"), Variable("C", "str", DEFAULT, " ")]
)
@for_example([Variable("A", "str", DEFAULT, '"x"'), Variable("B", "str", DEFAULT, "a\\nb")])
def test_django_environ_reads_it_as_it_is_meant(found: list[Variable]) -> None:
    text = written(*found)
    assert parsed(text) == {one.name: "" for one in found if one.is_required}
    # with the comment signs taken away each has its default, or nothing where that cannot be written
    uncommented = "\n".join(
        line[2:] if line.startswith("# ") and line[2:].split("=")[0] in {one.name for one in found} else line
        for line in text.splitlines()
    )
    values = parsed(uncommented)
    assert set(values) == {one.name for one in found}
    assert all(values[one.name] in (one.default, "") for one in found)
    assert all(values[one.name] == one.default for one in found if one.default.isalnum())
    assert written(*found, before=text) == text


@given(name=NAME, value=TEXT)
def test_a_default_is_told_or_hidden_whole(name: str, value: str) -> None:
    kind, text = shown(name, value)
    assert (kind, text) in ((DEFAULT, value), (HIDDEN, ""))
    assert (kind == DEFAULT) == is_harmless(name, value)


@pytest.mark.parametrize(
    ("name", "text", "harmless"),
    [
        ("SECRET_KEY", "abc", False),
        ("SECRET_KEY", "", True),
        ("STRIPE_KEY", "pk", False),
        ("TOKEN_SECONDS", "30", True),
        ("DATABASE_URL", "postgres://a:b@c/d", False),
        ("DATABASE_URL", "postgres://a@c/d", True),
        ("BROKERS", "redis://a,redis://:b@c", False),
        ("OPTIONS", '{"password": "x"}', False),
        ("NOTE", "x" * 201, False),
        ("NOTE", "two\nlines", False),
        ("AUTH_HOST", "localhost", True),
    ],
)
def test_which_defaults_may_be_shown(name: str, text: str, harmless: bool) -> None:
    assert is_harmless(name, text) is harmless


def test_a_variable_is_required_where_every_reading_of_it_needs_it() -> None:
    need, ask = Variable("A", "int", REQUIRED, where=("s.py:1",)), Variable("A", where=("s.py:2",), present=True)
    assert merged([need, need]).variables == (need,)
    assert merged([ask, need]).variables == (Variable("A", "int", NONE, "", ("s.py:2", "s.py:1"), True),)
    default = Variable("A", "str", DEFAULT, "x")
    assert merged([need, default]).variables == (Variable("A", "int", DEFAULT, "x", ("s.py:1",)),)


def test_a_contract_travels_and_is_remembered_by_names() -> None:
    found = Contract((Variable("B", where=AT), Variable("A", "bool", DEFAULT, "x")), ("C",), True)
    assert Contract.from_json(found.to_json()) == found
    assert names_of(remembered(found)) == {"A", "B"}
    assert "x" not in remembered(found)
    assert [names_of(text) for text in ("", "{}", "[]", '{"variables": 1}')] == [None] * 4


def test_words_are_found_in_the_files_of_the_project(tmp_path: Path) -> None:
    for path, text in {
        "a/code.py": "os.environ['FOUND_IN_CODE']",
        "run.sh": "echo $FOUND_IN_SCRIPT",
        "README.md": "TOLD_IN_PROSE",
        ".env.example": "ONLY_SAID=",
        "node_modules/x.js": "OF_A_PACKAGE",
        "env/pyvenv.cfg": "",
        "env/x.py": "OF_THE_ENVIRONMENT",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    wanted = ("FOUND_IN_CODE", "FOUND_IN_SCRIPT", "TOLD_IN_PROSE", "ONLY_SAID", "OF_A_PACKAGE", "OF_THE_ENVIRONMENT")
    assert words(tmp_path, (*wanted, "FOUND")) == {"FOUND_IN_CODE", "FOUND_IN_SCRIPT"}


@pytest.mark.programs
def test_the_example_of_the_project_that_we_show_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dry, "INHERITED", ("PATH", "PYTHONPATH"))
    monkeypatch.setenv("PYTHONPATH", str(TESTPROJECT.parent))
    found = dry.contract("website.settings", code=TESTPROJECT, project=TESTPROJECT)
    before = (TESTPROJECT / FILE).read_text(encoding="utf-8")
    assert example(found, before, lambda names: words(TESTPROJECT, names)) == before
    assert not os.path.exists(TESTPROJECT / ".env"), "it would be read, and what is read may depend on it"
