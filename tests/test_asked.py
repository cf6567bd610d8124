"""What the options of commands come to for the operations."""

from typing import Any

import pytest
from django.core.management import load_command_class

from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.management.base import asked


def given(command: str, *words: str) -> dict[str, Any]:
    """The options as the command's own parser reads these words."""
    parser = load_command_class("django_selfdeploy", command).create_parser("manage.py", command)
    return vars(parser.parse_args(list(words)))


def test_judgements_are_given_to_a_deployment_by_name() -> None:
    words = ("--migration", "shop.*=expand", "--migration", "shop.0007_price=contract")
    assert asked(**given("deploy", *words)).judged == (("shop.*", "expand"), ("shop.0007_price", "contract"))
    assert asked(**given("deploy")).judged == ()


@pytest.mark.parametrize("wrong", ["shop.0007_price", "=expand", "shop.0007_price=unknown"])
def test_what_is_no_judgement_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match="--migration has"):
        asked(**given("deploy", "--migration", wrong))


def test_migrations_that_a_rollback_takes_back_are_no_judgements() -> None:
    assert asked(**given("deploy_rollback", "--migrations")).judged == ()
