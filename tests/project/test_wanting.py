"""What is told of an environment beside what the settings want of it."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_selfdeploy.check_ids import ALL_CHECKS
from django_selfdeploy.project import importing, wanting
from django_selfdeploy.project.contract import DEFAULT, HIDDEN, NONE, REQUIRED, Contract, Variable
from django_selfdeploy.project.culprit import Problem
from django_selfdeploy.project.trial import stand_in

AT = ("website/settings.py:3",)


def nobody(names: object) -> tuple[str, ...]:
    return ()


@pytest.mark.parametrize("value", ["True", "on", " YES ", "1", "2", "-1", "false", "off", "NO", "n", "0", ""])
def test_what_is_true_or_false_is_not_told(value: str) -> None:
    found = Contract((Variable("DEBUG", "bool", NONE, "", AT, True),))
    assert tuple(wanting._neither(found, {"DEBUG": value})) == ()


@pytest.mark.parametrize("value", ["Flase", "ja", "enabled", "1.5"])
def test_what_is_neither_is_told_without_the_value(value: str) -> None:
    found = Contract((Variable("DEBUG", "bool", NONE, "", AT, True), Variable("NOTE", "str", present=True)))
    (message,) = wanting._neither(found, {"DEBUG": value, "NOTE": value})
    assert (message.level, message.id) == (logging.WARNING, "selfdeploy.W051")
    assert (
        message.text == "The value of 'DEBUG' (website/settings.py:3) is neither true nor false, and is read as False."
    )
    assert value not in message.text + message.hint


@pytest.mark.parametrize(
    "name",
    [
        *(
            "PATH",
            "PYTHONPATH",
            "AWS_ACCESS_KEY_ID",
            "SENTRY_DSN",
            "GUNICORN_CMD_ARGS",
            "WEB_CONCURRENCY",
            "PGPASSWORD",
        ),
        *("DATABASE_ADMIN_URL", "SELFDEPLOY_KEY", "https_proxy", "NO_PROXY", "LC_ALL", "OTEL_SERVICE_NAME", "TZ"),
    ],
)
def test_names_that_processes_and_libraries_read_are_used(name: str) -> None:
    assert wanting.unused(Contract(), (name,), nobody) == ()


def test_what_nobody_reads_is_unused() -> None:
    found = Contract((Variable("READ"), Variable("KEY")), ("BY_LIBRARY",))
    names = ("READ", "KEY_FILE", "BY_LIBRARY", "IN_A_VIEW", "PATHS", "STRANGE")
    assert wanting.unused(found, names, lambda left: {"IN_A_VIEW"} & set(left)) == ("PATHS", "STRANGE")
    assert wanting.unused(Contract(whole=True), names, nobody) == ()


def test_a_name_that_is_nearly_one_that_is_missing_is_asked_about() -> None:
    found = Contract((Variable("DATABASE_URL"), Variable("CACHE_URL", present=True)))
    texts = [one.text for one in wanting._unused(found, ("DATABSE_URL", "CACHE_URLS"), nobody)]
    unread = "is in the target's environment, and nobody reads it"
    assert texts == [
        f"The variable 'DATABSE_URL' {unread}: did you mean 'DATABASE_URL'?",
        f"The variable 'CACHE_URLS' {unread}.",
    ]


def test_what_is_new_and_not_set_is_told_with_its_default() -> None:
    found = Contract(
        (
            Variable("KNOWN", otherwise=DEFAULT, default="x", where=AT),
            Variable("SET", otherwise=DEFAULT, default="x", where=AT, present=True),
            Variable("NEW", otherwise=DEFAULT, default="x", where=AT),
            Variable("NEW_KEY", otherwise=HIDDEN, where=AT),
            Variable("OTHER", otherwise=NONE),
            Variable("NEEDED", otherwise=REQUIRED),
        )
    )
    new = list(wanting._new(found, {"KNOWN"}))
    assert {(one.level, one.id) for one in new} == {(logging.INFO, "selfdeploy.I053")}
    start = "The settings read the new variable"
    assert [one.text for one in new] == [
        f"{start} 'NEW' (website/settings.py:3), which is not set: its default is 'x'.",
        f"{start} 'NEW_KEY' (website/settings.py:3), which is not set: its default is not shown.",
        f"{start} 'OTHER', which is not set: it has no default.",
    ]


def test_every_id_is_in_the_table_with_its_level() -> None:
    ids = (wanting.NEITHER, wanting.UNUSED, wanting.NEW, wanting.DANGLING, importing.LACKS, importing.MISTYPED)
    letters = {logging.INFO: "I", logging.WARNING: "W", logging.ERROR: "E"}
    assert [letters[ALL_CHECKS[one].level] for one in ids] == [one.partition(".")[2][0] for one in ids]


@given(
    problems=st.lists(
        st.builds(
            Problem,
            name=st.sampled_from("ABCD"),
            where=st.just("s.py:1"),
            cast=st.sampled_from(("str", "int")),
            mistyped=st.booleans(),
            dangling=st.booleans(),
        ),
        min_size=1,
        max_size=4,
        unique_by=lambda one: one.name,
    )
)
def test_every_problem_is_in_the_one_message(problems: list[Problem]) -> None:
    message = importing.refusal(tuple(problems))
    assert all(f"'{one.name}' (s.py:1)" in message for one in problems)
    assert "\n" not in message


@pytest.mark.parametrize(
    ("cast", "name", "value"),
    [
        ("int", "A", "1"),
        ("db_url", "A", "sqlite://:memory:"),
        ("str", "DATABASE_URL", "sqlite://:memory:"),
        ("str", "SERVICE_URL", "http://localhost/"),
        ("str", "A", "1"),
    ],
)
def test_a_stand_in_is_what_the_settings_can_read(cast: str, name: str, value: str) -> None:
    assert stand_in(Problem(name, "s.py:1", cast)) == value
