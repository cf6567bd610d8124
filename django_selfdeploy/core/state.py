"""What is on a host: the only reading of it, taken in one go and handed to those who decide."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field, replace

from . import codec, front_modules, journal, machine, probe
from .actions.files import DOOMED
from .actions.programs import included
from .codec import record
from .layout import Layout
from .release import BAD, RECORD, UNMIGRATED, Release
from .secret import Secret
from .supervisor import ALIVE, Process, Supervisor, Unreachable


@record
@dataclass(frozen=True)
class Known:
    """A folder below releases/; `release` is None for one that is not complete, `bad` says why it is marked.

    `unmigrated` names migrations that it still lacks, one a line.
    """

    id: str
    release: Release | None
    bad: str
    unmigrated: str = ""


@record
@dataclass(frozen=True)
class HostState:
    """`disk_free` is in bytes; `processes` is None when no supervisord answers; `port_holder` is "" for free.

    `live_answers` says whether the live release answers its probe on its own socket, or has no server. `unfinished`
    are the ids of journals whose runner did not close them, `leftovers` paths that an interrupted run left. `python`
    is the path of the interpreter that looked, `interpreter` its kind, version and platform.
    `front_modules` are the optional modules of nginx: "" for one that is compiled in, else its file.
    `live_variables` and `kept_variables` are the environment files of the live release and of shared/, where they were
    asked for.
    """

    root: str
    exists: bool
    current: str
    releases: tuple[Known, ...]
    live_answers: bool
    processes: tuple[Process, ...] | None
    unfinished: tuple[str, ...]
    leftovers: tuple[str, ...]
    envs: tuple[str, ...]
    tools: bool
    variables: bool
    disk_free: int
    files_free: int
    port_holder: str
    host: str
    user: str
    uid: int
    front_user: str
    boot: str
    boot_installed: bool
    programs: dict[str, str]
    ipv6: bool
    lowest_port: int = 1024
    python: str = ""
    interpreter: str = ""
    front_modules: dict[str, str] = field(default_factory=dict)
    live_variables: Secret | None = None
    kept_variables: Secret | None = None

    def known(self, identity: str) -> Known | None:
        return next((known for known in self.releases if known.id == identity), None)

    @property
    def live(self) -> Release | None:
        """The release that `current` points to, if it is complete."""
        known = self.known(self.current)
        return known.release if known else None

    @property
    def complete(self) -> tuple[Release, ...]:
        """Every complete release, oldest first."""
        return tuple(known.release for known in self.releases if known.release is not None)

    def alive(self, groups: tuple[str, ...]) -> bool:
        """Whether every group runs under supervisord."""
        found = {p.group for p in self.processes or () if p.state in ALIVE}
        return set(groups) <= found

    def any_of(self, groups: tuple[str, ...]) -> bool:
        """Whether supervisord has any of the groups, running or not."""
        return bool({p.group for p in self.processes or ()} & set(groups))


def others_running(live: Release) -> tuple[str, ...]:
    """The groups of other releases that its supervisord runs now, as while a deployment goes on."""
    own = (*live.groups, live.front.group)
    found = (p.group for p in _processes(live.control.socket) or () if p.state in ALIVE)
    return tuple(group for group in found if group.startswith(f"{live.app}-") and group not in own)


def look(
    layout: Layout,
    *,
    control: str = "",
    port: int = 0,
    programs: tuple[str, ...] = (),
    own: str = "",
    variables: bool = False,
) -> HostState:
    """Read everything. `control` is the supervisord's socket, `port` the front's, `programs` names to find.

    `own` is the deployment that looks: its journal is not an unfinished one. `variables` asks for their values.
    """
    found = _looked(layout, control, port, programs, own)
    if not variables:
        return found
    own_text = environment_file(layout.variables_of(found.live.id, found.live.project)) if found.live else None
    return replace(found, live_variables=own_text, kept_variables=environment_file(layout.variables))


def environment_file(path: str) -> Secret | None:
    """The text of an environment file, bytes that are no UTF-8 as surrogates; None where there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return Secret(file.read())
    except OSError:
        return None


def _looked(layout: Layout, control: str, port: int, programs: tuple[str, ...], own: str) -> HostState:
    current = _current(layout)
    releases = tuple(_known(layout, identity) for identity in _names(layout.releases))
    live = next((known.release for known in releases if known.id == current), None)
    running = _processes(control or layout.control)
    disk = os.statvfs(machine.existing(layout.root))
    return HostState(
        root=layout.root,
        exists=os.path.isdir(layout.root),
        current=current,
        releases=releases,
        live_answers=live is not None and _answers(layout, live),
        processes=running,
        unfinished=_unfinished(layout, own),
        leftovers=_leftovers(layout, current, running),
        envs=tuple(n for n in _names(layout.envs) if os.path.exists(f"{layout.env(n)}/.complete")),
        tools=os.path.exists(f"{layout.tools}/.complete"),
        variables=os.path.exists(layout.variables),
        disk_free=disk.f_bavail * disk.f_frsize,
        files_free=disk.f_favail if disk.f_files else 1 << 40,
        port_holder=machine.holder(port, running) if port else "",
        host=socket.gethostname(),
        user=machine.user(),
        uid=os.geteuid(),
        front_user=machine.front_user(),
        boot=machine.boot(),
        boot_installed=machine.boot_installed(layout),
        programs=(found := {name: path for name in programs if (path := _program(layout, name))}),
        ipv6=machine.ipv6(),
        lowest_port=machine.lowest_port(),
        python=machine.base_python(),
        interpreter=machine.interpreter(),
        front_modules=front_modules.find(found["nginx"]) if "nginx" in found else {},
    )


def _program(layout: Layout, name: str) -> str:
    """The path of a program of the machine, or of the root's own tools; "" when it is not there."""
    own = f"{layout.tools}/bin/{name}"
    return machine.find(name) or (own if os.access(own, os.X_OK) else "")


def _current(layout: Layout) -> str:
    try:
        return os.path.basename(os.readlink(layout.current))
    except OSError:
        return ""


def _names(folder: str) -> list[str]:
    """The sub-folders, without those that begin with a dot, sorted: ids begin with their time."""
    try:
        entries = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
    return [name for name in entries if not name.startswith(".")]


def _known(layout: Layout, identity: str) -> Known:
    folder = layout.release(identity)
    return Known(identity, read_release(folder), _text(f"{folder}/{BAD}"), _text(f"{folder}/{UNMIGRATED}"))


def read_release(folder: str) -> Release | None:
    """The record of the release in `folder`; None when it is not complete or not readable."""
    try:
        found = codec.loads(_text(os.path.join(folder, RECORD)))
    except (ValueError, TypeError):
        return None
    return found if isinstance(found, Release) else None


def generated(layout: Layout) -> dict[str, str]:
    """The generated files of the live release by name; none where nothing is live."""
    folder = f"{layout.current}/etc"
    return {name: _text(f"{folder}/{name}") for name in sorted(_listed(folder))}


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def _answers(layout: Layout, release: Release) -> bool:
    if not release.serves:
        return True
    address = f"unix:{layout.socket(release.id)}"
    return probe.ask(address, release.probe, release.id, timeout=5.0).works


def _processes(control: str) -> tuple[Process, ...] | None:
    try:
        return Supervisor(control, timeout=5.0).processes()
    except Unreachable:
        return None


def _unfinished(layout: Layout, own: str) -> tuple[str, ...]:
    stories = journal.newest(layout, 10)
    running = (str(story["id"]) for story in stories if story.get("status") == journal.RUNNING)
    return tuple(identity for identity in running if identity != own)


def _leftovers(layout: Layout, current: str, running: tuple[Process, ...] | None) -> tuple[str, ...]:
    """A window that is still open, half-written files, half-removed folders, logs of releases that never were
    complete, and programs that supervisord would start next time though they are of no release that is live.
    """
    found = _strays(layout, current, running)
    found += [layout.window] if os.path.isdir(layout.window) else []
    places = (layout.root, layout.releases, layout.envs, layout.shared, layout.etc, layout.programs)
    for folder in (*places, layout.journals, layout.log, layout.bin):
        found += [f"{folder}/{name}" for name in _listed(folder) if name.startswith((".tmp-", DOOMED))]
    found += [layout.env(n) for n in _names(layout.envs) if not os.path.exists(f"{layout.env(n)}/.complete")]
    kept = (*_names(layout.releases), os.path.basename(layout.project_log))
    found += [layout.release_log(name) for name in _names(layout.log) if name not in kept]
    return tuple(sorted(found))


def _strays(layout: Layout, current: str, running: tuple[Process, ...] | None) -> list[str]:
    known = " ".join((current, *(process.group for process in running or ())))
    return [link for link, release in included(layout.programs, layout.releases) if release not in known]


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
