"""The host that is none behaves as one does: its order, its errors, its way back."""

from dataclasses import dataclass

import pytest

from django_selfdeploy.core import codec, events
from django_selfdeploy.core.actions.base import Action, ActionFailed, World
from django_selfdeploy.core.actions.django import Ask
from django_selfdeploy.core.actions.files import Link, MakeFolders, Remove
from django_selfdeploy.core.agent import AgentSpec
from django_selfdeploy.core.errors import Cancelled, DeployError, HostError, MigrationFailed
from django_selfdeploy.core.events import Live
from django_selfdeploy.core.plan import Failure, Plan, Step
from django_selfdeploy.hosts.memory import DEPLOYMENT, MemoryConnection, MemoryWorld
from django_selfdeploy.hosts.nowhere import nothing_there
from tests.making import deployed, small_release

AGENT = AgentSpec(("python",), "/srv")
ABOUT = {"kind": "deploy", "target": "default", "release": "+1a2b3c4d"}


@codec.record
@dataclass(frozen=True)
class WarmUp(Action):
    """A step of a project's own."""

    url: str

    def describe(self) -> str:
        return f"warm up {self.url}"

    def do(self, world: World) -> None:
        world.learn_secrets(("token",))
        answer = world.agent(AGENT).ask("pages", {"url": self.url}, timeout=1, quiet=True)
        world.tell(f"{len(answer)} pages\n")
        world.pause(0.5)
        if world.cancelled():
            raise AssertionError
        world.note("warm")
        world.warn("slow")
        world.answers["warm"] = dict(world.blobs(("a", "b")))


def test_an_action_is_done_in_a_world_that_remembers() -> None:
    world = MemoryWorld(questions={"pages": ["/", "/a/"]}, sent={"a": b"1"})
    WarmUp("https://example.com/").do(world)
    assert (world.told, world.notes, world.warnings, world.secrets) == (["2 pages\n"], ["warm"], ["slow"], ["token"])
    assert (world.pauses, world.asked) == ([0.5], [("pages", {"url": "https://example.com/"})])
    assert (world.answers, world.deployment, world.lock_handle) == ({"warm": {"a": b"1"}}, DEPLOYMENT, None)


def test_a_world_may_be_called_off_or_have_no_answer() -> None:
    with pytest.raises(Cancelled):
        WarmUp("x").do(MemoryWorld(questions={"pages": []}, called_off=True))
    with pytest.raises(ActionFailed, match=r"^This test has no answer to 'pages'\.$"):
        WarmUp("x").do(MemoryWorld())
    with pytest.raises(ActionFailed, match="^It is down.$"):
        WarmUp("x").do(MemoryWorld(questions={"pages": ActionFailed("It is down.")}))


def plan(*steps: Step) -> Plan:
    return Plan("deploy", "default", "r1", steps)


FOLDERS = Step("stage", "make folders", (MakeFolders(("/srv/x",)),), undo=(Remove(("/srv/x",)),))
MIGRATE = Step(
    "activate",
    "migrate",
    (Ask(AGENT, "migrate"),),
    failure=Failure("MigrationFailed", "A migration fails.", "See the log."),
)
SWITCH = Step("switch", "switch", (Link("/srv/current", "r1"),), undo=(Remove(("/srv/current",)),))


def test_actions_are_remembered_and_not_done() -> None:
    host = MemoryConnection(answers={"migrate": {"note": "1 applied"}})
    assert host.carry_out(plan(FOLDERS, MIGRATE, SWITCH), url="http://x/", last=True) == {
        "migrate": {"note": "1 applied"}
    }
    assert host.done == [MakeFolders(("/srv/x",)), Ask(AGENT, "migrate"), Link("/srv/current", "r1")]
    assert host.undone == []
    statuses = [event.status for event in host.events if isinstance(event, (events.StepFinished, events.Finished))]
    assert statuses == ["done", "done", "done", "succeeded"]
    [live] = [event for event in host.events if isinstance(event, events.Live)]
    assert (live.release, live.url) == ("r1", "http://x/")


@pytest.mark.parametrize("what", ["migrate", Ask])
def test_it_fails_where_it_is_told_to_and_takes_back_what_it_did(what: str | type[Action]) -> None:
    host = MemoryConnection(answers={"migrate": {}})
    host.fail_at(what, ActionFailed("The table is locked."))
    with pytest.raises(MigrationFailed) as caught:
        host.carry_out(plan(FOLDERS, MIGRATE, SWITCH))
    assert str(caught.value) == "A migration fails. The table is locked.\nSee the log."
    assert (host.done, host.undone) == ([MakeFolders(("/srv/x",))], [Remove(("/srv/x",))])


def test_it_fails_with_any_error_and_in_the_way_back_too() -> None:
    host = MemoryConnection(answers={"migrate": {}})
    host.fail_at(Link, OSError(28, "No space left on device"))
    host.fail_at(Remove)
    with pytest.raises(HostError, match="'switch' failed: No space left on device"):
        host.carry_out(plan(FOLDERS, SWITCH))
    assert host.undone == []
    warned = [event.text for event in host.events if isinstance(event, events.Warned)]
    assert warned == [
        "Taking back 'switch' failed: This test lets it fail.",
        "Taking back 'make folders' failed: This test lets it fail.",
    ]


def test_a_question_without_an_answer_fails_its_step() -> None:
    with pytest.raises(MigrationFailed, match="This test has no answer to 'migrate'"):
        MemoryConnection().carry_out(plan(MIGRATE))
    failing = MemoryConnection(answers={"migrate": ActionFailed("It is down.")})
    with pytest.raises(MigrationFailed, match="It is down"):
        failing.carry_out(plan(MIGRATE))


def test_an_action_that_could_not_travel_is_refused() -> None:
    @dataclass(frozen=True)
    class Forgotten(Action):
        def describe(self) -> str:
            return "forgotten"

    with pytest.raises(ValueError, match="'Forgotten' is not a known record"):
        MemoryConnection().carry_out(plan(Step("stage", "x", (Forgotten(),))))


def test_it_is_opened_with_or_without_a_lock() -> None:
    state = deployed(small_release("r0"))
    host = MemoryConnection(state)
    assert (host.open("/srv/mysite", look={}), host.deployment, host.events) == (state, "", [])
    assert host.open("/srv/mysite", look={}, about=ABOUT, secrets=("hunter2-hunter2",)) == state
    assert (host.deployment, host.release, host.about) == (DEPLOYMENT, "20260101-000000-1a2b3c4d", ABOUT)
    assert host.events == [events.Started(DEPLOYMENT, "deploy", "default", "20260101-000000-1a2b3c4d")]
    host.fail_at(Ask, ActionFailed("password hunter2-hunter2"))
    with pytest.raises(MigrationFailed, match=r"A migration fails\. password \*{8}\n"):
        host.carry_out(plan(MIGRATE))


def test_it_is_given_up() -> None:
    host = MemoryConnection()
    host.open("/srv/mysite", look={}, about=ABOUT)
    host.carry_out(plan(FOLDERS))
    reason = HostError("Port 8000 is taken.", hint="Stop it.")
    host.abandon(reason)
    assert host.undone == [Remove(("/srv/x",))]
    assert isinstance(host.abandoned, HostError)
    assert (host.abandoned.message, host.abandoned.hint, host.abandoned.exit_code) == (
        "Port 8000 is taken.",
        "Stop it.",
        4,
    )
    assert isinstance(host.events[-1], events.Finished)
    assert host.events[-1].status == "failed"


def test_it_is_called_off() -> None:
    host = MemoryConnection()
    host.listeners.append(lambda event: host.call_off() if isinstance(event, events.StepStarted) else None)
    with pytest.raises(Cancelled):
        host.carry_out(plan(FOLDERS))
    assert host.done == []


def test_a_listener_hears_what_is_told() -> None:
    host = MemoryConnection()
    heard: list[events.Event] = []
    host.listeners.append(heard.append)
    host.tell(events.Warned("a"))
    assert heard == host.events == [events.Warned("a")]


def test_where_only_an_event_is_waited_for_there_are_no_answers() -> None:
    assert MemoryConnection(answers={"migrate": {}}).carry_out(plan(MIGRATE, SWITCH), until=Live) == {}


def test_what_is_asked_besides_has_configured_replies() -> None:
    bare = MemoryConnection()
    assert (bare.holder(), bare.stories(3), bare.status(look={}, deployments=1), bare.manifest("r")) == (
        None,
        [],
        {},
        (),
    )
    assert bare.logs((), {}, lines=1) == {"logs": {}, "known": []}
    host = MemoryConnection(replies={"holder": {"kind": "deploy"}, "story": [{"id": "1"}]})
    assert (host.holder(kill=True), host.stories(1), host.round_trips) == ({"kind": "deploy"}, [{"id": "1"}], 2)


def test_nothing_is_on_a_host_where_nothing_is() -> None:
    state = nothing_there("/srv/x")
    assert (state.root, state.exists, state.live, state.complete, state.programs) == (
        "/srv/x",
        False,
        None,
        (),
        {"nginx": "/usr/sbin/nginx"},
    )


def test_an_error_of_a_plan_is_one_of_ours() -> None:
    host = MemoryConnection()
    host.fail_at("make", KeyError("nobody foresaw"))
    with pytest.raises(DeployError, match="in a way that nobody foresaw: KeyError"):
        host.carry_out(plan(FOLDERS))
