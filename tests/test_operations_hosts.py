"""The operations on several hosts: who is asked first, who is left alone, and what all have in common."""

import contextlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy import going_back, operations, preparation, reaching
from django_selfdeploy.conf import Target
from django_selfdeploy.core.actions.base import ActionFailed
from django_selfdeploy.core.actions.files import Write
from django_selfdeploy.core.actions.programs import ShutDown
from django_selfdeploy.core.actions.source import Receive
from django_selfdeploy.core.errors import Locked, MigrationFailed, NothingThere, Unchanged
from django_selfdeploy.core.events import Event, Started, StepFinished, Warned
from django_selfdeploy.core.state import HostState
from django_selfdeploy.going_back import rollback
from django_selfdeploy.hosts.memory import DEPLOYMENT, MemoryConnection
from django_selfdeploy.hosts.news import OnHost
from django_selfdeploy.operations import deploy, power, restart
from django_selfdeploy.options import Options, Project
from tests.making import NEW, OLD, OLDER, deployed, entry, facts, host_state, release, target

ANSWERS = {"facts": facts(own_databases=()).to_json(), "check_server": {}, "collectstatic": {}, "migrate": {}}
Hosts = dict[str, MemoryConnection]


class Opened(MemoryConnection):
    """A host that remembers what it was opened with, in the order of all of them."""

    order: list[tuple[str, dict[str, Any]]]
    name: str

    def _on_open(self, **fields: Any) -> dict[str, Any]:
        self.order.append((self.name, dict(fields["about"])))
        return super()._on_open(**fields)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(preparation, "own_requirement", lambda: "django-selfdeploy==1.0")
    for name, text in {"manage.py": "", "mysite/settings.py": "", "requirements.txt": "django\n"}.items():
        (tmp_path / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / name).write_text(text)
    hosts = ["web1", "web2", {"ADDRESS": "work1", "ROLES": ["worker"]}]
    return Project((tmp_path / "site").resolve(), target("production", HOSTS=hosts, NAME="mysite"))


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Hosts]:
    """Makes the hosts that operations find, by the state of each."""

    def made(**states: HostState) -> Hosts:
        hosts: Hosts = {}
        order: list[tuple[str, dict[str, Any]]] = []
        for name, state in states.items():
            host = Opened(state, answers=ANSWERS, replies={"manifest": (entry(f"{name}.py"),)})
            host.name, host.order = name, order
            hosts[name] = host
        for room in (operations, going_back):
            monkeypatch.setattr(
                room, "connected", lambda project: contextlib.nullcontext(reaching.fleet_of(project, dict(hosts)))
            )
        return hosts

    return made


def led_by(project: Project, name: str) -> Project:
    """The same project, whose migrations are applied from the host `name`."""
    hosts = tuple(
        replace(host, roles=(*(host.roles or ("web", "worker")), "db")) if host.name == name else host
        for host in project.target.hosts
    )
    return replace(project, target=replace(project.target, hosts=hosts))


def steps_of(host: MemoryConnection) -> list[str]:
    return [event.name for event in host.events if isinstance(event, StepFinished)]


def written(host: MemoryConnection, name: str) -> str:
    [found] = [one for one in host.done if isinstance(one, Write) and one.path.endswith(f"/{name}")]
    return str(found.text)


def order_of(hosts: Hosts) -> list[tuple[str, dict[str, Any]]]:
    return next(iter(hosts.values())).order  # type: ignore[attr-defined, no-any-return]


def test_the_first_host_is_locked_before_the_others_and_names_everything(project: Project, on: Any) -> None:
    hosts = on(web1=host_state(), web2=host_state())
    outcome = deploy(led_by(project, "web2"), Options(), ())
    (first, about), (second, of_second) = order_of(hosts)
    assert (first, second) == ("web2", "web1")
    assert ("id" in about, about["release"][0]) == (False, "+")
    assert (of_second["id"], of_second["release"]) == (DEPLOYMENT, outcome.release)
    assert {written(host, "release.json").count(outcome.release) > 0 for host in hosts.values()} == {True}


def test_a_host_whose_lock_is_held_stops_all_before_anything_is_done(
    project: Project, on: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = on(web1=host_state(), web2=host_state())

    def held(**fields: Any) -> Any:
        raise Locked("Another deployment is at work.")

    monkeypatch.setattr(hosts["web2"], "_on_open", held)
    with pytest.raises(Locked, match="web2: Another deployment is at work"):
        deploy(project, Options(), ())
    assert (hosts["web1"].done, isinstance(hosts["web1"].abandoned, Locked)) == ([], True)


def test_tests_and_migrations_are_those_of_the_host_that_leads(project: Project, on: Any) -> None:
    hosts = on(web1=host_state(), web2=host_state())
    deploy(led_by(project, "web2"), Options(), ())
    once = {"run the tests", "back up the databases", "migrate the database"}
    assert set(steps_of(hosts["web2"])) - set(steps_of(hosts["web1"])) == once


def test_a_migration_that_fails_is_taken_back_on_all(project: Project, on: Any) -> None:
    hosts = on(web1=deployed(release(OLD)), web2=deployed(release(OLD)))
    hosts["web1"].fail_at("migrate", ActionFailed("The table is locked."))
    with pytest.raises(MigrationFailed, match="web1: .*The table is locked"):
        deploy(project, Options(), ())
    for host in hosts.values():
        assert any("remove" in action.describe() for action in host.undone)
        assert isinstance(host.abandoned, MigrationFailed)


def test_what_is_worth_a_warning_is_told_once(project: Project, on: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations.judgements, "warnings", lambda facts: ("An old check.",))
    on(web1=host_state(), web2=host_state())
    heard: list[Event] = []
    deploy(project, Options(), (heard.append,))
    assert heard.count(Warned("An old check.")) == 1


def fingerprints(project: Project, on: Any) -> dict[str, str]:
    """Those that a deployment gives the release, by host."""
    hosts = on(web1=host_state(), web2=host_state())
    deploy(project, Options(), ())
    found = {}
    for name, host in hosts.items():
        match = re.search(r'"fingerprint": "([0-9a-f]{32})"', written(host, "release.json"))
        assert match is not None
        found[name] = match[1]
    return found


def test_a_host_that_is_behind_is_brought_to_the_release_of_the_others(project: Project, on: Any) -> None:
    live = release(OLD, fingerprint=fingerprints(project, on)["web1"])
    hosts = on(web1=deployed(live), web2=host_state())
    heard: list[Event] = []
    outcome = deploy(project, Options(), (heard.append,))
    assert (outcome.status, outcome.release) == ("succeeded", OLD)
    assert (hosts["web1"].done, isinstance(hosts["web1"].abandoned, Unchanged)) == ([], True)
    assert f'"id": "{OLD}"' in written(hosts["web2"], "release.json")
    assert {event.host for event in heard if isinstance(event, OnHost)} == {"web1", "web2"}


def test_where_all_hosts_have_it_nothing_is_done(project: Project, on: Any) -> None:
    found = fingerprints(project, on)
    states = {name: deployed(release(OLD, fingerprint=found[name])) for name in found}
    hosts = on(**states)
    assert deploy(project, Options(), ()).status == "unchanged"
    assert [host.done for host in hosts.values()] == [[], []]


def test_a_host_that_has_the_others_release_in_a_broken_state_gets_a_new_one_with_them(
    project: Project, on: Any
) -> None:
    found = fingerprints(project, on)
    good, broken = (release(OLD, fingerprint=found[name]) for name in ("web1", "web2"))
    hosts = on(web1=deployed(good), web2=deployed(broken, live_answers=False))
    outcome = deploy(project, Options(), ())
    assert outcome.release != OLD
    assert all(outcome.release in written(host, "release.json") for host in hosts.values())


def test_hosts_that_run_different_releases_get_a_new_one(project: Project, on: Any) -> None:
    found = fingerprints(project, on)
    states = {name: deployed(release(identity, fingerprint=found[name])) for name, identity in (("web1", OLD),)}
    hosts = on(**states, web2=deployed(release(OLDER)))
    assert deploy(project, Options(), ()).release == OLD  # the one that is the code of now
    assert f'"id": "{OLD}"' in written(hosts["web2"], "release.json")


def test_hosts_that_have_the_same_code_under_two_names_get_one_name(project: Project, on: Any) -> None:
    found = fingerprints(project, on)
    one, other = release(OLD, fingerprint=found["web1"]), release(NEW, fingerprint=found["web2"])
    hosts = on(web1=deployed(one), web2=deployed(other))
    outcome = deploy(project, Options(), ())
    assert outcome.release not in (OLD, NEW)
    assert all(outcome.release in written(host, "release.json") for host in hosts.values())


def test_a_worker_has_no_front_server_and_is_not_where_the_site_is_seen(project: Project, on: Any) -> None:
    hosts = on(work1=host_state(programs={}), web1=host_state())
    outcome = deploy(led_by(project, "work1"), Options(), ())
    assert outcome.url == "http://web1:8000/"
    record = written(hosts["work1"], "release.json")
    assert '"serves": true' not in record
    assert "smoke test" in steps_of(hosts["web1"])
    assert "smoke test" not in steps_of(hosts["work1"])


def test_a_rollback_leaves_a_host_alone_that_is_there_already(project: Project, on: Any) -> None:
    both = (release(OLD), release(NEW))
    hosts = on(web1=deployed(*both), web2=deployed(*both, current=OLD))
    assert rollback(project, to="", options=Options(), listeners=()).release == OLD
    assert "switch" in steps_of(hosts["web1"])
    assert (hosts["web2"].done, isinstance(hosts["web2"].abandoned, Unchanged)) == ([], True)


def test_a_rollback_to_what_all_hosts_run_is_refused(project: Project, on: Any) -> None:
    hosts = on(web1=deployed(release(OLD)), web2=deployed(release(OLD)))
    with pytest.raises(NothingThere, match=f"{OLD} is live already"):
        rollback(project, to=OLD, options=Options(), listeners=())
    assert all(isinstance(host.abandoned, NothingThere) for host in hosts.values())


def test_a_rollback_to_what_one_host_lacks_changes_none(project: Project, on: Any) -> None:
    hosts = on(web1=deployed(release(OLD), release(NEW)), web2=deployed(release(NEW)))
    with pytest.raises(NothingThere, match=f"web2: There is no release '{OLD}'"):
        rollback(project, to=OLD, options=Options(), listeners=())
    assert [host.done for host in hosts.values()] == [[], []]


def test_a_restart_makes_each_hosts_own_release_anew_under_one_name(project: Project, on: Any) -> None:
    hosts = on(web1=deployed(release(NEW)), web2=deployed(release(NEW)))
    outcome = restart(project, Options(), ())
    assert outcome.release.endswith("-restart")
    for name, host in hosts.items():
        [receive] = [action for action in host.done if isinstance(action, Receive)]
        assert receive.entries == (entry(f"{name}.py"),)
        assert outcome.release in receive.path


def test_all_hosts_are_stopped(project: Project, on: Any) -> None:
    live = release(NEW)
    hosts = on(web1=deployed(live), web2=deployed(live))
    assert power(project, "stop", Options(), ()).status == "succeeded"
    assert {host.done == [ShutDown(live.control)] for host in hosts.values()} == {True}


def test_each_host_begins_once(project: Project, on: Any) -> None:
    on(web1=deployed(release(NEW)), web2=deployed(release(NEW)))
    heard: list[Event] = []
    power(project, "stop", Options(), (heard.append,))
    begun = [event.host for event in heard if isinstance(event, OnHost) and isinstance(event.event, Started)]
    assert sorted(begun) == ["web1", "web2"]


# what is prepared for hosts


def made(**settings: Any) -> Target:
    return target("production", HOSTS=["web1"], **settings)


def test_uv_is_the_hosts_own_else_that_of_the_tools_and_none_for_pip() -> None:
    with_uv = host_state(programs={"uv": "/usr/local/bin/uv"})
    assert preparation.uv_on(with_uv, made()) == "/usr/local/bin/uv"
    assert preparation.uv_on(host_state(), made()) == "/srv/mysite/tools/bin/uv"
    assert preparation.uv_on(with_uv, made(INSTALLER="pip")) == ""
    assert preparation.uv_on(host_state(), target()) == preparation.find_uv("auto")


def test_other_hosts_make_no_other_site_of_a_host() -> None:
    from tests.making import context

    alone = context(settings={"HOSTS": ["web1"]})
    more = context(settings={"HOSTS": ["web1", "web2"], "BATCH": 1, "SSH": {"KEEPALIVE": 2.0}})
    assert preparation.fingerprint(alone) == preparation.fingerprint(more)


def test_uv_is_looked_for_on_hosts_and_no_port_where_visitors_do_not_come() -> None:
    web = target(HOSTS=["web1", {"ADDRESS": "work1", "ROLES": ["worker"]}])
    assert preparation.look_for(preparation.target_on(web, "web1")) == {
        "control": "",
        "port": 8000,
        "programs": ("nginx", "uv"),
    }
    assert preparation.look_for(preparation.target_on(web, "work1")) == {"control": "", "port": 0, "programs": ("uv",)}
