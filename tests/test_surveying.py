"""How the hosts of a target fare, told together; one that does not answer is a row."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy import reaching
from django_selfdeploy.core.errors import DeployError, HostError
from django_selfdeploy.hosts.memory import MemoryConnection
from django_selfdeploy.management.commands.deploy_status import Command
from django_selfdeploy.options import Project
from django_selfdeploy.surveying import Survey, survey
from tests.making import NEW, OLD, target

SILENT = HostError("web2 cannot be reached.", hint="Is it up?")


def status(release: str = NEW, *, healthy: bool = True) -> dict[str, Any]:
    live = {"id": release, "commit": "", "subject": "", "created": ""} if release else None
    return {"release": live, "healthy": healthy}


def host(*about: Any, **more: Any) -> MemoryConnection:
    return MemoryConnection(replies={"status": status(*about, **more)})


COMMAND = "django_selfdeploy.management.commands.deploy_status"


def said(monkeypatch: pytest.MonkeyPatch, found: Survey, *, as_json: bool) -> tuple[int, str]:
    """What deploy_status makes of it: its exit code and what it prints."""
    monkeypatch.setattr(f"{COMMAND}.survey", lambda project: found)
    monkeypatch.setattr(f"{COMMAND}.as_text", lambda status: "release   x\nurl       y")
    monkeypatch.setattr(Command, "project", lambda *args, **options: None)
    stream = io.StringIO()
    code = Command(stdout=stream).perform(target="default", as_json=as_json, verbosity=1)
    return code, stream.getvalue()


def asked(monkeypatch: pytest.MonkeyPatch, **found: MemoryConnection | DeployError) -> Survey:
    monkeypatch.setattr(reaching, "reached", lambda project: contextlib.nullcontext(found))
    return survey(Project(Path("/site"), target(HOSTS=list(found))))


def test_hosts_that_agree_are_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked(monkeypatch, web1=host(), web2=host())
    assert (found.several, found.releases, found.healthy) == (True, (NEW,), True)
    assert list(found.answered) == ["web1", "web2"]


@pytest.mark.parametrize(
    ("other", "releases"),
    [(host(healthy=False), (NEW,)), (host(OLD), (NEW, OLD)), (host(""), (NEW, "")), (SILENT, (NEW,))],
)
def test_a_host_that_is_not_as_the_others_is_not(
    monkeypatch: pytest.MonkeyPatch, other: Any, releases: tuple[str, ...]
) -> None:
    found = asked(monkeypatch, web1=host(), web2=other)
    assert (found.releases, found.healthy) == (releases, False)


def test_a_host_that_stops_answering_is_silent_too(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = host()

    def lost(**fields: Any) -> Any:
        raise SILENT

    monkeypatch.setattr(broken, "_on_open", lost)
    found = asked(monkeypatch, web1=host(), web2=broken, web3=host())
    assert (list(found.answered), found.silent) == (["web1", "web3"], {"web2": SILENT})


def test_where_no_host_answers_nothing_is_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked(monkeypatch, web1=SILENT, web2=SILENT)
    assert (found.answered, found.releases, found.healthy) == ({}, (), False)


def test_an_only_host_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HostError) as caught:
        asked(monkeypatch, web2=SILENT)
    assert caught.value is SILENT


def test_programs_get_all_hosts_in_one_object(monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = said(monkeypatch, Survey(True, {"web1": status()}, {"web2": SILENT}), as_json=True)
    error = {"error": "HostError", "message": SILENT.message, "hint": "Is it up?", "exit_code": 4}
    hosts = {"web1": status(), "web2": {"healthy": False, "error": error}}
    assert (code, json.loads(text)) == (1, {"healthy": False, "releases": [NEW], "hosts": hosts})


def test_of_an_only_host_programs_get_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = said(monkeypatch, Survey(False, {"": status()}, {}), as_json=True)
    assert (code, json.loads(text)) == (0, status())


def test_people_read_who_does_not_answer_and_that_hosts_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Survey(True, {"web1": status(), "web3": status("")}, {"web2": SILENT})
    text = (
        "web1\n  release   x\n  url       y\nweb3\n  release   x\n  url       y\n"
        "web2\n  NO ANSWER  web2 cannot be reached.\n  Is it up?\n"
        f"The hosts do not run the same: {NEW}, nothing. The next `deploy` brings them to one release.\n"
    )
    assert said(monkeypatch, found, as_json=False) == (1, text)
