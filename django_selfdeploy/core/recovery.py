"""What an interrupted run left, found by looking and put right by a step like any other.

| found                                              | done                                            |
| a folder of releases/ without its record           | its programs stopped, the folder removed        |
| programs of a release that is not live             | stopped and taken out of supervisord            |
| workers of the live release that were told to stop | started again, once those of others have ended  |
| half-written files, half-removed folders and envs  | removed                                         |
| `current` is new, unconfirmed and does not answer, | back to the previous release, the new one bad   |
|   and the previous release still runs              |                                                 |
| the site closed for maintenance                    | what is live started, then opened               |
| journals of runners that were killed               | closed as "interrupted"                         |
"""

from __future__ import annotations

from dataclasses import dataclass

from . import journal
from .actions.base import Action, World
from .actions.files import Link, Remove, Write
from .actions.programs import StopPrograms
from .actions.web import Drain
from .codec import record
from .going_live import links_of, patience, serve_front, start_release, start_working
from .layout import Layout
from .plan import Phase, Step
from .release import BAD, Control, Release
from .state import HostState, Known

DRAIN_SECONDS = 30.0
"""What requests may take to finish in processes whose runner was killed before it stopped them."""


@record
@dataclass(frozen=True)
class CloseJournal(Action):
    """Write into the journal of a runner that was killed that it was, and in which step."""

    root: str
    deployment: str

    def describe(self) -> str:
        return f"close the journal of {self.deployment}"

    def do(self, world: World) -> None:
        journal.interrupt(Layout(self.root), self.deployment)


def recover(layout: Layout, state: HostState, *, keep: str = "", control: Control | None = None) -> Step:
    """The step that puts right what an interrupted run left; empty on a host in order.

    `keep` is a release whose programs may run though it is not live, but for its workers. `control` is the supervisord
    of those that have no record that tells; by default that of the live release, else the root's own.
    """
    actions: list[Action] = []
    back = fallback(state)
    live = back or state.live
    if back is not None and state.live is not None:
        actions += _go_back(layout, state.live, back)
    for known in state.releases:
        if known.id != (live.id if live else state.current):
            actions += _clear(layout, state, known, control, kept=known.id == keep)
    if layout.window in state.leftovers and state.live is not None and back is None:
        actions += start_release(layout, state.live)
    elif live is not None and state.unfinished and state.processes is not None:
        actions += start_working(layout, live)
    if state.leftovers:
        actions.append(Remove(state.leftovers))
    actions += [CloseJournal(layout.root, name) for name in state.unfinished]
    return Step(Phase.RECOVER.value, "clear what was left behind", tuple(actions))


def _clear(layout: Layout, state: HostState, known: Known, control: Control | None, *, kept: bool) -> list[Action]:
    """What ends the programs of a release that is not live; of one that is `kept` the workers alone."""
    groups = _groups(state, known.id)
    if kept:
        groups = tuple(group for group in groups if known.release and group in known.release.workers)
    drain = [] if kept or not groups else [Drain(layout.socket(known.id), DRAIN_SECONDS)]
    stop = [_stop(layout, state, known.id, groups, control)] if groups else []
    gone = [] if known.release else [Remove((layout.release(known.id), layout.release_log(known.id)))]
    return [*drain, *stop, *gone]


def settled(state: HostState) -> Release | None:
    """The release that is live once `recover` is done."""
    return fallback(state) or state.live


def fallback(state: HostState) -> Release | None:
    """The release to return to, when a run was killed after the switch and what it switched to does not work."""
    live = state.live
    if live is None or not state.unfinished or state.live_answers:
        return None
    running = [r for r in state.complete if r.id != live.id and state.alive(r.early or r.groups)]
    return running[-1] if running else None


def _go_back(layout: Layout, live: Release, back: Release) -> list[Action]:
    return [
        Link(layout.current, f"releases/{back.id}"),
        *serve_front(layout, back, instead_of=live),
        Write(f"{layout.release(live.id)}/{BAD}", "it did not answer when its deployment was interrupted\n"),
    ]


def _groups(state: HostState, identity: str) -> tuple[str, ...]:
    return tuple(p.group for p in state.processes or () if f"-{identity}-" in p.group)


def _stop(
    layout: Layout, state: HostState, identity: str, groups: tuple[str, ...], control: Control | None
) -> StopPrograms:
    known = state.known(identity)
    release = known.release if known and known.release else state.live
    control = release.control if release else control
    programs = control.programs if control else layout.programs
    app = groups[0].partition(f"-{identity}-")[0]
    socket = control.socket if control else layout.control
    return StopPrograms(socket, links_of(programs, app, identity), groups, patience(release) if release else 60.0)
