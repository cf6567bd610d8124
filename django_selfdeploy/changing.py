"""The variables of a target: compared with what its hosts run, and changed without a full deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from . import env_files
from .core.actions.variables import NoteVariables, SetVariables
from .core.errors import DeployError, MigrationMissing, NothingThere, RunnerLost
from .core.layout import Layout
from .core.plan import Phase, Plan, Step
from .core.secret import Secret
from .core.state import HostState
from .env_files import Edit, Place
from .env_sources import Gathered, gather
from .hosts.base import Connection, Listener
from .operations import live_on, opened, restart
from .options import Options, Outcome, Project
from .project import variables
from .project.env_changes import Changes, changes
from .project.env_text import parsed
from .reaching import connected, fleet_of, look_at, reached
from .story import about_deployment, recorder

HOSTS_OWN = "shared/.env"
"""What the source of a variable is called that the hosts keep."""


@dataclass(frozen=True)
class Row:
    """A variable as it would be in the next release; `live` says whether all hosts run it so, None where none runs."""

    name: str
    value: Secret
    source: str
    live: bool | None


@dataclass(frozen=True)
class Overview:
    """The variables here, and those of the hosts by name: of a release made `next`, and of what is `live`, None for
    nothing. `silent` hosts did not answer.
    """

    here: Gathered
    next: dict[str, dict[str, str]]
    live: dict[str, dict[str, str] | None]
    silent: dict[str, DeployError]

    @property
    def rows(self) -> tuple[Row, ...]:
        """By name; of hosts that keep different values of their own the first one's."""
        kept = {name: value for values in reversed(self.next.values()) for name, value in values.items()}
        found = self.here.variables if self.here.text is not None or not self.next else {}
        rows = [Row(one.name, one.value, one.source, self._is_live(one.name)) for one in found.values()]
        if self.here.text is None:
            rows += [Row(name, Secret(value), HOSTS_OWN, self._is_live(name)) for name, value in kept.items()]
        return tuple(sorted(rows, key=lambda row: row.name))

    def _is_live(self, name: str) -> bool | None:
        running = {host: values for host, values in self.live.items() if values is not None}
        if not running:
            return None
        return all(name in values and values[name] == self.next[host][name] for host, values in running.items())

    def differences(self) -> dict[str, Changes]:
        """What a release made now would change on each host where one is live."""
        return {host: changes(live, self.next[host]) for host, live in self.live.items() if live is not None}


def overview(project: Project) -> Overview:
    """Read the sources here, and ask the hosts. One that does not answer is a fact like any other."""
    here = gather(project)
    with reached(project) as connections:
        there = {name: c for name, c in connections.items() if isinstance(c, Connection)}
        silent = {name: error for name, error in connections.items() if isinstance(error, DeployError)}
        states: dict[str, HostState] = {}
        if there:
            asked = fleet_of(project, there).try_each(lambda name, c: look_at(project, name, c, variables=True))
            states, failed = asked
            silent |= failed
    mine = here.values if here.text is not None else None
    own = {name: _values(state.kept_variables) if mine is None else mine for name, state in states.items()}
    live = {name: _values(state.live_variables) if state.live else None for name, state in states.items()}
    return Overview(here, own, live, silent)


def _values(text: Secret | None) -> dict[str, str]:
    return parsed(text.reveal()) if text else {}


def of_releases(project: Project, *releases: str) -> tuple[dict[str, str], ...]:
    """The variables of releases on the host that leads, "" for the live one. Raises NothingThere."""
    with connected(project) as fleet:
        look_at(project, fleet.lead, fleet.first)
        found = fleet.first.variables(*releases)
        return tuple(_values(found[identity]) for identity in releases)


def text_now(project: Project, place: Place) -> str:
    """The environment file at a place as it is before a change. One that is to be this machine's first source begins
    with what the host has that leads.
    """
    if place.path is None or not env_files.has_source(project):
        return kept_text(project)
    return env_files.text_at(project, place)


def kept_text(project: Project) -> str:
    """The environment file that the host which leads keeps."""
    with connected(project) as fleet:
        kept = look_at(project, fleet.lead, fleet.first, variables=True).kept_variables
        return kept.reveal() if kept else ""


@dataclass(frozen=True)
class Changed:
    """What came of a change: the place, the names, the variables that another source overrides, by that source; and
    what was done on the hosts, None for nothing.
    """

    place: Place
    changes: Changes
    overridden: dict[str, str]
    outcome: Outcome | None


def change(
    project: Project,
    edit: Edit,
    *,
    place: Place,
    push: bool,
    options: Options,
    listeners: tuple[Listener, ...],
    wrote: Callable[[Changes], None] = lambda found: None,
) -> Changed:
    """Change variables where they are kept; with `push` what runs is restarted if its values changed, all hosts alike.

    `wrote` hears of a file of this machine before its hosts are asked. Raises ConfigError, with nothing changed, for
    what no environment file holds, and the DeployError of hosts that refuse: then the file is as it was before.
    """
    outcome: Outcome | None = None
    if place.path is None:
        outcome = _on_hosts(project, edit, push=push, options=options, listeners=listeners)
        return Changed(place, Changes(), {}, outcome)
    before = env_files.kept(place)
    found = env_files.write(project, place, edit, start=text_now(project, place))
    wrote(found)
    overridden = _overridden(project, place, found)
    if push and found:
        with _taken_back(place, before):
            outcome = pushed(project, options, listeners, subject=f"variables: {found}")
    return Changed(place, found, overridden, outcome)


@contextmanager
def _taken_back(place: Place, before: bytes | None) -> Iterator[None]:
    """A change that the hosts refuse is none. Where a connection died they may go on with it, and what is incomplete is
    live: there the file stays.
    """
    try:
        yield
    except (RunnerLost, MigrationMissing):
        raise
    except DeployError as error:
        env_files.put_back(place, before)
        error.hint = f"{error.hint} {place.name} is as it was before.".strip()
        raise


def pushed(
    project: Project, options: Options, listeners: tuple[Listener, ...], *, subject: str = "variables"
) -> Outcome | None:
    """Take the variables of now to the hosts, and restart what runs if they changed; None where nothing is live."""
    try:
        return restart(project, options, listeners, only_changed=not options.force, subject=subject)
    except NothingThere:
        return None


def _overridden(project: Project, place: Place, found: Changes) -> dict[str, str]:
    """The variables whose new value counts for nothing, by the source that comes after the place."""
    names = (*found.new, *found.changed, *found.gone)
    after = gather(project).variables
    return {name: after[name].source for name in names if name in after and after[name].source != place.name}


def _on_hosts(
    project: Project, edit: Edit, *, push: bool, options: Options, listeners: tuple[Listener, ...]
) -> Outcome:
    def apply(kept: Secret | None) -> Secret:
        text = edit(kept.reveal() if kept else "")
        variables.judge(HOSTS_OWN, text)
        return Secret(text)

    if push:
        return restart(project, options, listeners, change=apply, only_changed=True, subject="variables of the hosts")
    return _kept(project, apply, options, listeners)


def _kept(
    project: Project, apply: Callable[[Secret | None], Secret], options: Options, listeners: tuple[Listener, ...]
) -> Outcome:
    """Change what the hosts keep, and leave what runs alone."""
    with connected(project) as fleet:
        subject = "variables of the hosts, without a restart"
        about = {**about_deployment(project, "restart", "", options, None), "subject": subject}
        with opened(fleet, project, about, options, listeners, variables=True) as states:
            plans = {name: _keeping(project, state, apply(state.kept_variables)) for name, state in states.items()}

            def asked(name: str) -> dict[str, Any]:
                state = states[name]
                record = recorder(Layout(state.root), state)
                return {"url": live_on(state).url, "record": record, "more": {"release": state.current}}

            fleet.carry_out(plans, asked, last=True)
            live = live_on(states[fleet.lead])
            return Outcome("succeeded", fleet.first.deployment, live.id, live.url)


def _keeping(project: Project, state: HostState, text: Secret) -> Plan:
    found = changes(_values(state.kept_variables), parsed(text.reveal()))
    actions = (SetVariables(Layout(state.root).variables, text), NoteVariables(str(found)))
    step = Step(Phase.TIDY.value, "keep the environment variables", actions)
    return Plan("restart", project.target.alias, live_on(state).id, (step,))
