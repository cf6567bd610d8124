"""Back to an older release: its code alone, or with the migrations that came since."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .core.backups.applied import Applied
from .core.distance import Distance
from .core.errors import Cancelled, NothingThere, Unchanged
from .core.events import Warned
from .core.layout import Layout
from .core.plan import Plan, Step
from .core.rollback import rollback_plan, taking_back, way_back
from .core.state import HostState
from .hosts.base import Listener
from .hosts.fleet import Fleet, naming
from .operations import States, look, opened
from .options import Options, Outcome, Project
from .reaching import connected
from .steps.databases import backing_up
from .story import about_deployment, recorder_of

Agree = Callable[[tuple[Applied, ...]], bool]


@dataclass(frozen=True)
class Way:
    """How the database comes along: `migrations` takes back what came since, `code_only` goes though that does not
    fit. `agree` is asked, with the migrations in the order in which they go, before any is taken back.
    """

    migrations: bool = False
    code_only: bool = False
    agree: Agree = lambda migrations: True


def rollback(
    project: Project, *, to: str, options: Options, listeners: tuple[Listener, ...], way: Way | None = None
) -> Outcome:
    """Go back to the release `to`, or to the previous good one. Raises NothingThere where there is none, and
    RollbackRefused where the database is ahead of it.
    """
    way = way or Way()
    with connected(project) as fleet:
        about = about_deployment(project, "rollback", to, options, None)
        about["options"] |= {"code_only": way.code_only, "migrations": way.migrations}
        with opened(fleet, project, about, options, listeners) as states:
            to = to or _previous(project, fleet, states)
            fleet = _without(fleet, states, to)
            found = _distance(project, fleet, states, to)
            back = way_back(found, to=to, code_only=way.code_only, migrations=way.migrations)
            if back and not way.agree(back):
                raise Cancelled("Nothing was taken back.")
            overruled = _overruled(found, way)
            if overruled:
                fleet.tell(Warned(f"{to} may not work with these migrations: {', '.join(overruled)}."))
            plans = {}
            for name in fleet.names:
                with naming(name, several=fleet.several):
                    plans[name] = _plan(project, states, name, to, back)
            more = {"release": to, "options": {**about["options"], "overruled": overruled}}
            urls = {name: _url(states[name], to) for name in plans}

            def asked(name: str) -> dict[str, Any]:
                return {"url": urls[name], "record": recorder_of(Layout(states[name].root), to), "more": more}

            fleet.carry_out(plans, asked, last=True, wait=options.wait)
            return Outcome("succeeded", fleet.first.deployment, to, urls[fleet.lead])


def rehearse_rollback(project: Project, *, to: str, way: Way) -> tuple[Plan, tuple[Applied, ...]]:
    """The plan that a rollback would carry out on the host that leads, and the migrations that go, in that order.

    Nothing is locked or changed. Raises what the rollback would.
    """
    with connected(project) as fleet:
        states = look(project, fleet)
        to = to or _previous(project, fleet, states)
        found = _distance(project, fleet, states, to)
        back = way_back(found, to=to, code_only=way.code_only, migrations=way.migrations)
        return _plan(project, states, fleet.lead, to, back), back


def _previous(project: Project, fleet: Fleet, states: States) -> str:
    state = states[fleet.lead]
    return rollback_plan(Layout(state.root), state, target=project.target.alias).release


def _distance(project: Project, fleet: Fleet, states: States, to: str) -> Distance:
    """What lies between the live release and `to` on the host that leads. Raises NothingThere where it has no `to`."""
    state = states[fleet.lead]
    if state.known(to) is None:
        with naming(fleet.lead, several=fleet.several):
            rollback_plan(Layout(state.root), state, to=to)  # raises, and names those that there are
    folder = project.target.backup.folder(Layout(state.root), project.target.name)
    return fleet.first.distance(to=to, live=state.current, folder=folder)


def _overruled(found: Distance, way: Way) -> list[str]:
    """The migrations that stay though the older release may not work with them."""
    return [one.label for one in found.since or () if way.code_only and not one.compatible]


def _url(state: HostState, release: str) -> str:
    known = state.known(release)
    return known.release.url if known and known.release else ""


def _plan(project: Project, states: States, name: str, to: str, back: tuple[Applied, ...]) -> Plan:
    state = states[name]
    layout, target = Layout(state.root), project.target
    database: tuple[Step, ...] = ()
    if back:
        newer = recorder_of(layout, state.current)
        database = taking_back(newer, back, backing_up(newer, target, layout, reason=f"before a rollback to {to}"))
    return rollback_plan(layout, state, to=to, target=target.alias, database=database, keeps=not back)


def _without(fleet: Fleet, states: States, release: str) -> Fleet:
    """The hosts that do not run `release` yet. Raises NothingThere where all do."""
    there = tuple(name for name, state in states.items() if state.current == release and state.live_answers)
    if len(there) == len(fleet.names):
        raise NothingThere(f"{release} is live already.", hint="`deploy_history` lists the others.")
    if there:
        fleet.narrowed(there).abandon(Unchanged(f"{release} is live already."))
    return fleet.narrowed(name for name in fleet.names if name not in there)
