"""Backups by hand, and their way back."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .core.backups.store import Backup
from .core.errors import Cancelled, NothingThere
from .core.layout import Layout
from .core.plan import Plan
from .core.state import HostState
from .hosts.base import Listener
from .hosts.fleet import Fleet
from .operations import live_on, look, opened
from .options import Options, Outcome, Project
from .reaching import connected
from .steps.databases import backing_up
from .steps.restoring import Wanted, back_up, restore_plan
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
            plan = Plan("backup", project.target.alias, live.id, (back_up(action),))
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
    """Put the databases, and with `media` uploaded files, back to the backup `identity`, while the site is closed.

    `directory` is where that is, when not where the settings say. With `save` the present state is backed up first,
    and put back when something fails. Migrations of the live release that the backup does not have are applied.
    Raises NothingThere, BackupFailed; Cancelled where one does not `agree`.
    """
    with connected(project) as fleet:
        about = about_deployment(project, "restore", "", options, None)
        about["options"] |= {"backup": identity, "media": media, "save": save}
        with opened(fleet, project, about, options, listeners) as states:
            place = at(project, directory).target
            chosen = _chosen(_listed(at(project, directory), fleet, states[fleet.lead]), identity)
            if not agree(chosen):
                raise Cancelled("Nothing was restored.")
            live = {name: live_on(state) for name, state in states.items()}
            key, found = secrets.token_hex(16), {}
            for name, state in states.items():
                layout = Layout(state.root)
                wanted = Wanted(identity, place.backup.folder(layout, place.name), media, save, key)
                agent = recorder_of(layout, live[name].id)
                found[name] = restore_plan(project.target, layout, state, live[name], agent, wanted)

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
