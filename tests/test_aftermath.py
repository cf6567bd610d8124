"""What is told of hosts after one was lost: who runs what, who does not answer, and what to do about it."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy import aftermath
from django_selfdeploy.aftermath import confirm, told
from django_selfdeploy.core.errors import DeployError, HostError, RunnerLost, SwitchedBack
from django_selfdeploy.core.events import Event, Finished, Remarked, Warned
from django_selfdeploy.core.state import HostState
from django_selfdeploy.hosts.fleet import Fleet
from django_selfdeploy.hosts.memory import MemoryConnection
from django_selfdeploy.hosts.news import OnHost
from django_selfdeploy.options import Project
from tests.making import NEW, OLD, deployed, host_state, release, target

BEFORE, AFTER = deployed(release(OLD)), deployed(release(OLD), release(NEW))
LOST = RunnerLost("web2: The connection was lost.", hint="Wait.")
SILENT = HostError("web2 cannot be reached.")
PROJECT = Project(Path("/site"), target(HOSTS=["web1", "web2", "web3"]))
Found = MemoryConnection | DeployError


class Clock:
    """Stands in for the module time: sleeping takes no time, and moves it on."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(aftermath, "time", made)
    return made


@pytest.fixture
def anew(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[str, ...]]]:
    """Sets what is found when a lost host is reached again, try by try; the names that were asked are kept."""

    def finding(**tries: list[Found]) -> list[tuple[str, ...]]:
        asked: list[tuple[str, ...]] = []

        @contextlib.contextmanager
        def reached(project: Project) -> Iterator[dict[str, Any]]:
            asked.append(project.hosts)
            yield {name: tries[name].pop(0) if len(tries[name]) > 1 else tries[name][0] for name in project.hosts}

        monkeypatch.setattr(aftermath, "reached", reached)
        return asked

    return finding


def fleet(lost: tuple[str, ...] = (), switched: tuple[str, ...] = (), **states: HostState) -> tuple[Fleet, list[Event]]:
    made = Fleet({name: MemoryConnection(state) for name, state in states.items()})
    made.lost, made.switched = dict.fromkeys(lost, LOST), set(switched)
    heard: list[Event] = []
    made.listeners.append(heard.append)
    return made, heard


def states(*names: str) -> dict[str, HostState]:
    return dict.fromkeys(names, BEFORE)


def test_an_error_before_any_switch_needs_no_look() -> None:
    error = HostError("web1: No room.")
    made, _ = fleet(web1=BEFORE, web2=BEFORE)
    assert told(PROJECT, made, states("web1", "web2"), error) is error


def test_where_all_hosts_are_as_they_were_the_error_says_enough() -> None:
    error = SwitchedBack("web2: It failed.")
    made, heard = fleet(switched=("web1",), web1=BEFORE, web2=BEFORE)
    assert told(PROJECT, made, states("web1", "web2"), error) is error
    assert heard == []


def test_a_lost_host_that_took_back_by_itself_is_as_it_was(anew: Any, clock: Clock) -> None:
    busy = MemoryConnection(AFTER, replies={"holder": {"pid": 1}})
    asked = anew(web2=[SILENT, busy, MemoryConnection(BEFORE)])
    made, heard = fleet(("web2",), ("web1",), web1=BEFORE, web2=AFTER)
    found = told(PROJECT, made, states("web1", "web2"), LOST)
    assert found.message == f"web2: The connection was lost. All hosts run {OLD}, as before."
    assert (type(found), found.hint, found.exit_code) == (RunnerLost, "Deploy again.", 13)
    assert (asked, clock.now) == ([("web2",)] * 3, 2 * aftermath.POLL)
    assert heard == [Warned("Looking what became of web2, which may take a while.")]


def test_a_host_that_does_not_answer_is_told_of(anew: Any, clock: Clock) -> None:
    anew(web2=[SILENT])
    made, _ = fleet(("web2",), ("web1",), web1=BEFORE, web2=AFTER, web3=BEFORE)
    found = told(PROJECT, made, states("web1", "web2", "web3"), LOST)
    assert (type(found), found.exit_code) == (RunnerLost, 13)
    assert found.message == f"web2: The connection was lost. web1, web3 run {OLD}; web2 does not answer."
    assert found.hint == "Wait. Once web2 can be reached, the next `deploy` brings all hosts to one release."
    assert clock.now >= PROJECT.target.ssh.silence + aftermath.PATIENCE


def test_hosts_that_run_different_releases_are_told_of(anew: Any) -> None:
    anew(web2=[MemoryConnection(AFTER)])
    made, _ = fleet(("web2",), ("web1", "web2"), web1=BEFORE, web2=BEFORE, web3=host_state())
    found = told(PROJECT, made, states("web1", "web2", "web3"), LOST)
    assert found.message.endswith(f" web1 runs {OLD}; web2 runs {NEW}; web3 runs nothing.")
    assert found.hint == "Wait. The next `deploy` brings all hosts to one release."


def test_the_exit_code_stays_that_of_the_error(anew: Any) -> None:
    anew(web2=[SILENT], web3=[SILENT])
    error = DeployError("web1: Odd.")
    error.exit_code = 42
    made, _ = fleet(("web2", "web3"), ("web1",), web1=BEFORE, web2=BEFORE, web3=BEFORE)
    found = told(PROJECT, made, states("web1", "web2", "web3"), error)
    assert (found.exit_code, found.message) == (42, f"web1: Odd. web1 runs {OLD}; web2, web3 do not answer.")


def test_an_only_host_is_told_of_by_its_own_error() -> None:
    made, _ = fleet(("web1",), ("web1",), web1=BEFORE)
    assert told(PROJECT, made, states("web1"), LOST) is LOST


def test_hosts_that_were_lost_at_the_end_and_finished_are_a_remark(anew: Any) -> None:
    anew(web2=[MemoryConnection(AFTER)])
    made, heard = fleet(("web2",), ("web1", "web2"), web1=AFTER, web2=AFTER)
    confirm(PROJECT, made)
    assert heard[1:] == [
        OnHost("web2", Finished("succeeded", 0.0)),
        Remarked(f"The connection to web2 was lost at the end; {NEW} is live there."),
    ]


@pytest.mark.parametrize(
    ("there", "clause"), [(MemoryConnection(BEFORE), f"web2 runs {OLD}"), (SILENT, "web2 does not answer")]
)
def test_hosts_that_were_lost_at_the_end_and_did_not_finish_are_an_error(anew: Any, there: Found, clause: str) -> None:
    anew(web2=[there])
    made, _ = fleet(("web2",), ("web1", "web2"), web1=AFTER, web2=AFTER)
    with pytest.raises(RunnerLost) as caught:
        confirm(PROJECT, made)
    assert caught.value.message == f"web2: The connection was lost. web1 runs {NEW}; {clause}."


def test_where_nobody_was_lost_nobody_is_asked() -> None:
    made, heard = fleet(web1=AFTER, web2=AFTER)
    confirm(PROJECT, made)
    assert (heard, [c.round_trips for c in made.connections.values()]) == ([], [0, 0])
