"""Steps after the confirmation: nothing here is taken back, a failure is told and stops no other step."""

from __future__ import annotations

from ..context import Context
from ..core import going_live, window
from ..core.actions.base import Action
from ..core.actions.django import ExpectGone
from ..core.actions.files import Remove
from ..core.actions.front import RotateLogs
from ..core.actions.static import SweepStatic
from ..core.actions.variables import KeepVariables
from ..core.boot import StartAtBoot
from ..core.plan import Failure, Phase, Step
from ..core.release import UNMIGRATED
from . import databases
from .activate import applying, mine, release

MISSING = Failure(
    "MigrationMissing",
    "The new release is live, and a migration that waited for the end of the old code is missing.",
    "The site works without it. Mend it, and deploy again: what is missing is applied then.",
)


def reopen(context: Context) -> tuple[Step, ...]:
    """The end of the window, once the new release was watched."""
    return (window.reopen(context.layout),) if context.is_closed else ()


def contract(context: Context) -> Step:
    """Migrations that the old code could not have lived with."""
    after = mine(context, context.schedule.after)
    there = Remove((f"{context.folder}/{UNMIGRATED}",))
    return Step(
        (Phase.CONTRACT if context.leads else Phase.TIDY).value,
        "migrate what the old code needed",
        (*_gone(context), *applying(context, after), there) if after else (),
        failure=MISSING,
    )


def expect_gone(context: Context) -> Step:
    """On every host that does not lead: none of them may run what the late migrations of the one that leads break."""
    elsewhere = context.schedule.after and not context.leads
    return Step(
        Phase.FINISH.value, "see that the old code is gone", _gone(context) if elsewhere else (), failure=MISSING
    )


def _gone(context: Context) -> tuple[Action, ...]:
    previous = context.previous
    return (ExpectGone(previous.control.socket, previous.groups),) if previous else ()


def stop_previous(context: Context) -> Step:
    """In a window it was stopped before."""
    if context.is_closed:
        return Step(Phase.FINISH.value, "drain and stop the previous release", ())
    return going_live.stop_previous(context.layout, release(context), context.previous)


def tidy_up(context: Context) -> Step:
    """Keep what is known of the variables and migrations that are live now, and remove what is superseded: never the
    release to go back to.
    """
    variables = KeepVariables(f"{context.project}/.env", context.layout.variables)
    kept: tuple[Action, ...] = () if context.variables is None else (variables,)
    actions = (*databases.remember_again(context), *kept, *_superseded(context), *_rotation(context))
    return Step(Phase.TIDY.value, "tidy up", actions)


def _rotation(context: Context) -> tuple[Action, ...]:
    front = release(context).front
    logs = (f"{context.layout.log}/access.log", front.log)
    control = release(context).control
    return (RotateLogs(front, control.socket, logs),) if front.own and control.own else ()


def _superseded(context: Context) -> tuple[Action, ...]:
    layout, state = context.layout, context.state
    kept = kept_releases(context)
    doomed = [known.id for known in state.releases if known.release and known.id not in kept]
    used = {r.env for r in state.complete if r.id in kept} | {context.env_key}
    paths = [layout.release(identity) for identity in doomed]
    paths += [layout.release_log(identity) for identity in doomed]
    paths += [layout.env(key) for key in state.envs if key not in used]
    public = tuple(f"{layout.release(identity)}/public" for identity in kept)
    removal = (Remove(tuple(paths)),) if paths else ()
    return (*removal, SweepStatic(layout.old_static, public)) if context.state.exists else removal


def kept_releases(context: Context) -> tuple[str, ...]:
    """The new one, the live one, and the newest others up to `keep` in all; good ones before bad ones."""
    state = context.state
    first = [context.release, *([context.previous.id] if context.previous else [])]
    others = [known for known in reversed(state.releases) if known.release and known.id not in first]
    good = [known.id for known in others if not known.bad] + [known.id for known in others if known.bad]
    return tuple((first + good)[: max(context.target.keep, len(first))])


def start_at_boot(context: Context) -> Step:
    state, target = context.state, context.target
    wanted = target.start_at_boot and state.boot and not state.boot_installed
    own = target.process_manager.control(context.layout).own
    actions = (StartAtBoot(context.layout.root, state.boot),) if wanted and own else ()
    return Step(Phase.TIDY.value, "start again after a reboot", actions)
