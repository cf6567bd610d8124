"""Output of strangers is harmless on a terminal, and secrets are in none of it."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from django_selfdeploy.core.redact import Redactor
from django_selfdeploy.core.secret import MASK
from django_selfdeploy.core.text import Tail, plain

secrets = st.text(st.characters(exclude_characters="*", exclude_categories=("Cs",)), min_size=6, max_size=30)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("plain ünïcode\n\ttext\n", "plain ünïcode\n\ttext\n"),
        ("\x1b[1;31mred\x1b[0m and \x1b[?25lhidden", "red and hidden"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x1b]52;c;aWQ=\x07", "\\x1b]52;c;aWQ=\\x07"),
        ("nul \x00 bell \x07 del \x7f", "nul \\x00 bell \\x07 del \\x7f"),
        ("\u202egpj.exe\u202c", "\\x202egpj.exe\\x202c"),
        ("windows\r\nends\r\n", "windows\nends\n"),
        ("  1%\r 50%\r100%\ndone", "100%\ndone"),
        ("over\rwritten\r\n", "written\n"),
    ],
)
def test_a_terminal_gets_text_and_nothing_else(given: str, expected: str) -> None:
    assert plain(given) == expected


@settings(max_examples=100)
@given(st.text())
def test_no_control_character_is_left(text: str) -> None:
    left = {character for character in plain(text) if ord(character) < 32 or 0x7F <= ord(character) < 0xA0}
    assert left <= {"\n", "\t"}


def test_a_short_text_is_kept_whole() -> None:
    tail = Tail(head=4, tail=8)
    for piece in ("ab", "cdef", "ghijkl"):
        tail.add(piece)
    assert str(tail) == "abcdefghijkl"


def test_of_a_long_text_head_and_tail_are_kept() -> None:
    tail = Tail(head=4, tail=8)
    for piece in ("abcdefgh", "ijklmnop", "qrstuvwxyz"):
        tail.add(piece)
    assert str(tail) == "abcd\n[... 14 characters left out ...]\nstuvwxyz"


@settings(max_examples=40)
@given(st.lists(st.text(max_size=20)), st.integers(1, 20), st.integers(1, 20))
def test_nothing_is_lost_but_what_is_said_to_be(pieces: list[str], head: int, tail: int) -> None:
    kept = Tail(head, tail)
    for piece in pieces:
        kept.add(piece)
    whole = "".join(pieces)
    gap = f"\n[... {len(whole) - head - tail} characters left out ...]\n"
    assert str(kept) == (whole if len(whole) <= head + tail else whole[:head] + gap + whole[-tail:])


def forms(value: str) -> list[str]:
    raw = value.encode()
    coded = [base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()]
    quoted = [quote(raw, safe=""), quote(raw), quote_plus(raw), repr(value), json.dumps(value)]
    return [value, *quoted, json.dumps(value, ensure_ascii=False), *coded, *(code.rstrip("=") for code in coded)]


@settings(max_examples=50)
@given(secrets)
@example('pass"word\\with$quotes')
@example("first line\nsecond line")
@example("pä%ss wörd+/=?")
def test_a_secret_survives_in_no_form(value: str) -> None:
    redact = Redactor([value])
    for form in forms(value):
        text = redact(f"before {form} after")
        assert form.strip("\"'") not in text
        assert MASK in text


def test_each_line_of_a_secret_is_one() -> None:
    redact = Redactor(["-----BEGIN KEY-----\nMIIEvQIBADANBg\nabc\n"])
    assert redact("got MIIEvQIBADANBg, abc") == f"got {MASK}, abc"


def test_short_values_blank_out_no_words() -> None:
    assert Redactor(["true", "8000", ""])("true: port 8000") == "true: port 8000"


def test_the_longest_secret_is_masked_whole() -> None:
    redact = Redactor()
    redact.learn(["secret"])
    redact.learn(["secret-longer"])
    assert redact("secret-longer, secret") == f"{MASK}, {MASK}"


def test_nothing_known_means_nothing_masked() -> None:
    assert Redactor()("any text") == "any text"
