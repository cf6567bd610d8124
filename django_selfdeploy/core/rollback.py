"""Going back to an older release: another plan from the same steps. It deletes nothing."""

from __future__ import annotations

import json

from .actions.base import Action
from .actions.django import Ask
from .actions.files import CopyFile, Remove, Write
from .actions.processes import Say
from .actions.variables import KeepVariables
from .agent import AgentSpec
from .backups.applied import Applied
from .distance import Distance
from .errors import DeployError, NothingThere, RollbackRefused, as_fields
from .events import Finished
from .executor import Executor
from .going_live import going_live, stop_previous
from .journal import SUCCEEDED, Journal
from .layout import Layout
from .outcomes import status_of
from .plan import Failure, Phase, Plan, Step
from .recovery import recover, settled
from .release import BAD, Release
from .session import Session
from .state import HostState


def rollback_plan(
    layout: Layout,
    state: HostState,
    *,
    to: str = "",
    target: str = "",
    database: tuple[Step, ...] = (),
    keeps: bool = True,
) -> Plan:
    """The plan to `to`, or to the newest good release before the live one. Raises NothingThere.

    `database` are steps that take its migrations back first; where it `keeps` them, the release to go to is told.
    """
    new = _chosen(state, to) if to else _previous_good(state)
    previous = settled(state)
    steps = (
        recover(layout, state, keep=new.id),
        *database,
        *going_live(layout, new, previous, supervised=state.processes is not None),
        _mark_left(layout, new, previous, keeps=keeps),
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


def _mark_left(layout: Layout, new: Release, previous: Release | None, *, keeps: bool) -> Step:
    """Who goes back has a reason: the release that is left is not one to come back to by itself."""
    own = layout.variables_of(new.id, new.project)
    actions: list[Action] = [Remove((f"{layout.release(new.id)}/{BAD}",)), KeepVariables(own, layout.variables)]
    if previous is not None and keeps:
        actions.append(CopyFile(layout.migrations(previous.id), layout.migrations(new.id)))
    if previous is not None and previous.id > new.id:
        text = f"rolled back to {new.id}\n"
        actions.append(Write(f"{layout.release(previous.id)}/{BAD}", text))
    return Step(Phase.FINISH.value, "mark the release that was left", tuple(actions))


def taking_back(agent: AgentSpec, back: tuple[Applied, ...], first: Action) -> tuple[Step, ...]:
    """The steps that take migrations back, after `first`, by the release that has them: it alone knows how.

    It is live meanwhile, and may fail for its visitors. Where the older release does not start, they are applied
    again.
    """
    words = json.dumps({"migrations": [list(one.key) for one in back]})
    again = Say("Migrations are applied again; what they had dropped is in the backup only.")
    return (
        Step(
            Phase.MIGRATE.value,
            "back up the databases",
            (first,),
            failure=Failure("BackupFailed", "The databases are not backed up.", "Nothing was changed."),
        ),
        Step(
            Phase.MIGRATE.value,
            "take the migrations back",
            (Ask(agent, "unapply", words),),
            undo=(again, Ask(agent, "migrate_all")),
            failure=Failure("MigrationFailed", "The migrations cannot be taken back.", "The live release stays."),
        ),
    )


def way_back(found: Distance, *, to: str, code_only: bool, migrations: bool) -> tuple[Applied, ...]:
    """The migrations to take back on the way to the release `to`, in that order; none where the database stays.

    It stays where all that were applied since are compatible, where nobody knows which were, and with `code_only`.
    Raises RollbackRefused, with what can be done.
    """
    if found.since is None or code_only:
        return ()
    if found.missing:
        raise RollbackRefused(
            f"{to} needs migrations that were taken back: {_named(found.missing)}.",
            hint="Deploy its commit again; `--code-only` goes there all the same.",
        )
    breaking = tuple(one for one in found.since if not one.compatible)
    if breaking and not migrations:
        raise RollbackRefused(
            f"{to} may not work with the database as it is now: of the migrations since, not compatible are "
            f"{_named(breaking)}.",
            hint=f"`deploy_rollback --migrations` takes them back (`--dry-run` shows it), `--code-only` goes without. "
            f"{_restorable(found)}",
        )
    if not migrations:
        return ()
    for one in found.since:
        if one.irreversible:
            raise RollbackRefused(
                f"{one.label} cannot be taken back: {one.irreversible}.",
                hint=f"`--code-only` goes back without. {_restorable(found)}",
            )
    return tuple(reversed(found.since))


def _named(migrations: tuple[Applied, ...]) -> str:
    return ", ".join(one.label for one in migrations)


def _restorable(found: Distance) -> str:
    if not found.backup:
        return "There is no backup from before them."
    return f"The backup from before them: `deploy_restore {found.backup}` after `deploy_rollback --code-only`."


def by_hand(session: Session, journal: Journal, plan: Plan) -> int:
    """Carry the plan out without a controller; the exit code."""
    reason: DeployError | None = None
    try:
        executor = Executor(session)
        executor.carry_out(plan)
        reason = executor.missing
    except DeployError as error:
        reason = error
    journal.close(status_of(reason), seconds=session.elapsed(), error=as_fields(reason) if reason else None)
    session.emit(Finished(status_of(reason) if reason else SUCCEEDED, session.elapsed()))
    if reason:
        raise reason
    return 0
