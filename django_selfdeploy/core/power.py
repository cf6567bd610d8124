"""The steps that stop a site and start it again."""

from __future__ import annotations

from .actions.base import Action
from .actions.files import Remove
from .actions.programs import ShutDown, StartPrograms, StartSupervisor, StopPrograms
from .actions.web import AwaitReady, SmokeTest
from .going_live import link_of, patience, serve_front
from .layout import Layout
from .plan import Failure, Phase, Step
from .release import Release


def stopping(layout: Layout, live: Release) -> tuple[Step, ...]:
    """The live release's processes, then, where they are ours alone, front server and supervisord."""
    stop = StopPrograms(live.control.socket, link_of(live), live.groups, patience(live))
    actions = (ShutDown(live.control),) if live.control.own else (stop,)
    return (Step(Phase.CONFIRM.value, "stop the site", actions),)


def starting(layout: Layout, live: Release) -> tuple[Step, ...]:
    """What `stopping` stopped; what runs already is left alone."""
    conf = f"{layout.release(live.id)}/etc/supervisor.conf"
    serving = tuple(program.group for program in live.programs if program.serves)
    start: tuple[Action, ...] = (
        StartSupervisor(live.control),
        StartPrograms(live.control.socket, link_of(live), conf, live.groups),
    )
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
