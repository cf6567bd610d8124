"""What several hosts run after one of them was lost: looked at again, and told host by host."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace

from .core.errors import DeployError, RunnerLost
from .core.events import Finished, Remarked, Warned
from .core.journal import SUCCEEDED
from .core.state import HostState
from .hosts.base import Connection
from .hosts.fleet import Fleet
from .hosts.news import OnHost
from .options import Project
from .reaching import look_at, reached

PATIENCE = 30.0
"""Seconds that a runner may take, once it knows that it is alone, to finish or to take back."""

POLL = 2.0

Found = dict[str, str | None]
"""The release that each host runs, "" for none; None for a host that does not answer."""


def told(project: Project, fleet: Fleet, states: Mapping[str, HostState], error: DeployError) -> DeployError:
    """The error to raise: where a host was lost, or they do not run the same, it says what each of them runs."""
    if not fleet.several or not (fleet.lost or fleet.switched):
        return error
    found = _looked_at(project, fleet)
    before = {state.current for state in states.values()}
    if len(before) == 1 and set(found.values()) == before:
        release = next(iter(before)) or "nothing"
        return _more(error, f"All hosts run {release}, as before.", "Deploy again.") if fleet.lost else error
    return _more(error, _sentence(found), f"{error.hint} {_hint(found)}".strip())


def _more(error: DeployError, text: str, hint: str) -> DeployError:
    known = type(error)(f"{error.message.rstrip('.')}. {text}", hint=hint)
    known.exit_code = error.exit_code
    return known


def confirm(project: Project, fleet: Fleet) -> None:
    """See that hosts that were lost while they finished run what the others do. Raises RunnerLost where they do not."""
    if not fleet.lost:
        return
    found = _looked_at(project, fleet)
    if len(set(found.values())) == 1 and None not in found.values():
        [release] = set(found.values())
        fleet.tell(*(OnHost(name, Finished(SUCCEEDED, 0.0)) for name in fleet.lost))
        fleet.tell(Remarked(f"The connection to {_names(fleet.lost)} was lost at the end; {release} is live there."))
        return
    lost = next(iter(fleet.lost.values()))
    raise RunnerLost(f"{lost.message} {_sentence(found)}", hint=_hint(found))


def _looked_at(project: Project, fleet: Fleet) -> Found:
    """Those that were lost are asked anew, until their runner has ended or it is too late."""
    found: Found = dict.fromkeys(fleet.names)
    there = tuple(name for name in fleet.names if name not in fleet.lost)
    if there:
        states, _ = fleet.narrowed(there).try_each(lambda name, connection: look_at(project, name, connection))
        found |= {name: state.current for name, state in states.items()}
    if fleet.lost:
        fleet.tell(Warned(f"Looking what became of {_names(fleet.lost)}, which may take a while."))
        found |= _asked_anew(project, tuple(fleet.lost))
    return found


def _asked_anew(project: Project, names: tuple[str, ...]) -> Found:
    deadline = time.monotonic() + project.target.ssh.silence + PATIENCE
    found: Found = dict.fromkeys(names)
    open_ones = set(names)
    while open_ones and time.monotonic() < deadline:
        with reached(replace(project, hosts=tuple(sorted(open_ones)))) as connections:
            for name, connection in connections.items():
                current = _settled(project, name, connection)
                if current is not None:
                    found[name] = current
                    open_ones.discard(name)
        if open_ones:
            time.sleep(POLL)
    return found


def _settled(project: Project, name: str, connection: Connection | DeployError) -> str | None:
    """What the host runs, once nobody is at work there; None as long as that is not known."""
    if isinstance(connection, DeployError):
        return None
    try:
        state = look_at(project, name, connection)
        return state.current if connection.holder() is None else None
    except DeployError:
        return None


def _sentence(found: Found) -> str:
    """For example "web1, web2 run 2026...; web3 does not answer."."""
    by_release: dict[str | None, list[str]] = {}
    for name, release in found.items():
        by_release.setdefault(release, []).append(name)
    return "; ".join(_clause(release, names) for release, names in by_release.items()) + "."


def _clause(release: str | None, names: list[str]) -> str:
    verb = "runs" if len(names) == 1 else "run"
    if release is None:
        return f"{_names(names)} {'does' if len(names) == 1 else 'do'} not answer"
    return f"{_names(names)} {verb} {release or 'nothing'}"


def _hint(found: Found) -> str:
    missing = [name for name, release in found.items() if release is None]
    if missing:
        return f"Once {_names(missing)} can be reached, the next `deploy` brings all hosts to one release."
    return "The next `deploy` brings all hosts to one release."


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)
