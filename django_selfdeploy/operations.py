"""The public API: what the commands call, and what a project's own scripts may call too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from . import __version__, aftermath, judgements, process_judgements
from .context import Context
from .core import power as power_plans
from .core import recovery
from .core.errors import DeployError, MigrationRefused, NothingThere, Unchanged
from .core.events import Remarked, Warned
from .core.layout import Layout
from .core.plan import Plan
from .core.release import Release
from .core.secret import Secret
from .core.state import HostState
from .env_sources import Gathered, gather
from .hosts.base import Connection, Listener
from .hosts.fleet import Fleet, naming
from .hosts.news import Recorded
from .kept import KeptSource
from .options import Options, Outcome, Project
from .preparation import contexts_for, find_code, look_for, prepare, target_on
from .project.facts import ProjectFacts
from .reaching import connected, look_at
from .steps import activate, plans
from .story import about_deployment, about_migrations, recorder

States = Mapping[str, HostState]
Change = Callable[[Secret | None], Secret]
"""Makes the variables of a host from the text of those that it keeps, None for none."""


def look(project: Project, fleet: Fleet, *, variables: bool = False) -> dict[str, HostState]:
    """The state of each host, without a lock: nothing is changed, not even a folder made. With the values of its
    `variables` where they are asked for.
    """
    return fleet.each(lambda name, connection: look_at(project, name, connection, variables=variables))


def deploy(project: Project, options: Options, listeners: tuple[Listener, ...]) -> Outcome:
    """Take the project to a running site. Raises a DeployError; nothing has changed then, or it was taken back."""
    with connected(project) as fleet:
        source, here = find_code(project, options), gather(project)  # while the runners start
        about = about_deployment(project, "deploy", f"+{source.short}", options, source)
        with opened(fleet, project, about, options, listeners, secrets=here.secrets, variables=True) as states:
            prepared = prepare(project, source, states, options, fleet.first.release, here.text)
            fleet.give(prepared.read)
            contexts = prepared.contexts
            behind = tuple(name for name, context in contexts.items() if options.force or not is_unchanged(context))
            live = {live_on(states[name]).id: live_on(states[name]) for name in contexts if name not in behind}
            if not behind and len(live) == 1:
                return _left(fleet, next(iter(live.values())), "Nothing changed")
            if len(live) == 1 and not any(states[name].known(identity) for name in behind for identity in live):
                return _catch_up(fleet, contexts, behind, next(iter(live)), about, options)
            return _go(fleet, contexts, about, options)


def _catch_up(
    fleet: Fleet,
    contexts: dict[str, Context],
    behind: tuple[str, ...],
    release: str,
    about: dict[str, Any],
    options: Options,
) -> Outcome:
    """Bring the hosts that are behind to the release that the others have live, under its name."""
    others = fleet.narrowed(name for name in fleet.names if name not in behind)
    others.abandon(Unchanged(f"Nothing changed: {release} is live."))
    mine = {name: replace(contexts[name], release=release) for name in behind}
    return _go(fleet.narrowed(behind), mine, about, options)


def restart(
    project: Project,
    options: Options,
    listeners: tuple[Listener, ...],
    *,
    change: Change | None = None,
    only_changed: bool = False,
    subject: str = "",
) -> Outcome:
    """Make the live release anew, with the target's variables and settings of now, and switch to it.

    New processes beside the old ones, so no request is lost; nothing is sent, built or tested. `change` makes the
    variables of each host from those that it keeps. With `only_changed` nothing is done where they are live already.
    `subject` says in the record what it is about. Raises NothingThere where nothing is live.
    """
    with connected(project) as fleet:
        here = gather(project) if change is None else Gathered({}, None)
        about = {**about_deployment(project, "restart", "+restart", options, None), "subject": subject}
        with opened(fleet, project, about, options, listeners, secrets=here.secrets, variables=True) as states:
            live = {name: live_on(state) for name, state in states.items()}
            texts = {name: change(state.kept_variables) if change else here.text for name, state in states.items()}
            entries = fleet.each(lambda name, connection: connection.manifest(live[name].id))
            source = KeptSource.of(live[fleet.lead], entries[fleet.lead])
            envs = {name: release.env for name, release in live.items()}
            options = replace(options, skip_tests=True)
            contexts = contexts_for(project, source, states, options, fleet.first.release, None, envs, texts)
            for name, release in live.items():
                contexts[name] = replace(contexts[name], source=KeptSource.of(release, entries[name]))
            if only_changed and not any(one.changed_variables for one in contexts.values()):
                return _left(fleet, live[fleet.lead], "No variable changed")
            return _go(fleet, contexts, about, options)


def _left(fleet: Fleet, release: Release, why: str) -> Outcome:
    """Nothing is to be done on any host."""
    fleet.abandon(Unchanged(f"{why}: {release.id} is live."))
    return Outcome("unchanged", fleet.first.deployment, release.id, release.url)


def _go(fleet: Fleet, contexts: dict[str, Context], about: dict[str, Any], options: Options) -> Outcome:
    """Stage, look, judge, activate."""
    kind, noted = about["kind"], _noted(contexts, fleet.lead, about)
    for name, context in contexts.items():
        with naming(name, several=fleet.several):
            judgements.judge_host(context)
    otherwise = {name: recorder(context.layout, context.state) for name, context in contexts.items()}
    staged = {name: plans.stage_plan(context, kind=kind) for name, context in contexts.items()}
    answers = fleet.carry_out(staged, lambda name: {"otherwise": otherwise[name], "more": noted})
    contexts = {name: _known(context, answers[name]) for name, context in contexts.items()}
    try:
        _judge(fleet, contexts)
    except MigrationRefused:
        _keep_judgements(fleet, contexts)
        raise

    noted = _noted(contexts, fleet.lead, about)

    def asked(name: str) -> dict[str, Any]:
        context = contexts[name]
        more = {
            **noted,
            "release": context.release,
            "versions": _versions(context),
            "migrations": about_migrations(context),
            "judged": list(judgements.recorded(context)),
            "processes": process_judgements.about(context),
        }
        return {"url": site_url(context), "record": context.agent, "otherwise": otherwise[name], "more": more}

    activated = {name: plans.activate_plan(context, kind=kind) for name, context in contexts.items()}
    fleet.carry_out(activated, asked, last=True, wait=options.wait)
    release = contexts[fleet.lead].release
    return Outcome("succeeded", fleet.first.deployment, release, _url(contexts, fleet.lead))


def _keep_judgements(fleet: Fleet, contexts: dict[str, Context]) -> None:
    """Let the record of a deployment that ends here say how its migrations were judged."""

    def keep(name: str, connection: Connection) -> None:
        context = contexts[name]
        nothing = Plan("deploy", context.target.alias, context.release, ())
        connection.carry_out(nothing, more={"migrations": about_migrations(context)})

    fleet.narrowed(contexts).each(keep)


def _noted(contexts: dict[str, Context], lead: str, about: dict[str, Any]) -> dict[str, Any]:
    """What the record of every host says besides: the names of variables that are not what they were, on the host that
    leads; and, once the release was looked at, the processes of all hosts.
    """
    found = contexts[lead].changed_variables
    variables = {"variables": found.to_json()} if found else {}
    processes = process_judgements.in_words(contexts) if contexts[lead].facts else {}
    more = {**variables, **({"processes": processes} if processes else {})}
    return {"options": {**about["options"], **more}} if more else {}


def _known(context: Context, answers: dict[str, Any]) -> Context:
    return replace(context, facts=ProjectFacts.from_json(answers["facts"]))


def _versions(context: Context) -> dict[str, str]:
    return {**context.known_facts.versions, "django-selfdeploy": __version__}


def _judge(fleet: Fleet, contexts: dict[str, Context]) -> None:
    """Raise ReleaseError for what must not go live; tell the rest, each sentence once."""
    told: dict[Remarked | Warned, None] = {}
    for name, context in contexts.items():
        with naming(name, several=fleet.several):
            judgements.judge_release(context)
            process_judgements.judge(context)
            judgements.judge_migrations(context)
        remarks = judgements.news if context.previous else judgements.remarks
        told.update(dict.fromkeys(map(Remarked, remarks(context))))
        told.update(dict.fromkeys(map(Remarked, process_judgements.told(context))))
        told.update(dict.fromkeys(map(Warned, process_judgements.without_host(context))))
        told.update(dict.fromkeys(map(Warned, judgements.warnings(context))))
        told.update(dict.fromkeys(map(Warned, judgements.on_migrations(context))))
        if context.is_closed:
            told[Remarked(f"The site is closed meanwhile; staff get in by {pass_url(context)}.")] = None
    fleet.tell(*told)


def _url(contexts: dict[str, Context], lead: str) -> str:
    """Where the site can be seen: at the host that leads, if visitors reach it, else at the first that they do."""
    ordered = (contexts[lead], *contexts.values())
    return next((site_url(context) for context in ordered if context.target.front.serves), "")


@contextmanager
def opened(
    fleet: Fleet,
    project: Project,
    about: dict[str, Any],
    options: Options,
    listeners: tuple[Listener, ...],
    *,
    secrets: tuple[str, ...] = (),
    variables: bool = False,
) -> Iterator[States]:
    """Take the locks, begin the journals, and look; tell the runners when it is over before it is done. `secrets` are
    masked beside those that the hosts have; with `variables` the states have the values that are live.

    The first host is locked before the others: of two that deploy at once, one gets all of them. It names the
    deployment and the release for all. The first error is the one that counts.
    """
    fleet.listeners += listeners

    def begin(name: str, connection: Connection) -> HostState:
        target = target_on(project.target, name)
        known = {"id": fleet.first.deployment, "release": fleet.first.release} if fleet.first.deployment else {}
        all_about = {**about, **known, **({"host": name} if name else {})}
        seen = look_for(target, variables=variables)
        asked: dict[str, Any] = {"name": target.name, "look": seen, "wait": options.lock_wait, "secrets": secrets}
        return connection.open(target.root, about=all_about, **asked)

    states: dict[str, HostState] = {}
    try:
        states |= fleet.each(begin, on=(fleet.lead,))
        states |= fleet.each(begin, on=tuple(name for name in fleet.names if name != fleet.lead))
        yield states
        aftermath.confirm(project, fleet)
    except DeployError as error:
        with suppress(DeployError):
            fleet.abandon(error, record=_recorders(states))
        raise aftermath.told(project, fleet, states, error) from error
    finally:
        stories = (connection.story for connection in fleet.connections.values())
        fleet.tell(*(Recorded(story) for story in stories if story))


def _recorders(states: States) -> Callable[[str], Any]:
    """Who writes the record of a deployment that failed: the Django of what is live on the host, if anything is."""
    return lambda name: recorder(Layout(states[name].root), states[name]) if name in states else None


def live_on(state: HostState) -> Release:
    """The release that is live. Raises NothingThere where none is."""
    if state.live is None:
        raise NothingThere(f"Nothing is live on {state.host!r}.", hint="Deploy first: `manage.py deploy`.")
    return state.live


def power(project: Project, kind: str, options: Options, listeners: tuple[Listener, ...]) -> Outcome:
    """Stop the site ("stop"), or start the live release again ("start"). Raises NothingThere."""
    with connected(project) as fleet:
        about = about_deployment(project, kind, "", options, None)
        with opened(fleet, project, about, options, listeners) as states:
            live = {name: live_on(state) for name, state in states.items()}
            made = {"stop": power_plans.stopping, "start": power_plans.starting_again}[kind]
            live = {name: recovery.settled(state) or live[name] for name, state in states.items()}
            found = {
                name: Plan(kind, project.target.alias, live[name].id, made(Layout(state.root), live[name], state))
                for name, state in states.items()
            }
            found = {name: plan.without_empty_steps() for name, plan in found.items()}
            asked = {name: {"url": release.url, "more": {"release": release.id}} for name, release in live.items()}
            fleet.carry_out(found, asked.__getitem__, last=True)
            release = live[fleet.lead]
            return Outcome("succeeded", fleet.first.deployment, release.id, release.url)


def is_unchanged(context: Context) -> bool:
    """Whether what is live is what would be deployed, and runs."""
    live, state = context.state.live, context.state
    known = state.known(state.current)
    if live is None or state.unfinished or (known and known.unmigrated):
        return False
    return live.fingerprint == context.fingerprint and state.live_answers and state.alive(live.groups)


def pass_url(context: Context) -> str:
    """Where staff get in while the site is closed."""
    parts = urlsplit(site_url(context))
    return f"{parts.scheme}://{parts.netloc}/selfdeploy-pass/{context.window_key}"


def site_url(context: Context) -> str:
    """Where the site can be seen."""
    return activate.url(context, activate.probe(context))
