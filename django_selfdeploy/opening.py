"""The hosts of a target, looked at and locked: how every operation begins and ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from . import aftermath
from .core.errors import DeployError, NothingThere
from .core.events import Recorded
from .core.layout import Layout
from .core.release import Release
from .core.state import HostState
from .hosts.base import Connection, Listener
from .hosts.fleet import Fleet
from .options import Options, Project
from .preparation import look_for, read_variables, target_on
from .project import variables
from .story import recorder

States = Mapping[str, HostState]


def look(project: Project, fleet: Fleet) -> dict[str, HostState]:
    """The state of each host, without a lock: nothing is changed, not even a folder made."""
    return fleet.each(lambda name, connection: look_at(project, name, connection))


def look_at(project: Project, name: str, connection: Connection) -> HostState:
    """The same for one host."""
    target = target_on(project.target, name)
    return connection.open(target.root, name=target.name, look=look_for(target))


@contextmanager
def opened(
    fleet: Fleet, project: Project, about: dict[str, Any], options: Options, listeners: tuple[Listener, ...]
) -> Iterator[States]:
    """Take the locks, begin the journals, and look; tell the runners when it is over before it is done.

    The first host is locked before the others: of two that deploy at once, one gets all of them. It names the
    deployment and the release for all. The first error is the one that counts.
    """
    fleet.listeners += listeners
    secrets = variables.secrets_of(read_variables(project)[1])

    def begin(name: str, connection: Connection) -> HostState:
        target = target_on(project.target, name)
        known = {"id": fleet.first.deployment, "release": fleet.first.release} if fleet.first.deployment else {}
        return connection.open(
            target.root,
            name=target.name,
            look=look_for(target),
            about={**about, **known},
            wait=options.lock_wait,
            secrets=secrets,
        )

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
