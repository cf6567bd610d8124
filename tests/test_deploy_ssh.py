"""deploy_ssh logs in at the host that was meant, whichever target has it."""

from typing import Any

import pytest
from django.test import override_settings

from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.management.commands import deploy_ssh
from django_selfdeploy.management.commands.deploy_ssh import Command
from django_selfdeploy.options import Project
from tests.making import target

SELFDEPLOY: dict[str, Any] = {
    "default": {},
    "production": {"HOSTS": ["ann@web1", "ann@web2"], "SSH": {"IDENTITY_FILE": "/keys/production"}},
    "staging": {"HOSTS": ["bob@web1", "bob@test1:2222"]},
}


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The programs that took our place."""
    found: list[tuple[str, ...]] = []
    monkeypatch.setattr(deploy_ssh, "become", found.append)
    monkeypatch.setattr(
        Command,
        "project",
        lambda self, alias: Project(None, target(alias, **SELFDEPLOY[alias])),  # type: ignore[arg-type]
    )
    return found


@pytest.mark.parametrize(
    ("host", "alias", "user", "place"),
    [
        ("", "", "ann", "web1"),
        ("web2", "", "ann", "web2"),
        ("test1:2222", "", "bob", "test1"),
        ("web1", "", "ann", "web1"),
        ("web1", "staging", "bob", "web1"),
        ("", "staging", "bob", "web1"),
    ],
)
@override_settings(SELFDEPLOY=SELFDEPLOY)
def test_the_first_target_that_has_the_host_is_meant(
    became: list[tuple[str, ...]], host: str, alias: str, user: str, place: str
) -> None:
    assert Command().perform(host=host, target=alias) == 0
    [words] = became
    assert (words[words.index("-l") + 1], words[-1]) == (user, place)
    assert ("/keys/production" in words) is (user == "ann")


@override_settings(SELFDEPLOY=SELFDEPLOY)
def test_an_unknown_host_is_refused(became: list[tuple[str, ...]]) -> None:
    with pytest.raises(ConfigError) as caught:
        Command().perform(host="web9", target="")
    assert caught.value.message == "No target has a host 'web9'."
    assert caught.value.hint == "SELFDEPLOY has: web1, web2, test1:2222."


@override_settings(SELFDEPLOY={"default": {}})
def test_without_hosts_there_is_nothing_to_log_in_at(became: list[tuple[str, ...]]) -> None:
    with pytest.raises(ConfigError, match="No target has hosts"):
        Command().perform(host="", target="")
    assert became == []
