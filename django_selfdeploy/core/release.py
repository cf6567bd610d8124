"""What is known of a release on the host: enough to start, probe, switch to, drain and describe it again."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

from .codec import record
from .layout import Layout

RECORD = "release.json"
"""The record's name in a release's folder. Written last: a release without it is not complete."""

BAD = ".bad"
"""A file in a release's folder that says why it must not go live again."""

EARLY, WORKERS = "supervisor.conf", "workers.conf"
"""The files of supervisor in a release's etc/: what starts early, and the workers."""

UNMIGRATED = ".unmigrated"
"""A file in a release's folder that names migrations which it still lacks, one a line."""


@record
@dataclass(frozen=True)
class Program:
    """A process of the release: `group` is its name in supervisord, `stop_seconds` what it may take to stop.

    `serves` says that it answers on the release's socket. Another program is a worker: that of the release before is
    told to stop before it starts, and has ended by then where it runs `alone`; one that works `beside` it does not
    stop before the switch.
    """

    name: str
    group: str
    serves: bool
    stop_seconds: float
    beside: bool = False
    alone: bool = False

    @property
    def early(self) -> bool:
        """Whether it starts while that of the release before still works."""
        return self.serves or self.beside


@record
@dataclass(frozen=True)
class ProbeSpec:
    """The request that proves that a release works.

    `path` is asked with `host` as Host header, and with X-Forwarded-Proto: https where `https`. `seconds` is
    how long the new processes may take until they answer.
    """

    path: str
    host: str
    https: bool = False
    seconds: float = 60.0


@record
@dataclass(frozen=True)
class Front:
    """The front server: `address` "host:port" for requests from this host; `marker` is its configuration's hash.

    `own` is the one under the root, a program of our supervisord called `group`. Otherwise it is the machine's:
    `links` are pairs (path in its include folder, file of the live release), `check` and `reload` its commands.
    Where the user who deploys is not root, `helper` is the program, with sudo before it, that takes `site`, the file
    of the live release, by standard input, checks it, keeps a copy and reloads.
    """

    address: str
    marker: str
    marker_host: str
    own: bool
    group: str
    log: str
    links: tuple[tuple[str, str], ...] = ()
    check: tuple[str, ...] = ()
    reload: tuple[str, ...] = ()
    helper: tuple[str, ...] = ()
    site: str = ""


NO_FRONT = Front("", "", "", own=False, group="", log="")
"""What stands for it where visitors do not come."""


@record
@dataclass(frozen=True)
class Control:
    """The supervisord that keeps the programs: `own` is started by us when it does not run."""

    socket: str
    programs: str
    own: bool
    start: tuple[str, ...] = ()


@record
@dataclass(frozen=True)
class Release:
    """A complete release of `app`. Times are UTC in ISO 8601; `fingerprint` is equal when nothing changed."""

    app: str
    id: str
    created: str
    commit: str
    subject: str
    env: str
    project: str
    programs: tuple[Program, ...]
    probe: ProbeSpec
    front: Front
    control: Control
    url: str
    fingerprint: str
    drain_seconds: float
    watch_seconds: float
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def serves(self) -> bool:
        """Whether visitors reach it here; of a release on a host of workers they do not."""
        return any(program.serves for program in self.programs)

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(program.group for program in self.programs)

    @property
    def early(self) -> tuple[str, ...]:
        """The groups of the programs that work beside those of another release until the switch."""
        return tuple(program.group for program in self.programs if program.early)

    @property
    def workers(self) -> tuple[str, ...]:
        """The groups of the programs that hand over to those of the next release before the switch."""
        return tuple(program.group for program in self.programs if not program.early)


def new_release(layout: Layout, named: str) -> str:
    """The id for a release: "+SUFFIX" stands for the time now and the suffix, anything else for itself.

    For example "20261122-101112-1a2b3c4d": ids sort by time, and none is given twice.
    """
    if not named.startswith("+"):
        return named
    while True:
        identity = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{named[1:]}"
        if not os.path.exists(layout.release(identity)):
            return identity
        time.sleep(0.1)
