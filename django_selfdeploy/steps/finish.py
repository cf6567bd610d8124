"""Steps after the confirmation: nothing here is taken back, a failure is a warning."""

from __future__ import annotations

from ..context import Context
from ..core import going_live
from ..core.actions.files import Remove, SweepStatic
from ..core.boot import StartAtBoot
from ..core.plan import Phase, Step
from .activate import release


def stop_previous(context: Context) -> Step:
    return going_live.stop_previous(context.layout, release(context), context.state.live)


def prune(context: Context) -> Step:
    """Remove what is superseded: never the new release, never the one to go back to."""
    layout, state = context.layout, context.state
    kept = kept_releases(context)
    doomed = [known.id for known in state.releases if known.release and known.id not in kept]
    used = {r.env for r in state.complete if r.id in kept} | {context.env_key}
    paths = [layout.release(identity) for identity in doomed]
    paths += [layout.release_log(identity) for identity in doomed]
    paths += [layout.env(key) for key in state.envs if key not in used]
    public = tuple(f"{layout.release(identity)}/public" for identity in kept)
    actions = (Remove(tuple(paths)), SweepStatic(layout.old_static, public)) if paths else ()
    return Step(Phase.FINISH.value, "remove old releases", actions)


def kept_releases(context: Context) -> tuple[str, ...]:
    """The new one, the live one, and the newest others up to `keep` in all; good ones before bad ones."""
    state = context.state
    first = [context.release, *([state.current] if state.live else [])]
    others = [known for known in reversed(state.releases) if known.release and known.id not in first]
    good = [known.id for known in others if not known.bad] + [known.id for known in others if known.bad]
    return tuple((first + good)[: max(context.target.keep, len(first))])


def start_at_boot(context: Context) -> Step:
    state, target = context.state, context.target
    wanted = target.start_at_boot and state.boot and not state.boot_installed
    own = target.process_manager.control(context).own
    actions = (StartAtBoot(context.layout.root, state.boot),) if wanted and own else ()
    return Step(Phase.FINISH.value, "start again after a reboot", actions)
