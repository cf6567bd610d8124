"""A restore: while the site is closed, once for all hosts, and taken back when anything of it fails."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from django_selfdeploy.core.actions.base import ActionFailed
from django_selfdeploy.core.actions.programs import StartPrograms, StopPrograms
from django_selfdeploy.core.actions.restore import PutBack, Restore
from django_selfdeploy.core.actions.window import CloseSite
from django_selfdeploy.core.agent import AgentSpec
from django_selfdeploy.core.errors import DeployError
from django_selfdeploy.core.plan import Phase, Plan
from django_selfdeploy.core.state import HostState
from django_selfdeploy.hosts.memory import MemoryConnection
from django_selfdeploy.steps.restoring import Wanted, restore_plan
from tests.making import LAYOUT, OLD, deployed, host_state, release, target

AGENT = AgentSpec(("python",), "/srv/mysite")
WANTED = Wanted("20261122-101112", "/mnt/kept/mysite", media=True, save=True, key="5d" * 16)
CLOSED = ["close the site", "drain and stop the live release"]
ASKED = ("verify_backup", "backup", "migrate_all", "remember_migrations")
OPENED = ["start the processes", "smoke test", "open the site again"]


def planned(state: HostState, **changes: Any) -> Plan:
    return restore_plan(target(), LAYOUT, state, release(), AGENT, replace(WANTED, **changes))


def names(plan: Plan) -> list[str]:
    return [step.name for step in plan.steps]


def test_the_site_is_closed_before_anything_is_touched_and_opened_last() -> None:
    plan = planned(deployed(release()))
    assert names(plan) == ["check the backup", "back up the databases", *CLOSED, "restore the backup", *OPENED]
    assert [step.stretch for step in plan.steps] == sorted(
        (step.stretch for step in plan.steps), key=tuple(Phase).index
    )
    assert names(planned(deployed(release()), save=False))[:2] == ["check the backup", "close the site"]


def test_a_site_that_is_stopped_stays_so() -> None:
    stopped = replace(deployed(release()), processes=None)
    assert names(planned(stopped)) == ["check the backup", "back up the databases", "restore the backup"]


def test_a_site_that_another_run_left_closed_is_opened() -> None:
    left = replace(deployed(release()), processes=None, leftovers=(LAYOUT.window,))
    assert names(planned(left))[-1] == "open the site again"


@pytest.mark.parametrize("step", [Restore, StartPrograms, "GET /"])
def test_whatever_fails_the_data_are_put_back_before_the_processes_start(step: Any) -> None:
    host = MemoryConnection(deployed(release()), answers={key: {} for key in ASKED})
    host.open("/srv/mysite", look={}, about={"kind": "restore", "release": OLD})
    host.fail_at(step)
    with pytest.raises(DeployError):
        host.carry_out(planned(deployed(release())), last=True)
    undone = [type(action) for action in host.undone]
    assert undone.index(PutBack) < (undone.index(StartPrograms) if StartPrograms in undone else len(undone))
    assert any(isinstance(action, CloseSite) for action in host.done)
    assert any(isinstance(action, StopPrograms) for action in host.done)


class World:
    """One whose agent answers a restore with what it is given; it remembers what it was asked for."""

    def __init__(self, answer: dict[str, Any], **answers: Any) -> None:
        self.answers, self.asked, self.warned = answers, list[dict[str, Any]](), list[str]()
        self._answer = answer

    def agent(self, spec: AgentSpec) -> Any:
        return SimpleNamespace(ask=self._ask)

    def _ask(self, question: str, arguments: dict[str, Any], **_: Any) -> dict[str, Any]:
        self.asked.append(arguments)
        return self._answer

    def note(self, text: str) -> None: ...

    def warn(self, text: str) -> None:
        self.warned.append(text)


SAVED = {"id": "20261122-120000", "folder": "/srv/mysite/backups/20261122-120000"}
FINE: dict[str, Any] = {"touched": ["default"], "media": False, "failure": "", "note": ""}


def put_back(restored: dict[str, Any] | None, saved: dict[str, Any] = SAVED) -> World:
    world = World(FINE, backup=saved, **({} if restored is None else {"restore": restored}))
    PutBack(AGENT).do(world)  # type: ignore[arg-type]
    return world


@pytest.mark.parametrize("restored", [None, {**FINE, "touched": []}])
def test_where_nothing_was_touched_nothing_is_put_back(restored: Any) -> None:
    assert put_back(restored).asked == []


@pytest.mark.parametrize(("restored", "aliases"), [(FINE, ["default"]), ({"media": False}, None)])
def test_what_was_touched_is_put_back_and_all_where_nobody_knows(restored: Any, aliases: Any) -> None:
    asked = {"folder": "/srv/mysite/backups", "identity": SAVED["id"], "media": False, "aliases": aliases}
    assert put_back(restored).asked == [asked]


def test_without_a_backup_it_is_told_that_nothing_can_be_put_back() -> None:
    assert put_back(FINE, {"id": ""}).warned == ["There is no backup of what was there before the restore."]


def test_a_restore_that_fails_leaves_what_it_touched_for_the_way_back() -> None:
    world = World({**FINE, "failure": "The disk is full."})
    with pytest.raises(ActionFailed, match="The disk is full"):
        Restore(AGENT, "/mnt/kept", "20261122-101112", media=False).do(world)  # type: ignore[arg-type]
    assert world.answers["restore"]["touched"] == ["default"]


def test_on_many_hosts_the_data_are_one_hosts_business() -> None:
    once = {step.name for step in planned(host_state()).steps if step.stretch.pace.name == "ONCE"}
    assert once == {"check the backup", "back up the databases", "restore the backup"}
