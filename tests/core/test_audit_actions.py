"""The packages of an environment are judged; what stops a deployment the settings say."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from django_selfdeploy.core.actions.audit import Audit, CheckPackages
from django_selfdeploy.core.actions.base import ActionFailed
from django_selfdeploy.core.actions.django import Judge
from django_selfdeploy.core.agent import AgentSpec
from django_selfdeploy.hosts.memory import MemoryWorld

CHECK = CheckPackages(("sh", "-c", "echo 'a 1 requires b'; exit 1"), "W034")


def test_packages_that_do_not_fit_are_a_warning_with_what_the_installer_says() -> None:
    world = MemoryWorld()
    CHECK.do(world)
    replace(CHECK, argv=("true",)).do(world)
    assert world.warnings == ["(W034) The installed packages do not fit each other.\n    a 1 requires b"]


def test_they_stop_a_deployment_where_that_is_wanted() -> None:
    with pytest.raises(ActionFailed) as caught:
        replace(CHECK, refused=("W034",)).do(MemoryWorld())
    assert str(caught.value) == "(W034) The installed packages do not fit each other.\n    a 1 requires b"
    world = MemoryWorld()
    replace(CHECK, refused=("W034",), accepted=("W034",)).do(world)
    assert world.warnings[0].startswith("(W034) was overruled: ")


REPORT = {
    "dependencies": [
        {"name": "django", "version": "5.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["5.0.1", "5.1"]}]},
        {"name": "odd", "version": "1", "vulns": [{"id": "PYSEC-2", "fix_versions": []}]},
        {"name": "good", "version": "1", "vulns": []},
    ]
}


def environment(folder: Path, script: str) -> Audit:
    """A virtualenv with a pip-audit that does what the script says."""
    (folder / "bin").mkdir()
    (folder / "lib/python3.12/site-packages").mkdir(parents=True)
    program = folder / "bin/pip-audit"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Audit(str(folder), "W035", "W036")


def test_what_is_known_against_a_package_is_told_with_what_mends_it(tmp_path: Path) -> None:
    (tmp_path / "told.json").write_text(json.dumps(REPORT))
    script = f'echo "$@" > {tmp_path}/words; cp {tmp_path}/told.json "$6"; exit 1'
    world, audit = MemoryWorld(), environment(tmp_path, script)
    audit.do(world)
    assert world.warnings == [
        "(W035) django 5.0 has PYSEC-1, mended in 5.0.1, 5.1.",
        "(W035) odd 1 has PYSEC-2, not mended yet.",
    ]
    assert world.notes == ["2 known vulnerabilities"]
    assert (tmp_path / "words").read_text().endswith(f"--path {tmp_path}/lib/python3.12/site-packages\n")
    with pytest.raises(ActionFailed) as caught:
        replace(audit, refused=("W035",)).do(world)
    assert str(caught.value).splitlines() == ["2 messages:", *(f"    {text}" for text in world.warnings)]


def test_data_that_cannot_be_reached_is_a_message_of_its_own(tmp_path: Path) -> None:
    world = MemoryWorld()
    environment(tmp_path, "echo no route to host; exit 1").do(world)
    text = "(W036) pip-audit could not look up known vulnerabilities.\n    no route to host"
    assert (world.warnings, world.notes) == ([text], ["0 known vulnerabilities"])


def test_a_host_without_pip_audit_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("HOME", "/nowhere")
    world = MemoryWorld()
    Audit(str(tmp_path), "W035", "W036").do(world)
    assert world.warnings == [
        "(W036) AUDIT is on, and pip-audit is not on the host: nothing is known of vulnerabilities."
    ]


def test_an_agent_that_judges_fails_for_errors_and_warns_of_the_rest() -> None:
    found = [{"level": 40, "id": "E1", "text": "bad."}, {"level": 30, "id": "W1", "text": "odd."}]
    world = MemoryWorld(questions={"templates": {"messages": found, "note": "2 templates"}})
    action = Judge(AgentSpec(("python",), "/"), "templates")
    with pytest.raises(ActionFailed) as caught:
        action.do(world)
    assert (str(caught.value), world.warnings, world.notes) == ("(E1) bad.", ["(W1) odd."], [])
    replace(action, accepted=("E1",)).do(world)
    assert (world.warnings[1:], world.notes) == (["(E1) was overruled: bad.", "(W1) odd."], ["2 templates"])
    assert action.describe() == "ask Django in / to judge: templates"
