"""Steps about the databases, but for their migrations: they are made, backed up, filled, and what they have is told."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from ..backup_options import ALWAYS, NEVER
from ..conf import Target
from ..context import Context
from ..core.actions.base import Action
from ..core.actions.django import Ask
from ..core.agent import AgentSpec
from ..core.layout import Layout
from ..core.plan import Failure, Phase, Step

RESTORABLE = "The live release is untouched. `deploy_backup --list` tells which backups there are."


def create(context: Context) -> Step:
    """As early as can be: to read the project's migrations its databases must be there."""
    target = context.target
    arguments = {"admin": target.database_admin, "wait": target.database_wait, "tests": target.tests is not False}
    return Step(
        Phase.STAGE.value,
        "find the databases",
        (Ask(context.agent, "create_databases", json.dumps(arguments)),),
        failure=Failure(
            "ReleaseError",
            "The new release cannot be loaded.",
            "Mend what the last lines name; variables belong into the target's .env.",
        ),
    )


def mine(context: Context) -> tuple[str, ...]:
    """The databases that this host migrates: the one that leads all, another one those that are its own."""
    facts = context.known_facts
    return tuple(facts.databases) if context.leads else facts.own_databases


def _phase(context: Context) -> Phase:
    return Phase.MIGRATE if context.leads else Phase.START


def _pending(context: Context) -> bool:
    return any(one.alias in mine(context) for one in context.known_facts.pending)


def back_up(context: Context) -> Step:
    """Before migrations, so that what they do can be taken back whatever they are."""
    options, pending = context.target.backup, _pending(context)
    wanted = bool(mine(context)) and (options.when == ALWAYS or (options.when != NEVER and pending))
    reason = "before migrations" if pending else "with a deployment"
    chosen = (
        options.databases
        if context.leads
        else tuple(alias for alias in mine(context) if alias in (options.databases or mine(context)))
    )
    target = replace(context.target, backup=replace(options, databases=chosen))
    action = backing_up(context.agent, target, context.layout, reason=reason)
    return Step(
        _phase(context).value,
        "back up the databases" if context.leads else "back up the host's own databases",
        (action,) if wanted and (chosen or context.leads) else (),
        failure=Failure("BackupFailed", "The databases are not backed up.", RESTORABLE),
    )


def backing_up(
    agent: AgentSpec, target: Target, layout: Layout, *, reason: str, media: bool = False, spare: str = ""
) -> Ask:
    """The action that makes a backup, reads it back, and lets older ones go, `spare` excepted."""
    options = target.backup
    arguments: dict[str, Any] = {
        "folder": options.folder(layout, target.name),
        "must_exist": options.directory,
        "spare": spare,
        "reason": reason,
        "aliases": list(options.databases),
        "media": media or options.media,
        "level": options.compression,
        "keep": options.keep,
        "keep_days": options.keep_days,
        "reserve": target.disk_reserve * 1_000_000,
    }
    return Ask(agent, "backup", json.dumps(arguments), timeout=86_400.0)


def expect_fixtures(context: Context) -> tuple[Action, ...]:
    """What precedes the first migration, where there are fixtures."""
    wanted = context.target.fixtures and _pending(context)
    return (Ask(context.agent, "expect_fixtures"),) if wanted else ()


def load_fixtures(context: Context) -> Step:
    """Into databases that were new; also those where it failed at the deployment before."""
    fixtures = context.target.fixtures
    arguments = json.dumps({"fixtures": list(fixtures)})
    return Step(
        _phase(context).value,
        "load the fixtures",
        (Ask(context.agent, "load_fixtures", arguments),) if fixtures and mine(context) else (),
        failure=Failure(
            "MigrationFailed",
            "The fixtures cannot be loaded.",
            "Mend them and deploy again: they are loaded then.",
        ),
    )


def remember(context: Context) -> Ask:
    """Which migrations the databases have while this release is live: a rollback is judged by it.

    Those that wait for the end of the old code count from now on: a runner that dies once they are applied could not
    tell it any more.
    """
    before = context.layout.migrations(context.previous.id) if context.previous else ""
    return remembering(
        context.agent,
        context.layout,
        context.release,
        before=before,
        overrules=context.overrules,
        expected=context.schedule.after,
    )


def remember_again(context: Context) -> tuple[Ask, ...]:
    """After migrations that waited for the end of the old code: which are there, whichever host applied them."""
    before = context.layout.migrations(context.release)
    asking = remembering(context.agent, context.layout, context.release, before=before, overrules=context.overrules)
    return (asking,) if context.schedule.after else ()


def remembering(
    agent: AgentSpec,
    layout: Layout,
    release: str,
    *,
    before: str,
    overrules: dict[str, str],
    expected: tuple[tuple[str, str], ...] = (),
) -> Ask:
    """The action that writes the file of the release; verdicts are taken over from the file `before`. `expected` are
    pairs (alias, "app.name") of migrations that count as applied though they may not be yet.
    """
    arguments: dict[str, Any] = {"path": layout.migrations(release), "before": before, "overrules": overrules}
    arguments |= {"expected": expected} if expected else {}
    return Ask(agent, "remember_migrations", json.dumps(arguments), quiet=True)
