"""Backups by hand, and their way back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .core import power
from .core.actions.django import Ask
from .core.backups.store import Backup
from .core.errors import Cancelled, NothingThere
from .core.going_live import stop_release
from .core.layout import Layout
from .core.plan import Failure, Phase, Plan, Step
from .core.release import Release
from .core.state import HostState
from .hosts.base import Listener
from .hosts.fleet import Fleet
from .operations import live_on, look, opened
from .options import Options, Outcome, Project
from .reaching import connected
from .steps.databases import backing_up, remembering
from .story import about_deployment, recorder_of


def at(project: Project, directory: str) -> Project:
    """The project with its backups in another folder; with "" where the settings say."""
    if not directory:
        return project
    options = replace(project.target.backup, directory=directory)
    return replace(project, target=replace(project.target, backup=options))


def backups(project: Project) -> tuple[Backup, ...]:
    """Those that there are, oldest first."""
    with connected(project) as fleet:
        return _listed(project, fleet, look(project, fleet)[fleet.lead])


def backup(project: Project, *, media: bool, options: Options, listeners: tuple[Listener, ...]) -> dict[str, Any]:
    """Back up the databases, and with `media` uploaded files, of the live release; `id` and `folder` of the backup.

    Raises BackupFailed, and NothingThere where nothing is live.
    """
    with connected(project) as everywhere:
        fleet = everywhere.narrowed((everywhere.lead,))
        about = about_deployment(project, "backup", "", options, None)
        with opened(fleet, project, about, options, listeners) as states:
            live, layout = live_on(states[fleet.lead]), Layout(states[fleet.lead].root)
            agent = recorder_of(layout, live.id)
            action = backing_up(agent, project.target, layout, reason="by hand", media=media)
            plan = Plan("backup", project.target.alias, live.id, (_backup_step(action),))
            asked = {"record": agent, "more": {"release": live.id}}
            answers = fleet.carry_out({fleet.lead: plan}, lambda name: asked, last=True)
            return dict(answers[fleet.lead]["backup"])


def restore(
    project: Project,
    identity: str,
    *,
    media: bool,
    save: bool,
    directory: str = "",
    agree: Callable[[Backup], bool],
    options: Options,
    listeners: tuple[Listener, ...],
) -> Outcome:
    """Put the databases, and with `media` uploaded files, back to the backup `identity`, while no process runs.

    `directory` is where that is, when not where the settings say. With `save` the present state is backed up first.
    Migrations of the live release that the backup does not have are applied. Raises NothingThere, BackupFailed;
    Cancelled where one does not `agree`.
    """
    with connected(project) as fleet:
        about = about_deployment(project, "restore", "", options, None)
        about["options"] |= {"backup": identity, "media": media, "save": save}
        with opened(fleet, project, about, options, listeners) as states:
            chosen = _chosen(_listed(at(project, directory), fleet, states[fleet.lead]), identity)
            if not agree(chosen):
                raise Cancelled("Nothing was restored.")
            live = {name: live_on(state) for name, state in states.items()}
            found = {
                name: _restoring(project, state, live[name], identity, media=media, save=save, directory=directory)
                for name, state in states.items()
            }

            def asked(name: str) -> dict[str, Any]:
                record = recorder_of(Layout(states[name].root), live[name].id)
                return {"url": live[name].url, "record": record, "more": {"release": live[name].id}}

            fleet.carry_out(found, asked, last=True)
            release = live[fleet.lead]
            return Outcome("succeeded", fleet.first.deployment, release.id, release.url)


def _listed(project: Project, fleet: Fleet, state: HostState) -> tuple[Backup, ...]:
    folder = project.target.backup.folder(Layout(state.root), project.target.name)
    return fleet.first.backups(folder)


def _chosen(there: tuple[Backup, ...], identity: str) -> Backup:
    known = {one.id: one for one in there}
    if identity not in known:
        raise NothingThere(f"There is no backup {identity!r}.", hint=f"There are: {', '.join(known) or 'none'}.")
    return known[identity]


def _restoring(
    project: Project, state: HostState, live: Release, identity: str, *, media: bool, save: bool, directory: str
) -> Plan:
    """The plan of one host; what is done once is in all of them."""
    layout, target = Layout(state.root), project.target
    agent = recorder_of(layout, live.id)
    kept = at(project, directory).target.backup
    words = {"folder": kept.folder(layout, target.name), "identity": identity, "media": media}
    arguments = json.dumps(words)
    saving = backing_up(agent, target, layout, reason=f"before the restore of {identity}", media=media, spare=identity)
    damaged = Failure("BackupFailed", "The backup cannot be restored.", "Nothing was changed.")
    forward = (
        Ask(agent, "restore", arguments, timeout=86_400.0),
        Ask(agent, "migrate_all"),
        remembering(agent, layout, live.id, before=layout.migrations(live.id), overrules=dict(target.migrations)),
    )
    half = Failure(
        "BackupFailed",
        "The backup was not restored.",
        "PostgreSQL and SQLite are as they were; MySQL may be half-way: `deploy_backup --list` names what was saved.",
    )
    running = state.any_of(live.groups)
    steps = (
        Step(Phase.TEST.value, "check the backup", (Ask(agent, "verify_backup", arguments),), failure=damaged),
        *((_backup_step(saving, Phase.TEST),) if save else ()),
        *(_stop(layout, live) if running else ()),
        Step(Phase.MIGRATE.value, "restore the backup", forward, failure=half),
        *(power.starting(layout, live)[:1] if running else ()),
    )
    return Plan("restore", target.alias, live.id, steps)


def _backup_step(action: Ask, phase: Phase = Phase.MIGRATE) -> Step:
    failure = Failure("BackupFailed", "The backup was not made.")
    return Step(phase.value, "back up the databases", (action,), failure=failure)


def _stop(layout: Layout, live: Release) -> tuple[Step, ...]:
    """Visitors get an error from the front server meanwhile."""
    [start, *_] = power.starting(layout, live)
    return (Step(Phase.ACTIVATE.value, "stop the processes", (stop_release(live),), undo=start.actions),)
