"""The operations: what is asked of a host, in which order, and what is made of its answers."""

import contextlib
import dataclasses
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from django_selfdeploy import going_back, operations, preparation, reaching, rehearsing, story
from django_selfdeploy.backends.gunicorn import Gunicorn
from django_selfdeploy.conf import Process
from django_selfdeploy.core.actions.base import ActionFailed
from django_selfdeploy.core.actions.files import Write
from django_selfdeploy.core.actions.front import ServeFront
from django_selfdeploy.core.actions.processes import Run
from django_selfdeploy.core.actions.programs import ShutDown
from django_selfdeploy.core.actions.source import Receive
from django_selfdeploy.core.errors import (
    ConfigError,
    HostError,
    NothingThere,
    ReleaseError,
    SwitchedBack,
    TestsFailed,
)
from django_selfdeploy.core.events import Event, Finished, Started
from django_selfdeploy.core.secret import MASK, Secret
from django_selfdeploy.going_back import rollback
from django_selfdeploy.hosts.fleet import Fleet
from django_selfdeploy.hosts.memory import DEPLOYMENT, MemoryConnection
from django_selfdeploy.operations import deploy, is_unchanged, power, restart, site_url
from django_selfdeploy.options import Options, Outcome, Project, root_of
from django_selfdeploy.project import dry
from django_selfdeploy.project.consistency.surroundings import Surroundings
from django_selfdeploy.project.facts import ProjectFacts
from django_selfdeploy.rehearsing import rehearse
from tests.making import NEW, OLD, OLDER, context, deployed, entry, facts, host_state, release, target

ANSWERS = {"facts": facts().to_json(), "check_server": {}, "collectstatic": {}, "migrate": {}}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project in a plain folder."""
    monkeypatch.setattr(preparation, "own_requirement", lambda: "django-selfdeploy==1.0")
    for name, text in {"manage.py": "", "mysite/settings.py": "", "requirements.txt": "django\n"}.items():
        (tmp_path / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / name).write_text(text)
    (tmp_path / "site" / ".env").write_text("SECRET_KEY=hunter2-hunter2\n")
    return Project((tmp_path / "site").resolve(), target())


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., MemoryConnection]]:
    """Makes the host that operations find."""

    def made(state: Any = None, **about: Any) -> MemoryConnection:
        host = MemoryConnection(state or host_state(), **{"answers": ANSWERS, **about})
        for room in (going_back, operations, rehearsing):
            monkeypatch.setattr(room, "connected", lambda project: contextlib.nullcontext(Fleet({"": host})))
        return host

    yield made


def steps_of(host: MemoryConnection) -> list[str]:
    return [event.name for event in host.events if type(event).__name__ == "StepFinished"]  # type: ignore[attr-defined]


def ended(host: MemoryConnection) -> list[str]:
    return [event.status for event in host.events if isinstance(event, Finished)]


STAGE = (
    "lay the source down",
    "install the environment",
    "check the packages",
    "set the environment variables",
    "read the settings",
    "find the databases",
    "look at the release",
)
ACTIVATE = (
    "run the tests",
    "write the configuration",
    "check the configuration",
    "collect the static files",
    "check the templates",
    "back up the databases",
    "migrate the database",
)
GO_LIVE = ("start the processes", "wait until they answer", "switch", "smoke test", "watch")


def test_a_deployment_stages_looks_and_activates(project: Project, on: Any) -> None:
    host, heard = on(), []
    outcome = deploy(project, Options(began=time.monotonic() - 2), (heard.append,))
    assert re.fullmatch(r"20260101-000000-[0-9a-f]{8}", outcome.release)
    assert outcome == Outcome("succeeded", DEPLOYMENT, outcome.release, "http://localhost:8000/")
    going_live = [*GO_LIVE[:2], "ask for pages", *GO_LIVE[2:]]
    assert steps_of(host) == [*STAGE, *ACTIVATE, *going_live, "tidy up", "start again after a reboot"]
    assert (ended(host), host.undone, host.round_trips) == (["succeeded"], [], 3)
    assert heard[0] == Started(DEPLOYMENT, "deploy", "default", outcome.release)
    assert host.about is not None
    assert {key: host.about[key] for key in ("kind", "target", "commit", "subject", "dirty")} == {
        "kind": "deploy",
        "target": "default",
        "commit": "",
        "subject": "",
        "dirty": False,
    }
    assert host.about["release"] == f"+{outcome.release[-8:]}"
    assert 2 <= host.about["elapsed"] < 30


def test_the_journal_of_each_host_has_the_name_that_the_target_gives_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Machines may call themselves alike, and a row of the record is found by its host."""
    hosts = {name: MemoryConnection(deployed(release(OLD))) for name in ("web1:2201", "web1:2202")}
    fleet = Fleet({**hosts})
    monkeypatch.setattr(operations, "connected", lambda project: contextlib.nullcontext(fleet))
    power(project, "stop", Options(), ())
    assert {name: host.about and host.about["host"] for name, host in hosts.items()} == {name: name for name in hosts}


def test_the_variables_of_the_project_go_along_as_a_secret(project: Project, on: Any) -> None:
    host = on()
    host.fail_at("manage.py test", ActionFailed("hunter2-hunter2 is odd."))
    with pytest.raises(TestsFailed, match=r"\*{8} is odd"):
        deploy(project, Options(), ())
    [written] = [action for action in host.done if isinstance(action, Write) and action.path.endswith("/.env")]
    assert (written.text, written.mode) == (Secret("SECRET_KEY=hunter2-hunter2\n"), 0o600)


def test_a_deployment_that_fails_is_given_up_with_the_first_error(project: Project, on: Any) -> None:
    host = on()
    host.fail_at(ServeFront, ActionFailed("The front server is gone."))
    with pytest.raises(SwitchedBack) as caught:
        deploy(project, Options(), ())
    expected = "The switch did not work, and the old release is live again. The front server is gone."
    assert (caught.value.message, host.abandoned and host.abandoned.message) == (expected, expected)
    assert steps_of(host).index("switch") < len(steps_of(host)) - 1


def test_a_host_that_lacks_something_is_left_before_anything_is_done(project: Project, on: Any) -> None:
    host = on(host_state(port_holder="`apache2` (pid 1)"))
    with pytest.raises(HostError, match="Port 8000 is taken"):
        deploy(project, Options(), ())
    assert (host.done, ended(host), isinstance(host.abandoned, HostError)) == ([], ["failed"], True)


def test_a_release_whose_checks_fail_is_taken_back(project: Project, on: Any) -> None:
    host = on(answers={**ANSWERS, "facts": facts(application="").to_json()})
    with pytest.raises(ReleaseError, match=r"selfdeploy\.E008"):
        deploy(project, Options(), ())
    assert steps_of(host) == [*STAGE, "lay the source down"]
    assert [type(action).__name__ for action in host.undone] == ["Remove"]


def test_what_is_live_already_is_not_deployed_again_unless_it_is_forced(project: Project, on: Any) -> None:
    first = on()
    deploy(project, Options(), ())
    record = next(
        action for action in first.done if isinstance(action, Write) and action.path.endswith("/release.json")
    )
    fingerprint = re.search(r'"fingerprint": "([0-9a-f]{32})"', str(record.text))
    assert fingerprint is not None
    live = release(OLD, fingerprint=fingerprint[1])
    host = on(deployed(live))
    outcome = deploy(project, Options(), ())
    assert (outcome.status, outcome.release) == ("unchanged", OLD)
    assert host.done == []
    on(deployed(live))
    assert deploy(project, Options(force=True), ()).status == "succeeded"


def test_tests_are_skipped_where_that_is_asked_and_the_record_says_so(project: Project, on: Any) -> None:
    host = on()
    deploy(project, Options(skip_tests=True), ())
    assert "run the tests" not in steps_of(host)
    assert host.about is not None
    assert host.about["options"] == {
        "skip_tests": True,
        "force": False,
        "wait": True,
        "accept": (),
        "maintenance": False,
        "migrations": {},
    }


def test_only_the_release_before_is_a_base(project: Project, on: Any) -> None:
    host = on(deployed(release(OLDER), release(OLD)))
    deploy(project, Options(), ())
    [receive] = [action for action in host.done if isinstance(action, Receive)]
    assert receive.base == f"/srv/mysite/releases/{OLD}/source"


def test_without_waiting_the_outcome_is_there_at_the_switch(project: Project, on: Any) -> None:
    on()
    assert deploy(project, Options(wait=False), ()).status == "succeeded"


# restart


def test_a_restart_makes_the_live_release_anew(project: Project, on: Any) -> None:
    live = release(OLD)
    state = deployed(live)
    host = on(state, replies={"manifest": (entry("manage.py"),)}, answers={**ANSWERS, "facts": facts().to_json()})
    outcome = restart(project, Options(), ())
    assert outcome.release == "20260101-000000-restart"
    assert "run the tests" not in steps_of(host)
    assert "install the environment" not in steps_of(host)
    [receive] = [action for action in host.done if isinstance(action, Receive)]
    assert (receive.entries, receive.base) == ((entry("manage.py"),), f"/srv/mysite/releases/{OLD}/source")
    assert not any(isinstance(action, Run) and "venv" in action.argv for action in host.done)


@pytest.mark.parametrize("operation", ["restart", "stop", "start"])
def test_where_nothing_is_live_there_is_nothing_to_do(project: Project, on: Any, operation: str) -> None:
    host = on()
    with pytest.raises(NothingThere) as caught:
        if operation == "restart":
            restart(project, Options(), ())
        else:
            power(project, operation, Options(), ())
    assert str(caught.value) == "Nothing is live on 'web1'.\nDeploy first: `manage.py deploy`."
    assert isinstance(host.abandoned, NothingThere)


# rollback, stop and start


def test_a_rollback_goes_to_the_release_before(project: Project, on: Any) -> None:
    host = on(deployed(release(OLD), release(NEW)))
    outcome = rollback(project, to="", options=Options(), listeners=())
    assert outcome == Outcome("succeeded", DEPLOYMENT, OLD, "http://localhost:8000/")
    assert steps_of(host) == [*GO_LIVE, "mark the release that was left", "drain and stop the previous release"]


def test_a_rollback_to_what_is_not_there_is_refused(project: Project, on: Any) -> None:
    host = on(deployed(release(NEW)))
    with pytest.raises(NothingThere, match="There is no release '1'"):
        rollback(project, to="1", options=Options(), listeners=())
    assert (host.done, isinstance(host.abandoned, NothingThere)) == ([], True)


def test_a_site_is_stopped_and_started(project: Project, on: Any) -> None:
    live = release(NEW)
    host = on(deployed(live))
    assert power(project, "stop", Options(), ()) == Outcome("succeeded", DEPLOYMENT, NEW, live.url)
    assert host.done == [ShutDown(live.control)]
    host = on(deployed(live))
    power(project, "start", Options(), ())
    assert steps_of(host) == ["start the processes", "start the front server", "smoke test"]


# dry run


def test_a_dry_run_changes_nothing_and_shows_both_plans(
    project: Project, on: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def known(constants: dict[str, str], **about: Any) -> ProjectFacts:
        asked.append(about)
        return facts()

    monkeypatch.setattr(dry, "facts", known)
    host = on()
    [rehearsed] = rehearse(project, Options()).values()
    made, (stage, activate) = rehearsed.context, rehearsed.plans
    assert (host.done, host.about, host.events) == ([], None, [])
    assert tuple(step.name for step in stage.steps) == STAGE
    assert tuple(step.name for step in activate.steps)[: len(ACTIVATE)] == ACTIVATE
    place = {"code": project.folder, "project": project.folder}
    known = {"admin": "DATABASE_ADMIN_URL", "sql": True, "before": "", "around": Surroundings()}
    values = {"variables": Secret("SECRET_KEY=hunter2-hunter2\n"), "secrets": ("hunter2-hunter2",)}
    assert asked == [{**place, **known, **values}]
    assert made.release.endswith(made.source.short)


def test_a_dry_run_refuses_what_a_deployment_would(project: Project, on: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    on(host_state(programs={}))
    with pytest.raises(HostError, match="'nginx' is not on"):
        rehearse(project, Options())
    monkeypatch.setattr(dry, "facts", lambda *_, **__: facts(probe_path=""))
    on()
    with pytest.raises(ReleaseError, match=r"selfdeploy\.E009"):
        rehearse(project, Options())


# what is unchanged


@pytest.mark.parametrize(
    ("changes", "unchanged"),
    [
        ({}, True),
        ({"live_answers": False}, False),
        ({"processes": None}, False),
        ({"unfinished": ("1",)}, False),
        ({"current": ""}, False),
    ],
)
def test_nothing_changed_where_the_same_is_live_and_works(changes: dict[str, Any], unchanged: bool) -> None:
    state = replace(deployed(release(OLD)), **changes)
    assert is_unchanged(context(state=state)) is unchanged
    assert is_unchanged(context(state=state, fingerprint="0" * 32)) is False


# what is prepared


def test_a_fingerprint_is_that_of_everything_that_makes_a_site() -> None:
    same = [preparation.fingerprint(context()), preparation.fingerprint(context(release="other", created="later"))]
    others = [
        preparation.fingerprint(context(env_key="0" * 16)),
        preparation.fingerprint(context(variables=Secret("A=1\n"))),
        preparation.fingerprint(context(variables=None)),
        preparation.fingerprint(context(settings={"WATCH": 1})),
        preparation.fingerprint(context(alias="production")),
    ]
    assert (len(set(same)), len({*same, *others}), len(same[0])) == (1, 6, 32)


def test_uv_is_found_unless_pip_is_wanted() -> None:
    assert preparation.find_uv("pip") == ""
    assert os.access(preparation.find_uv("auto"), os.X_OK)


def test_without_uv_pip_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uv", None)
    assert preparation.find_uv("auto") == ""


def test_what_to_look_at_comes_from_the_target() -> None:
    assert preparation.look_for(target(PORT=8080)) == {
        "control": "",
        "port": 8080,
        "programs": ("nginx",),
    }


def test_media_and_collected_files_are_no_source(project: Project) -> None:
    for name in ("uploads/a.jpg", "collected/b.css"):
        (project.folder / name).parent.mkdir()
        (project.folder / name).write_text("")
    with override_settings(MEDIA_ROOT=str(project.folder / "uploads"), STATIC_ROOT="collected"):
        found = preparation.find_code(project, Options())
    assert [one.path for one in found.entries] == ["manage.py", "mysite/settings.py", "requirements.txt"]


def test_variables_that_cannot_be_read_are_refused_before_the_host_is_asked(project: Project, on: Any) -> None:
    host = on()
    (project.folder / ".env").write_text("no value\n")
    with pytest.raises(ConfigError, match="Line 1 of '.env' is no NAME=value"):
        deploy(project, Options(), ())
    assert host.about is None


@pytest.mark.parametrize(
    ("settings", "uid", "root"),
    [
        ({"ROOT": "/srv/shop/"}, 1000, "/srv/shop"),
        ({"ROOT": ""}, 0, "/srv/mysite"),
        ({"ROOT": ""}, 1000, "/home/ann/.local/share/selfdeploy/mysite"),
    ],
)
def test_a_root_is_where_the_user_may_write(
    settings: dict[str, str], uid: int, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setenv("HOME", "/home/ann")
    assert root_of(target(**settings)) == root
    assert Project(Path("/x"), target(**settings)).layout.root == root


def test_a_site_is_seen_at_its_url() -> None:
    assert site_url(context(settings={"PORT": 80})) == "http://localhost/"


# what the journal says


@dataclass(frozen=True)
class Tokened(Gunicorn):
    """A server with an option that is secret."""

    api_token: str = dataclasses.field(default="t0ken", metadata={"doc": "."})


def test_a_target_is_described_without_what_could_be_secret() -> None:
    made = replace(target(), app_server=Tokened(), processes={"mail": Process(("a", "b"))})
    found = story.described(made)
    assert (found["alias"], found["port"], found["requirements"]) == ("default", 8000, [])
    assert found["processes"]["mail"]["command"] == ["a", "b"]
    assert (found["app_server"]["backend"], found["app_server"]["workers"], found["app_server"]["api_token"]) == (
        "Tokened",
        2,
        MASK,
    )
    assert "t0ken" not in str(found)


def test_who_deploys_is_the_one_behind_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ann")
    assert story.who() == f"ann@{os.uname().nodename}"
    monkeypatch.delenv("SUDO_USER")
    monkeypatch.setenv("LOGNAME", "bob")
    assert story.who() == f"bob@{os.uname().nodename}"


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError

    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(story.getpass, "getuser", nobody)
    assert story.who() == f"{os.geteuid()}@{os.uname().nodename}"


def test_the_live_release_writes_the_records_of_what_fails() -> None:
    layout = context().layout
    assert story.recorder(layout, host_state()) is None
    spec = story.recorder(layout, deployed(release(OLD)))
    assert spec is not None
    folder = f"/srv/mysite/releases/{OLD}"
    assert (spec.argv[:3], spec.cwd) == ((f"{folder}/env/bin/python", "-m", "django_selfdeploy.launch"), folder)


def test_a_listener_is_heard_in_every_operation(project: Project, on: Any) -> None:
    for operation in ("deploy", "rollback", "stop"):
        on(deployed(release(OLD), release(NEW)))
        heard: list[Event] = []
        if operation == "deploy":
            deploy(project, Options(force=True), (heard.append,))
        elif operation == "rollback":
            rollback(project, to="", options=Options(), listeners=(heard.append,))
        else:
            power(project, "stop", Options(), (heard.append,))
        assert [type(heard[0]).__name__, type(heard[-1]).__name__] == ["Started", "Finished"]


def test_the_connection_is_that_of_this_machine_and_ctrl_c_calls_it_off(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = MemoryConnection()
    monkeypatch.setattr(reaching.local, "connected", lambda: contextlib.nullcontext(host))
    before = signal.getsignal(signal.SIGINT)
    with operations.connected(project) as fleet:
        assert (fleet.connections, operations.look(project, fleet)) == ({"": host}, {"": host.state})
        assert signal.getsignal(signal.SIGINT) is not before
