"""What a runner is asked that needs no lock and changes nothing: answers by the name of the question."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import journal, lock, logs, state, status
from .actions.source import read_manifest
from .backups import store
from .distance import distance
from .errors import NothingThere
from .layout import Layout


def look(layout: Layout, *, look: dict[str, Any]) -> state.HostState:
    return state.look(layout, **look)


def how_it_fares(layout: Layout, *, look: dict[str, Any], deployments: int) -> dict[str, Any]:
    return status.status(layout, state.look(layout, **look), deployments=deployments)


def holder(layout: Layout, *, kill: bool) -> dict[str, Any] | None:
    return lock.break_free(layout, kill=kill)


def manifest(layout: Layout, *, release: str) -> tuple[Any, ...]:
    """The entries of a release's source. Raises NothingThere where it has none."""
    return read_manifest(layout.release(release))


def log_lines(layout: Layout, *, names: tuple[str, ...], offsets: dict[str, Any], lines: int) -> dict[str, Any]:
    return logs.read(layout, names, offsets, lines=lines)


def files(layout: Layout) -> dict[str, str]:
    """The generated files of the live release by name; none where nothing is live."""
    return state.generated(layout)


def story(layout: Layout, *, count: int) -> list[dict[str, Any]]:
    """The newest journals, newest first."""
    return journal.newest(layout, count)


def variables(layout: Layout, *, releases: tuple[str, ...]) -> dict[str, Any]:
    """The environment files of releases by id, "" for the live one; None where a release has none.

    Raises NothingThere for a release that is not on the host.
    """
    return {identity: _variables(layout, identity) for identity in releases}


def _variables(layout: Layout, identity: str) -> Any:
    known = state.read_release(layout.release(identity) if identity else layout.current)
    if known is None or known.id != (identity or known.id):
        raise NothingThere(f"There is no release {identity!r}.", hint="`deploy_history` lists them.")
    return state.environment_file(layout.variables_of(known.id, known.project))


def backups(layout: Layout, *, folder: str) -> tuple[store.Backup, ...]:
    """The complete backups in `folder`, oldest first."""
    return store.listed(folder)


ANSWERS: dict[str, Callable[..., Any]] = {
    "look": look,
    "status": how_it_fares,
    "holder": holder,
    "manifest": manifest,
    "logs": log_lines,
    "files": files,
    "story": story,
    "backups": backups,
    "distance": distance,
    "variables": variables,
}
