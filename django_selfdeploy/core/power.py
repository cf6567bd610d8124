"""The steps that stop a site and start it again."""

from __future__ import annotations

from .actions.base import Action
from .actions.files import Remove
from .actions.programs import ForgetOthers, ShutDown, StartSupervisor
from .actions.web import AwaitReady, SmokeTest
from .going_live import serve_front, start_release, stop_release
from .layout import Layout
from .plan import Failure, Phase, Step
from .recovery import recover
from .release import Release
from .state import HostState


def stopping(layout: Layout, live: Release, state: HostState | None = None) -> tuple[Step, ...]:
    """The live release's processes, then, where they are ours alone, front server and supervisord."""
    actions = (ShutDown(live.control),) if live.control.own else (stop_release(live),)
    return (Step(Phase.CONFIRM.value, "stop the site", actions),)


def starting_processes(layout: Layout, live: Release) -> tuple[Action, ...]:
    """The supervisord, with the programs of no other release, and the live one's."""
    forget = ForgetOthers(live.control, layout.releases, live.id)
    return (forget, StartSupervisor(live.control), *start_release(layout, live))


def starting_again(layout: Layout, live: Release, state: HostState) -> tuple[Step, ...]:
    """What an interrupted deployment left is cleared first: its workers must not run beside those that start."""
    return (recover(layout, state), *starting(layout, live))


def starting(layout: Layout, live: Release) -> tuple[Step, ...]:
    """What `stopping` stopped; what runs already is left alone."""
    serving = tuple(program.group for program in live.programs if program.serves)
    start = starting_processes(layout, live)
    smoke: tuple[Action, ...] = ()
    if live.serves:
        start += (AwaitReady(layout.socket(live.id), live.probe, live.id, live.control.socket, serving),)
        smoke = (SmokeTest(live.front, live.probe, live.id),)
    failure = Failure("NotReady", "The live release does not start.", "Read its log with `deploy_logs`.")
    return (
        Step(Phase.START.value, "start the processes", start, failure=failure),
        Step(
            Phase.SWITCH.value,
            "start the front server",
            (*serve_front(layout, live), Remove((layout.window,))) if live.serves else (),
            failure=failure,
        ),
        Step(Phase.CONFIRM.value, "smoke test", smoke, failure=failure),
    )
