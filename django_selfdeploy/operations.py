"""The public API: what the commands call, and what a project's own scripts may call too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from . import __version__, judgements
from .context import Context
from .core import power as power_plans
from .core.errors import DeployError, NothingThere, Unchanged
from .core.events import Remarked, Warned
from .core.layout import Layout
from .core.plan import Plan
from .core.release import Release
from .core.rollback import rollback_plan
from .core.state import HostState
from .hosts import local
from .hosts.base import Connection, Listener
from .hosts.interrupt import calling_off
from .kept import KeptSource
from .options import Options, Outcome, Project
from .preparation import context_for, find_code, look_for, prepare, read_variables
from .project import dry, variables
from .project.facts import ProjectFacts
from .steps import activate, plans, stage
from .story import about_deployment, recorder, recorder_of


@contextmanager
def connected(project: Project) -> Iterator[Connection]:
    """A runner on the target's host; Ctrl-C asks it to stop, and what it says is waited for."""
    with local.connected() as connection, calling_off(connection.call_off):
        yield connection


def look(project: Project, connection: Connection) -> HostState:
    """The state of the host, without a lock: nothing is changed, not even a folder made."""
    return connection.open(project.target.root, name=project.target.name, look=look_for(project.target))


def deploy(project: Project, options: Options, listeners: tuple[Listener, ...]) -> Outcome:
    """Take the project to a running site. Raises a DeployError; nothing has changed then, or it was taken back."""
    with connected(project) as connection:
        source = find_code(project, options)  # while the runner starts
        connection.source = source.read
        about = about_deployment(project, "deploy", f"+{source.short}", options, source)
        state = _open(connection, project, about, options, listeners)
        with _giving_up(connection, project, state):
            context = prepare(project, source, state, options, connection.release)
            if not options.force and is_unchanged(context):
                live = _live(state)
                connection.abandon(Unchanged(f"Nothing changed: {live.id} is live."))
                return Outcome("unchanged", connection.deployment, live.id, live.url)
            return _go(connection, context, "deploy", options)


def restart(project: Project, options: Options, listeners: tuple[Listener, ...]) -> Outcome:
    """Make the live release anew, with the target's variables and settings of now, and switch to it.

    New processes beside the old ones, so no request is lost. Raises NothingThere where nothing is live.
    """
    with connected(project) as connection:
        about = about_deployment(project, "restart", "+restart", options, None)
        state = _open(connection, project, about, options, listeners)
        with _giving_up(connection, project, state):
            live = _live(state)
            source = KeptSource.of(live, connection.manifest(live.id))
            skipping = replace(options, skip_tests=True)
            context = context_for(project, source, state, skipping, connection.release, None, live.env)
            return _go(connection, context, "restart", options)


def _go(connection: Connection, context: Context, kind: str, options: Options) -> Outcome:
    """Stage, look, judge, activate."""
    judgements.judge_host(context)
    otherwise = recorder(context.layout, context.state)
    answers = connection.carry_out(plans.stage_plan(context, kind=kind), otherwise=otherwise)
    context = replace(context, facts=ProjectFacts.from_json(answers["facts"]))
    judgements.judge_release(context)
    if context.previous is None:
        connection.tell(*(Remarked(remark) for remark in judgements.remarks(context)))
    connection.tell(*(Warned(warning) for warning in judgements.warnings(context.known_facts)))
    url = site_url(context)
    more = {"versions": {**context.known_facts.versions, "django-selfdeploy": __version__}}
    connection.carry_out(
        plans.activate_plan(context, kind=kind),
        url=url,
        last=True,
        record=context.agent,
        otherwise=otherwise,
        more=more,
        until_live=not options.wait,
    )
    return Outcome("succeeded", connection.deployment, context.release, url)


@contextmanager
def _giving_up(connection: Connection, project: Project, state: HostState) -> Iterator[None]:
    """Tell the runner when it is over before it is done; the first error is the one that counts."""
    try:
        yield
    except DeployError as error:
        with suppress(DeployError):
            connection.abandon(error, record=recorder(Layout(state.root), state))
        raise


def _live(state: HostState) -> Release:
    if state.live is None:
        raise NothingThere("Nothing is live.", hint="Deploy first: `manage.py deploy`.")
    return state.live


def _open(
    connection: Connection,
    project: Project,
    about: dict[str, Any],
    options: Options,
    listeners: tuple[Listener, ...],
) -> HostState:
    """Take the lock, begin the journal, and look."""
    connection.listeners += listeners
    return connection.open(
        project.target.root,
        name=project.target.name,
        look=look_for(project.target),
        about=about,
        wait=options.lock_wait,
        secrets=variables.secrets_of(read_variables(project)[1]),
    )


def rollback(project: Project, *, to: str, options: Options, listeners: tuple[Listener, ...]) -> Outcome:
    """Go back to the release `to`, or to the previous good one. Raises NothingThere where there is none."""
    with connected(project) as connection:
        about = about_deployment(project, "rollback", to, options, None)
        state = _open(connection, project, about, options, listeners)
        with _giving_up(connection, project, state):
            plan = rollback_plan(Layout(state.root), state, to=to, target=project.target.alias)
            known = state.known(plan.release)
            url = known.release.url if known and known.release else ""
            spec = recorder_of(Layout(state.root), plan.release)
            more = {"release": plan.release}
            connection.carry_out(plan, url=url, last=True, record=spec, more=more, until_live=not options.wait)
            return Outcome("succeeded", connection.deployment, plan.release, url)


def power(project: Project, kind: str, options: Options, listeners: tuple[Listener, ...]) -> Outcome:
    """Stop the site ("stop"), or start the live release again ("start"). Raises NothingThere."""
    with connected(project) as connection:
        about = about_deployment(project, kind, "", options, None)
        state = _open(connection, project, about, options, listeners)
        with _giving_up(connection, project, state):
            live = _live(state)
            steps = {"stop": power_plans.stopping, "start": power_plans.starting}[kind](Layout(state.root), live)
            plan = Plan(kind, project.target.alias, live.id, steps)
            connection.carry_out(plan, url=live.url, last=True, more={"release": live.id})
            return Outcome("succeeded", connection.deployment, live.id, live.url)


def rehearse(project: Project, options: Options, *, sql: bool = True) -> tuple[Context, tuple[Plan, Plan]]:
    """What a deployment would do now: its context with facts, and both plans. Nothing is locked or changed.

    The facts are those of the work tree, under the target's environment: no release is there to be asked yet.
    """
    source = find_code(project, options)
    with connected(project) as connection:
        state = look(project, connection)
    release = f"{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-{source.short}"
    context = prepare(project, source, state, options, release)
    judgements.judge_host(context)
    path = variables.find(project.folder, named=project.target.env_file, alias=project.target.alias)
    kept = Path(project.layout.variables)
    top = project.folder if not source.project else project.folder.parents[source.project.count("/")]
    found = dry.facts(
        stage.environment(context),
        code=top,
        project=project.folder,
        variables=path or (kept if kept.exists() else None),
        sql=sql,
    )
    context = replace(context, facts=found)
    judgements.judge_release(context)
    return context, (plans.stage_plan(context), plans.activate_plan(context))


def is_unchanged(context: Context) -> bool:
    """Whether what is live is what would be deployed, and runs."""
    live, state = context.state.live, context.state
    if live is None or state.unfinished:
        return False
    return live.fingerprint == context.fingerprint and state.live_answers and state.alive(live.groups)


def site_url(context: Context) -> str:
    """Where the site can be seen."""
    return activate.url(context, activate.probe(context))
