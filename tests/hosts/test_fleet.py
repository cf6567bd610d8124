"""Hosts in pace: what is told, in which order things are done, and what one host's failure means for the others."""

import threading
from typing import Any

import pytest

from django_selfdeploy.core.actions.base import ActionFailed
from django_selfdeploy.core.actions.processes import Say
from django_selfdeploy.core.errors import DeployError, HostError, NotReady, RunnerLost
from django_selfdeploy.core.events import Event, Live, StepFinished, Warned
from django_selfdeploy.core.plan import Failure, Plan, Step
from django_selfdeploy.hosts.fleet import Failed, Fleet, told_of
from django_selfdeploy.hosts.memory import MemoryConnection
from django_selfdeploy.hosts.news import OnHost, Planned

PHASES = ("stage", "test", "activate", "migrate", "start", "switch", "confirm", "finish")
FAILURE = Failure("NotReady", "It does not work.")


def step(phase: str) -> Step:
    return Step(phase, phase, (Say(f"do {phase}"),), undo=(Say(f"revert {phase}"),), failure=FAILURE)


PLAN = Plan("deploy", "production", "r2", tuple(map(step, PHASES)))


def made(*names: str, **more: Any) -> tuple[Fleet, dict[str, MemoryConnection]]:
    hosts = {name: MemoryConnection() for name in names}
    fleet = Fleet(dict(hosts), **more)
    for host in hosts.values():
        host.open("/srv/mysite", look={}, about={"kind": "deploy", "release": "r2"})
    return fleet, hosts


def carried_out(fleet: Fleet, **more: Any) -> list[Event]:
    heard: list[Event] = []
    fleet.listeners.append(heard.append)
    fleet.carry_out(dict.fromkeys(fleet.names, PLAN), lambda name: {}, last=True, **more)
    return heard


def done(host: MemoryConnection) -> list[str]:
    return [action.text for action in host.done if isinstance(action, Say)]


def undone(host: MemoryConnection) -> list[str]:
    return [action.text for action in host.undone if isinstance(action, Say)]


def finished(heard: list[Event]) -> list[tuple[str, str]]:
    """Which host finished which step, in order."""
    events = (event for event in heard if isinstance(event, OnHost) and isinstance(event.event, StepFinished))
    return [(event.host, event.event.name) for event in events]  # type: ignore[attr-defined]


def test_one_host_gets_its_plan_whole_and_is_heard_as_it_is() -> None:
    fleet, hosts = made("web1")
    heard = carried_out(fleet)
    assert hosts["web1"].round_trips == 2
    assert not any(isinstance(event, (OnHost, Planned)) for event in heard)
    assert done(hosts["web1"]) == [f"do {phase}" for phase in PHASES]


def test_what_is_done_once_is_done_on_the_host_that_leads() -> None:
    fleet, hosts = made("web1", "web2", "db", lead="db")
    carried_out(fleet)
    assert done(hosts["db"]) == [f"do {phase}" for phase in PHASES]
    assert done(hosts["web1"]) == [f"do {phase}" for phase in PHASES if phase not in ("test", "migrate")]


def test_no_host_begins_a_phase_before_all_are_through_the_one_before() -> None:
    fleet, _ = made("web1", "web2", "web3")
    together = {"confirm": "switch"}  # a batch is confirmed before the next one switches
    order = [PHASES.index(together.get(name, name)) for _, name in finished(carried_out(fleet))]
    assert order == sorted(order)


def test_hosts_switch_in_batches_and_are_confirmed_before_the_next() -> None:
    fleet, _ = made("a", "b", "c", batches=lambda names: (names[:2], names[2:]))
    switching = [(host, name) for host, name in finished(carried_out(fleet)) if name in ("switch", "confirm")]
    assert set(switching[:4]) == {(host, name) for host in "ab" for name in ("switch", "confirm")}
    assert switching[4:] == [("c", "switch"), ("c", "confirm")]
    assert fleet.switched == {"a", "b", "c"}


def test_it_is_told_what_follows_and_where() -> None:
    fleet, _ = made("web1", "web2")
    planned = [event for event in carried_out(fleet) if isinstance(event, Planned)]
    both = ("web1", "web2")
    assert [event.steps for event in planned] == [
        (("stage", both),),
        (("test", ("web1",)),),
        (("activate", both),),
        (("migrate", ("web1",)),),
        (("start", both),),
        (("switch", both), ("confirm", both)),
        (("finish", both),),
    ]


def test_nobody_waits_for_what_no_host_does() -> None:
    fleet, hosts = made("web1", "web2")
    steps = tuple(step(phase) for phase in PHASES if phase not in ("test", "migrate"))
    heard: list[Event] = []
    fleet.listeners.append(heard.append)
    plan = Plan("deploy", "production", "r2", steps)
    fleet.carry_out(dict.fromkeys(fleet.names, plan), lambda name: {}, last=True)
    planned = [[name for name, _ in event.steps] for event in heard if isinstance(event, Planned)]
    assert planned == [["stage", "activate", "start"], ["switch", "confirm"], ["finish"]]
    assert {host.round_trips for host in hosts.values()} == {4}


@pytest.mark.parametrize("phase", ["stage", "start", "confirm"])
def test_what_fails_on_one_host_is_taken_back_on_all(phase: str) -> None:
    fleet, hosts = made("web1", "web2", "web3")
    hosts["web2"].fail_at(f"do {phase}", ActionFailed("GET / got 500."))
    with pytest.raises(NotReady) as caught:
        carried_out(fleet)
    assert caught.value.message == "web2: It does not work. GET / got 500."
    fleet.abandon(caught.value)
    until_failure = PHASES[: PHASES.index(phase) + 1]
    for name, host in hosts.items():
        own = [p for p in until_failure if name == "web1" or p not in ("test", "migrate")]
        assert undone(host)[-len(own) :] == [f"revert {p}" for p in reversed(own)]
    assert [host.abandoned is not None for host in hosts.values()] == [True, True, True]


def test_hosts_that_are_still_at_work_are_called_off() -> None:
    fleet, hosts = made("web1", "web2")
    called = threading.Event()
    hosts["web2"].call_off = called.set  # type: ignore[method-assign]

    def call(name: str, connection: Any) -> None:
        if name == "web1":
            raise HostError("No room.")
        assert called.wait(20)

    with pytest.raises(HostError, match="web1: No room"):
        fleet.each(call)


def test_a_host_that_is_lost_at_the_end_is_remembered_and_stops_nobody() -> None:
    fleet, hosts = made("web1", "web2")
    whole = hosts["web2"].carry_out

    def lost(plan: Plan, **more: Any) -> dict[str, Any]:
        if more.get("last"):
            raise RunnerLost("The connection was lost.")
        return whole(plan, **more)

    hosts["web2"].carry_out = lost  # type: ignore[method-assign]
    carried_out(fleet)
    assert (set(fleet.lost), done(hosts["web1"])[-1]) == ({"web2"}, "do finish")


def test_listeners_hear_in_the_thread_that_asks_and_a_host_by_its_name() -> None:
    fleet, _ = made("web1", "web2")
    heard: list[tuple[int, Event]] = []
    fleet.listeners.append(lambda event: heard.append((threading.get_ident(), event)))
    fleet.each(lambda name, connection: connection.tell(Warned(name)))
    assert {ident for ident, _ in heard} == {threading.get_ident()}
    assert {event for _, event in heard} == {OnHost(name, Warned(name)) for name in ("web1", "web2")}


def test_nobody_stops_where_every_answer_counts() -> None:
    fleet, _ = made("web1", "web2")

    def call(name: str, connection: Any) -> str:
        if name == "web1":
            raise HostError("No room.")
        return name

    answers, errors = fleet.try_each(call)
    assert (answers, {name: error.message for name, error in errors.items()}) == (
        {"web2": "web2"},
        {"web1": "No room."},
    )


def test_without_waiting_all_hosts_are_live_and_the_rest_is_left_to_them() -> None:
    fleet, hosts = made("web1", "web2")
    carried_out(fleet, wait=False)
    assert all(any(isinstance(event, Live) for event in host.events) for host in hosts.values())


def test_bytes_are_read_by_one_host_at_a_time() -> None:
    fleet, hosts = made("web1", "web2")
    reading = threading.Semaphore(1)

    def source(wanted: Any) -> Any:
        assert reading.acquire(blocking=False)
        yield from ((blob, b"") for blob in wanted)
        reading.release()

    fleet.give(source)
    given = fleet.each(lambda name, connection: list(connection.source(("a", "b"))))
    assert given == {name: [("a", b""), ("b", b"")] for name in hosts}


def test_the_fewer_hosts_of_a_fleet_are_still_told_apart() -> None:
    fleet, _ = made("web1", "web2", lead="web2")
    fewer = fleet.narrowed(["web1"])
    assert (fewer.names, fewer.lead, fewer.several) == (("web1",), "web1", True)
    heard: list[Event] = []
    fewer.listeners.append(heard.append)
    fewer.each(lambda name, connection: connection.tell(Warned("!")))
    assert heard == [OnHost("web1", Warned("!"))]


def test_the_error_that_counts_is_the_first_that_is_not_the_end_of_another() -> None:
    from django_selfdeploy.core.errors import Cancelled

    error: DeployError = HostError("No room.", hint="Make room.")
    failed = [Failed("web1", Cancelled("Called off.")), Failed("web2", error)]
    found = told_of(failed, several=True)
    assert (type(found), found.message, found.hint, found.exit_code) == (
        HostError,
        "web2: No room.",
        "Make room.",
        4,
    )
    assert told_of([Failed("", error)], several=False) is error
