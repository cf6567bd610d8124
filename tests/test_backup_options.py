"""The setting BACKUP."""

from typing import Any

import pytest

from django_selfdeploy.backup_options import BackupOptions, backup_options
from django_selfdeploy.core.actions.django import Ask
from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.core.layout import Layout
from django_selfdeploy.core.plan import Step
from django_selfdeploy.steps import databases
from tests.making import LAYOUT, context, facts


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"WHEN": "sometimes"}, "'WHEN' of BACKUP is 'sometimes'."),
        ({"DIRECTORY": "backups"}, "'DIRECTORY' of BACKUP is 'backups'."),
        ({"COMPRESSION": 10}, "'COMPRESSION' of BACKUP is 10."),
        ({"KEEP": 0}, "'KEEP' of BACKUP is 0."),
        ({"KEEP_DAYS": -1}, "'KEEP_DAYS' of BACKUP is -1.0."),
        ({"KEPT": 3}, "SELFDEPLOY['default']['BACKUP'] has the unknown key 'KEPT'."),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        backup_options("SELFDEPLOY['default']['BACKUP']", given)
    assert caught.value.message == message


def test_backups_of_several_sites_in_one_folder_are_kept_apart() -> None:
    assert BackupOptions().folder(Layout("/srv/shop"), "shop") == "/srv/shop/backups"
    assert BackupOptions(directory="/mnt/b/").folder(Layout("/srv/shop"), "shop") == "/mnt/b/shop"


def asked(step: Step) -> list[str]:
    return [action.question for action in step.actions if isinstance(action, Ask)]


@pytest.mark.parametrize(
    ("when", "pending", "made"),
    [
        ("before migrations", True, True),
        ("before migrations", False, False),
        ("always", False, True),
        ("never", True, False),
    ],
)
def test_a_deployment_backs_up_when_that_is_wanted(when: str, pending: bool, made: bool) -> None:
    known = facts() if pending else facts(pending=())
    step = databases.back_up(context(settings={"BACKUP": {"WHEN": when}}, facts=known))
    assert asked(step) == (["backup"] if made else [])


def test_no_secret_is_in_what_is_asked() -> None:
    step = databases.create(context(settings={"DATABASE_ADMIN": "ADMIN_URL", "TESTS": False}))
    [ask] = step.actions
    assert isinstance(ask, Ask)
    assert ask.arguments == '{"admin": "ADMIN_URL", "wait": 30.0, "tests": false}'


def test_fixtures_are_asked_for_where_there_are_any() -> None:
    with_fixtures = context(settings={"FIXTURES": ["first", "second"]})
    assert [ask.question for ask in databases.expect_fixtures(with_fixtures) if isinstance(ask, Ask)] == [
        "expect_fixtures"
    ]
    [ask] = databases.load_fixtures(with_fixtures).actions
    assert isinstance(ask, Ask)
    assert ask.arguments == '{"fixtures": ["first", "second"]}'
    assert (databases.expect_fixtures(context()), databases.load_fixtures(context()).actions) == ((), ())


def test_a_backup_is_told_where_and_what() -> None:
    made = context(settings={"BACKUP": {"DIRECTORY": "/mnt/b", "MEDIA": True, "KEEP": 3}, "NAME": "shop"})
    ask = databases.backing_up(made.agent, made.target, LAYOUT, reason="by hand", spare="20260101-000000")
    assert ask.arguments == (
        '{"folder": "/mnt/b/shop", "must_exist": "/mnt/b", "spare": "20260101-000000", "reason": "by hand", '
        '"aliases": [], "media": true, "level": 6, "keep": 3, "keep_days": 0.0, "reserve": 200000000}'
    )
