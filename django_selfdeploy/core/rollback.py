"""Going back to an older release: another plan from the same steps. It deletes nothing."""

from __future__ import annotations

from .actions.files import Remove, Write
from .errors import DeployError, NothingThere
from .events import Finished
from .executor import Executor
from .going_live import going_live, stop_previous
from .journal import SUCCEEDED, Journal
from .layout import Layout
from .plan import Phase, Plan, Step
from .recovery import recover, settled
from .release import BAD, Release
from .runner import status_of
from .session import Session
from .state import HostState


def rollback_plan(layout: Layout, state: HostState, *, to: str = "", target: str = "") -> Plan:
    """The plan to `to`, or to the newest good release before the live one. Raises NothingThere."""
    new = _chosen(state, to) if to else _previous_good(state)
    previous = settled(state)
    steps = (
        recover(layout, state, keep=new.id),
        *going_live(layout, new, previous, supervised=state.processes is not None),
        _mark_left(layout, new, previous),
        stop_previous(layout, new, previous),
    )
    return Plan("rollback", target, new.id, steps).without_empty_steps()


def _chosen(state: HostState, identity: str) -> Release:
    known = state.known(identity)
    if known is None or known.release is None:
        names = ", ".join(release.id for release in state.complete) or "none"
        raise NothingThere(f"There is no release {identity!r}.", hint=f"There are: {names}.")
    return known.release


def _previous_good(state: HostState) -> Release:
    good = [known.release for known in state.releases if known.release and not known.bad]
    older = [release for release in good if release.id < state.current]
    if not older:
        raise NothingThere(
            "There is no good release before the live one.",
            hint="`deploy_history` lists what there was; `deploy_rollback --to ID` goes to any release kept.",
        )
    return older[-1]


def _mark_left(layout: Layout, new: Release, previous: Release | None) -> Step:
    """Who goes back has a reason: the release that is left is not one to come back to by itself."""
    actions = [Remove((f"{layout.release(new.id)}/{BAD}",))]
    if previous is not None and previous.id > new.id:
        text = f"rolled back to {new.id}\n"
        actions.append(Write(f"{layout.release(previous.id)}/{BAD}", text))  # type: ignore[arg-type]
    return Step(Phase.FINISH.value, "mark the release that was left", tuple(actions))


def by_hand(session: Session, journal: Journal, plan: Plan) -> int:
    """Carry the plan out without a controller; the exit code."""
    reason: DeployError | None = None
    try:
        Executor(session).carry_out(plan)
    except DeployError as error:
        reason = error
    journal.close(status_of(reason), seconds=session.elapsed(), error=reason.as_fields() if reason else None)
    session.emit(Finished(status_of(reason) if reason else SUCCEEDED, session.elapsed()))
    if reason:
        raise reason
    return 0
