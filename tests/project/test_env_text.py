"""What is written into an environment file is read back as it was, or is refused by name."""

import inspect
import io
import os
from collections.abc import Iterator
from pathlib import Path

import environ
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.project.env_text import LONGEST, parsed, reads_alike, text_of

COMMENTS = "parse_comments" in inspect.signature(environ.Env.read_env).parameters
"""Whether django-environ is one that can read both ways."""

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z_0-9]{0,20}", fullmatch=True)
ODD = st.text(st.sampled_from("'\"\\\n\r\t #$=%;{}()~`!\u2028\u0085\x1c\0nrt\udcff\u00e9"), max_size=12)
VALUES = ODD | st.text(max_size=40) | st.text(min_size=1, max_size=3).map(lambda text: text * 21845)
LISTED = [
    *('"quoted"', "'quoted'", "'\"both\"'", '"a\\\\n"', '"', "''", "'a' # b", "a' # b", "export A=1", "\\'"),
    *("a\\", '"a\\"', "#", "a#b", " a ", "\t", "%(HOME)s", "a;b", "\u00e9\ufeff", "a" * 65536, "\\n", "p$ss"),
]


def unread(value: str) -> bool:
    """Whether no environment file holds it."""
    lines = value.splitlines() not in ([], [value])
    surrogate = any("\ud800" <= letter <= "\udfff" for letter in value)
    return lines or surrogate or "\0" in value or len(value.encode("utf-8", "replace")) > LONGEST - 30


def read_in_every_way(text: str) -> Iterator[dict[str, str]]:
    """As django-environ reads it now, and as it did before 0.12, which parse_comments brings back."""
    kept = dict(os.environ)
    ways: list[dict[str, bool]] = [{}]
    if COMMENTS:
        ways.append({"parse_comments": True})
    for way in ways:
        try:
            os.environ.clear()
            environ.Env.read_env(io.StringIO(text), **way)
            yield dict(os.environ)
        finally:
            os.environ.clear()
            os.environ.update(kept)


@settings(max_examples=400)
@given(st.dictionaries(NAMES, VALUES, max_size=4))
@example(dict(zip("ABCDEFGHIJKLMNOPQRSTUV", LISTED, strict=False)))
def test_what_is_accepted_is_read_back_exactly_and_what_is_not_is_named(values: dict[str, str]) -> None:
    try:
        text = text_of(values)
    except ConfigError as error:
        refused = [name for name, value in values.items() if unread(value) or value.startswith("$")]
        assert error.message.startswith(tuple(f"The value of {name} " for name in refused))
        return
    assert not any(map(unread, values.values()))
    assert list(read_in_every_way(text)) == [values] * len(list(read_in_every_way(text)))
    assert parsed(text) == values
    assert reads_alike(text) or not COMMENTS


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("one\ntwo", "has more than one line"),
        ("one\rtwo", "has more than one line"),
        ("x\n[program:evil]\ncommand=id", "has more than one line"),
        ("one\u2028two", "has more than one line"),
        ("a\0b", "holds a NUL"),
        ("\udcff", "is not UTF-8"),
        ("$ecret", "begins with $, which django-environ takes for the name of another variable"),
        ("$", "begins with $, which django-environ takes for the name of another variable"),
        ("$a b", "begins with $, which django-environ takes for the name of another variable"),
        ("x" * LONGEST, "is longer than the 131072 bytes that a process can be given"),
    ],
)
def test_what_no_file_holds_is_refused_without_its_value(value: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        text_of({"GOOD": "1", "TOKEN": value})
    assert str(caught.value) == (
        f"The value of TOKEN {why}.\nEncode it, in base64 say, and decode it in the settings; or choose another one."
    )


@pytest.mark.parametrize("name", ["", "1A", "A B", "A-B", "\u00c4", "A\n", "[program:x]"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="is no name of a variable"):
        text_of({name: "1"})


def test_a_reference_to_another_variable_is_meant(tmp_path: Path) -> None:
    values = {"A": "$B", "B": "1", "C": "$SELFDEPLOY_ROOT"}
    assert parsed(text_of(values)) == values


@pytest.mark.skipif(not COMMENTS, reason="this django-environ reads in one way")
@pytest.mark.parametrize(
    ("text", "alike"),
    [("A=1\n# b\n", True), ("A=a#b\n", False), ("A='a' # b\n", False), ("A='a#b'\n", True), ("A=a b\n", True)],
)
def test_what_older_versions_read_otherwise_is_known(text: str, alike: bool) -> None:
    assert reads_alike(text) is alike
