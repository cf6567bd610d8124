"""What `deploy_setup` prints, and what it asks for."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from django_selfdeploy import setting_up
from django_selfdeploy.core.plan import Plan
from django_selfdeploy.setting_up import Setup
from django_selfdeploy.steps.setup import Preparation, setup_plan
from tests.making import LAYOUT, target

PLAN = setup_plan(Preparation(target(), LAYOUT, "deploy"))
TARGETS = {"default": {}, "production": {"HOSTS": ["deploy@web1", "deploy@web2"]}}


class Asked:
    """What the command asks of setting_up, and what it gets. It remembers, so it is not frozen."""

    def __init__(self) -> None:
        self.setup = Setup()
        self.answer: Any = {}

    def __call__(self, project: Any, asked: Setup, *listeners: Any) -> Any:
        self.setup = asked
        return self.answer


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asked:
    (tmp_path / "manage.py").write_text("")
    monkeypatch.chdir(tmp_path)
    made = Asked()
    for name in ("scripts", "examine", "prepare"):
        monkeypatch.setattr(setting_up, name, made)
    monkeypatch.setattr(setting_up, "can_prepare", lambda project: True)
    return made


def said(*words: str) -> str:
    stream = io.StringIO()
    with override_settings(SELFDEPLOY=TARGETS):
        call_command("deploy_setup", *words, stdout=stream, no_color=True)
    return stream.getvalue()


def test_what_was_changed_is_told_and_what_to_type_next(asked: Asked) -> None:
    asked.answer = {"": ("install nginx", "make the user deploy")}
    assert said() == "changed: install nginx\nchanged: make the user deploy\nNext: python manage.py deploy\n"
    asked.answer = {"": ()}
    assert said() == "Nothing changed.\nNext: python manage.py deploy\n"
    assert said("--verbosity", "0") == ""


def test_of_several_hosts_each_is_named(asked: Asked) -> None:
    asked.answer = {"web1": ("install nginx",), "web2": ()}
    told = "web1:\nchanged: install nginx\nweb2:\nNothing changed.\nNext: python manage.py deploy production\n"
    assert said("production") == told
    assert json.loads(said("production", "--json")) == {"changed": {"web1": ["install nginx"], "web2": []}}


def test_a_dry_run_shows_what_is_left(asked: Asked) -> None:
    asked.answer = {"web1": PLAN.with_steps(PLAN.steps[1:2]), "web2": PLAN.with_steps(())}
    told = said("production", "--dry-run")
    assert told.startswith("web1:\nsetup of mysite on default: 1 step\n")
    assert "   1. make the user\n      - make the user deploy\n" in told
    assert told.endswith("web2:\nNothing to do: everything is there.\n")
    plans = json.loads(said("production", "--dry-run", "--json"))["plans"]
    assert [step["name"] for step in plans["web1"]["steps"]] == ["make the user"]


def test_the_options_are_passed_on(asked: Asked) -> None:
    asked.answer = {"": ()}
    said("--user", "ubuntu", "--sudo", "--key", "a.pub", "--key", "b.pub", "--deploy-as", "site", "--firewall")
    assert asked.setup == Setup("ubuntu", True, ("a.pub", "b.pub"), "site", True)


def test_the_script_is_printed_as_it_is(asked: Asked) -> None:
    asked.answer = {"web1": "#!/bin/sh\n", "web2": "#!/bin/sh\n"}
    assert said("production", "--script") == "#!/bin/sh\n"
    asked.answer = {"web1": "#!/bin/sh\n", "web2": "#!/bin/sh\n:\n"}
    with pytest.raises(CommandError, match="Choose one with `--hosts`: web1, web2") as caught:
        said("production", "--script")
    assert caught.value.returncode == 3


def test_without_root_the_script_is_all_there_is(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setting_up, "can_prepare", lambda project: False)
    asked.answer = {"": "#!/bin/sh\n"}
    stream = io.StringIO()
    with override_settings(SELFDEPLOY=TARGETS), pytest.raises(SystemExit) as caught:
        call_command("deploy_setup", stdout=stream)
    assert (caught.value.code, stream.getvalue()) == (4, "#!/bin/sh\n")
    assert "Only root can prepare this machine." in capsys.readouterr().err


def test_without_root_a_dry_run_shows_all(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setting_up, "can_prepare", lambda project: False)
    monkeypatch.setattr(setting_up, "plans", lambda project, asked: {"": PLAN})
    assert said("--dry-run").startswith(f"setup of mysite on default: {len(PLAN.steps)} steps\n")


def test_only_root_can_prepare_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    class Project:
        target = target()

    for uid, can in ((0, True), (1000, False)):
        monkeypatch.setattr(setting_up.os, "geteuid", lambda uid=uid: uid)
        assert setting_up.can_prepare(Project()) is can  # type: ignore[arg-type]
    Project.target = target(HOSTS=["web1"])
    assert setting_up.can_prepare(Project()) is True  # type: ignore[arg-type]


def test_a_plan_of_nothing_is_a_plan() -> None:
    assert PLAN.with_steps(()) == Plan("setup", "default", "mysite", ())
