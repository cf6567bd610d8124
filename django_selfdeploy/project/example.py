"""The text of .env.example: every variable that the settings read, and what is known of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from .changes import VARIABLE
from .contract import DEFAULT, HIDDEN, Contract, Variable
from .env_text import parsed
from .wanting import Words, unused

FILE = ".env.example"

HEAD = """\
# Variables that the settings read. Copy this file to .env and fill it in; .env is never committed, this one is.
# Made by `manage.py deploy_init --example --write`, which keeps the values that are filled in here.
"""

LONGEST = 60
"""Characters of a default that is written down; a longer one is looked up where it stands."""

KINDS = {
    "str": "text",
    "bool": "True or False",
    "int": "whole number",
    "float": "number",
    "json": "JSON",
    "list": "list, commas between",
    "tuple": "list, commas between",
    "dict": "NAME=value, commas between",
    "db_url": "URL of a database",
    "cache_url": "URL of a cache",
    "email_url": "URL of a mail server",
    "url": "URL",
    "urlparse": "URL",
    "search_url": "URL of a search engine",
    "channels_url": "URL of channels",
}
"""What a cast is called; others go by their own names."""


def example(found: Contract, before: str, words: Words) -> str:
    """The text: required variables empty, the others commented out with their defaults. A secret is never filled in.

    `before` is the text of now: the values that somebody filled in stay, and so do variables that are read elsewhere
    in the project, among the words that `words` finds, or by a library. Paths are told without lines, so that the
    text changes only when the variables do. django-environ reads it back as it is meant.
    """
    given = _given(before)
    required = [one for one in found.variables if one.is_required]
    optional = [_brief(one) for one in found.variables if not one.is_required]
    elsewhere = _elsewhere(found, before, words)
    groups = (
        ("Required", [line for one in required for line in _required(one, given)]),
        ("Optional", [line for one in optional for line in _optional(one, given)]),
        ("Read elsewhere than in the settings", ["", *elsewhere] if elsewhere else []),
    )
    sections = [f"\n# {title} {'-' * (74 - len(title))}\n{_joined(lines)}" for title, lines in groups if lines]
    return HEAD + "".join(sections)


def _brief(one: Variable) -> Variable:
    return replace(one, otherwise=HIDDEN, default="") if len(one.default) > LONGEST else one


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _given(text: str) -> dict[str, str]:
    """The lines of variables that are filled in, by name."""
    found = filter(None, map(VARIABLE.match, text.splitlines()))
    return {one["name"]: one.string for one in found if not one["comment"] and one["value"].strip()}


def _elsewhere(found: Contract, before: str, words: Words) -> list[str]:
    """The lines of the text of now for variables that the settings do not read, and somebody does."""
    lines = [one for one in map(VARIABLE.match, before.splitlines()) if one and one["start"].lstrip("# ")]
    mine = {one["name"]: one.string for one in lines if one["name"] not in found.names and _is_line(one.string)}
    lost = unused(found, tuple(mine), words)
    return [line for name, line in mine.items() if name not in lost]


def _is_line(line: str) -> bool:
    """Whether the line is an assignment, perhaps commented out, and no sentence with an equals sign in it."""
    plain = line.strip().removeprefix("#").strip().removeprefix("export ")
    name, separator, _ = plain.partition("=")
    return bool(separator) and name.isidentifier() and name.isupper()


def _required(one: Variable, given: Mapping[str, str]) -> Iterator[str]:
    yield from ("", f"# {_about(one)}", given.get(one.name, f"{one.name}="))


def _optional(one: Variable, given: Mapping[str, str]) -> Iterator[str]:
    line = f"# {_line(one.name, _value(one))}"
    told = one.otherwise != DEFAULT or (_value(one) == one.default and one.name not in given)
    yield from ("", f"# {_about(one)}" if told else f"# {_about(one, one.default)}", given.get(one.name, line))


def _about(one: Variable, default: str = "") -> str:
    """What it is, where it is read, and the default that the line itself does not show."""
    places = ", ".join(dict.fromkeys(place.rpartition(":")[0] for place in one.where))
    more = "; has a default" if one.otherwise == HIDDEN else f"; default {default}" if default else ""
    return f"{KINDS.get(one.cast, one.cast)}{more}; {places}"


def _value(one: Variable) -> str:
    """What may stand behind the equals sign: a default that is the same everywhere, and read back as it is."""
    if one.otherwise != DEFAULT or "BASE_DIR" in one.default or _line(one.name, one.default) == f"{one.name}=":
        return ""
    return one.default


def _line(name: str, value: str) -> str:
    """The line that django-environ reads as `value`: plain or quoted; without a value where there is none such."""
    for written in (value, f"'{value}'", f'"{value}"'):
        if _is_read_as(f"{name}={written}", name, value):
            return f"{name}={written}"
    return f"{name}="


def _is_read_as(line: str, name: str, value: str) -> bool:
    if len(line.splitlines()) != 1 or value.startswith("$"):
        return False
    return parsed(line) == {name: value}
