"""The steps around a window for maintenance: nobody is served, and no old code runs. Pure: records in, steps out."""

from __future__ import annotations

from .actions.base import Action
from .actions.files import Remove
from .actions.web import AwaitReady, Drain
from .actions.window import CloseSite
from .agent import AgentSpec
from .going_live import start_release, stop_release
from .layout import Layout
from .plan import Failure, Phase, Step
from .release import Release

OLDER = "Where the release before is of an older version, deploy once without --maintenance."


def close(layout: Layout, previous: Release, *, key: str, agent: AgentSpec, hint: str = OLDER) -> Step:
    """Visitors get a page and 503 from here on, by the front server of the release before."""
    closing = CloseSite(layout.window, key, agent, previous.front, previous.probe)
    return Step(
        Phase.CLOSE.value,
        "close the site",
        (closing,) if previous.serves else (),
        undo=(Remove((layout.window,)),),
        failure=Failure(
            "HostError",
            "The site cannot be closed.",
            hint,
        ),
    )


def stop_for_window(layout: Layout, previous: Release) -> Step:
    """The old processes finish what they have begun and end; a failure starts them again."""
    serving = tuple(program.group for program in previous.programs if program.serves)
    back: tuple[Action, ...] = start_release(layout, previous)
    if serving:
        control = previous.control.socket
        back += (AwaitReady(layout.socket(previous.id), previous.probe, previous.id, control, serving),)
    return Step(
        Phase.CLOSE.value,
        "drain and stop the live release",
        (Drain(layout.socket(previous.id), previous.drain_seconds), stop_release(previous)),
        undo=back,
    )


def reopen(layout: Layout) -> Step:
    """One rename lets everybody in."""
    return Step(Phase.REOPEN.value, "open the site again", (Remove((layout.window,)),))
