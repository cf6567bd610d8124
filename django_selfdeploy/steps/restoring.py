"""The steps of a restore: while visitors get the project's page, and no process of the site runs. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..conf import Target
from ..core import power, window
from ..core.actions.base import Action
from ..core.actions.django import Ask
from ..core.actions.restore import PutBack, Restore
from ..core.actions.web import SmokeTest
from ..core.agent import AgentSpec
from ..core.going_live import stop_release
from ..core.layout import Layout
from ..core.plan import Failure, Phase, Plan, Step
from ..core.release import Release
from ..core.state import HostState
from .databases import backing_up, remembering

STOP_FIRST = "Or stop the site, by `deploy_stop`, restore, and start it: visitors get no page then."
NOT_SAVED = "PostgreSQL and SQLite are as they were; MySQL may be half-way. Restore this backup again, or another one."


@dataclass(frozen=True)
class Wanted:
    """The backup `identity` in `folder`, with its `media`. With `save` what is there is backed up first; `key` lets
    staff in while the site is closed.
    """

    identity: str
    folder: str
    media: bool
    save: bool
    key: str


def restore_plan(
    target: Target, layout: Layout, state: HostState, live: Release, agent: AgentSpec, wanted: Wanted
) -> Plan:
    """The plan of one host; what is done once is in all of them.

    A site that does not run is neither closed nor started, except one that another run has left closed.
    """
    open_or_left = state.any_of(live.groups) or layout.window in state.leftovers
    steps = (
        _check(agent, wanted),
        *((back_up(saving(agent, target, layout, wanted), Phase.TEST),) if wanted.save else ()),
        *(_closing(layout, live, agent, wanted) if open_or_left else ()),
        _restore(target, layout, live, agent, wanted),
        *(_opening(layout, live, wanted) if open_or_left else ()),
    )
    return Plan("restore", target.alias, live.id, steps).without_empty_steps()


def saving(agent: AgentSpec, target: Target, layout: Layout, wanted: Wanted) -> Ask:
    """The backup of what is there, which spares the one that is wanted."""
    reason = f"before the restore of {wanted.identity}"
    return backing_up(agent, target, layout, reason=reason, media=wanted.media, spare=wanted.identity)


def back_up(action: Ask, phase: Phase = Phase.MIGRATE) -> Step:
    """The step of a backup that is not part of a deployment."""
    failure = Failure("BackupFailed", "The backup was not made.")
    return Step(phase.value, "back up the databases", (action,), failure=failure)


def _check(agent: AgentSpec, wanted: Wanted) -> Step:
    words = json.dumps({"folder": wanted.folder, "identity": wanted.identity, "media": wanted.media})
    damaged = Failure("BackupFailed", "The backup cannot be restored.", "Nothing was changed.")
    return Step(Phase.TEST.value, "check the backup", (Ask(agent, "verify_backup", words),), failure=damaged)


def _closing(layout: Layout, live: Release, agent: AgentSpec, wanted: Wanted) -> tuple[Step, ...]:
    closing = window.close(layout, live, key=wanted.key, agent=agent, hint=STOP_FIRST)
    return (closing, window.stop_for_window(layout, live))


def _restore(target: Target, layout: Layout, live: Release, agent: AgentSpec, wanted: Wanted) -> Step:
    """Back to the backup, and forward to the migrations of the live release; if that fails, to what was there."""
    before = layout.migrations(live.id)
    actions = (
        Restore(agent, wanted.folder, wanted.identity, wanted.media),
        Ask(agent, "migrate_all"),
        remembering(agent, layout, live.id, before=before, overrules=dict(target.migrations)),
    )
    hint = "The data are what they were before." if wanted.save else NOT_SAVED
    return Step(
        Phase.MIGRATE.value,
        "restore the backup",
        actions,
        undo=(PutBack(agent),) if wanted.save else (),
        failure=Failure("BackupFailed", "The backup was not restored.", hint),
    )


def _opening(layout: Layout, live: Release, wanted: Wanted) -> tuple[Step, ...]:
    start, *_ = power.starting(layout, live)
    answers: tuple[Action, ...] = ()
    if live.serves:
        answers = (SmokeTest(live.front, live.probe, live.id, key=wanted.key),)
    return (
        Step(start.phase, start.name, start.actions, undo=(stop_release(live),), failure=start.failure),
        Step(Phase.CONFIRM.value, "smoke test", answers, failure=start.failure),
        window.reopen(layout),
    )
