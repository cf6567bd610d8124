"""The public API: what the commands call, and what a project's own scripts may call too."""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
import socket
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from django.conf import settings

from . import __version__, judgements
from .backends.base import Part
from .conf import Process, Target
from .context import Context
from .core import power as power_plans
from .core.agent import ANSWERS, AgentSpec
from .core.errors import DeployError, NothingThere, Unchanged
from .core.events import Warned
from .core.layout import Layout
from .core.plan import Plan
from .core.release import Release
from .core.rollback import rollback_plan
from .core.secret import MASK, Secret
from .core.state import HostState
from .hosts import local
from .hosts.base import Connection, Listener
from .hosts.interrupt import calling_off
from .kept import KeptSource
from .project import dry, variables
from .project.facts import ProjectFacts
from .requirements import Requirements, find_requirements, own_requirement
from .source import Source, find_source
from .steps import activate, plans, stage


@dataclass(frozen=True)
class Options:
    """What a deployment was asked for besides its target. `lock_wait` is in seconds; `began` is the moment on
    time.monotonic()'s clock at which the user gave the command.
    """

    commit: str = ""
    allow_dirty: bool = False
    skip_tests: bool = False
    force: bool = False
    lock_wait: float = 0.0
    wait: bool = True
    began: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Outcome:
    """What came of it: `status` is "succeeded" or "unchanged"; `release` is what is live now."""

    status: str
    deployment: str
    release: str
    url: str


@dataclass(frozen=True)
class Project:
    """The project on this machine: `folder` is that of manage.py."""

    folder: Path
    target: Target

    @property
    def layout(self) -> Layout:
        return Layout(root_of(self.target))


def root_of(target: Target) -> str:
    """The root on this machine: as set, else /srv/NAME for root, else ~/.local/share/selfdeploy/NAME."""
    if target.root:
        return os.path.normpath(target.root)
    if os.geteuid() == 0:
        return f"/srv/{target.name}"
    return os.path.expanduser(f"~/.local/share/selfdeploy/{target.name}")


@contextmanager
def connected(project: Project) -> Iterator[Connection]:
    """A runner on the target's host; Ctrl-C asks it to stop, and what it says is waited for."""
    with local.connected() as connection, calling_off(connection.call_off):
        yield connection


def look_for(target: Target) -> dict[str, Any]:
    """What to look at on a host for this target."""
    bare = _bare_context(target)
    control = target.process_manager.control(bare)
    programs = (target.front.program,) if target.front.program else ()
    return {"control": control.socket, "port": target.port, "programs": programs}


def look(project: Project, connection: Connection) -> HostState:
    """The state of the host, without a lock: nothing is changed, not even a folder made."""
    return connection.open(project.layout.root, look=look_for(project.target))


def find_code(project: Project, options: Options) -> Source:
    """The source that would be deployed."""
    commit = options.commit or project.target.commit
    return find_source(
        project.folder, commit=commit, allow_dirty=options.allow_dirty, extra_ignores=_state_folders(project)
    )


def _state_folders(project: Project) -> tuple[str, ...]:
    """Folders inside the project that hold media and collected static files, which are no source."""
    found = []
    for name in ("MEDIA_ROOT", "STATIC_ROOT"):
        path = Path(str(getattr(settings, name, "") or project.folder))
        whole = (project.folder / path).resolve()
        if project.folder in whole.parents:
            found.append(whole.relative_to(project.folder).as_posix())
    return tuple(found)


def prepare(project: Project, source: Source, state: HostState, options: Options, release: str) -> Context:
    """Everything that a first plan is made from."""
    requirements = find_requirements(source, named=project.target.requirements, own=own_requirement())
    key = requirements.key(interpreter(project.target))
    return _context(project, source, state, options, release, requirements, key)


def _context(
    project: Project,
    source: Source,
    state: HostState,
    options: Options,
    release: str,
    requirements: Requirements | None,
    env_key: str,
) -> Context:
    target, layout = project.target, project.layout
    context = Context(
        target=target,
        layout=layout,
        state=state,
        source=source,
        requirements=requirements,
        env_key=env_key,
        release=release,
        python=target.python or base_python(),
        uv=find_uv(target.installer),
        variables=read_variables(project)[0],
        skip_tests=options.skip_tests,
        created=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    base = f"{layout.release(context.previous.id)}/source" if context.previous else ""
    return replace(context, base=base, fingerprint=fingerprint(context))


def deploy(project: Project, options: Options, listeners: tuple[Listener, ...]) -> Outcome:
    """Take the project to a running site. Raises a DeployError; nothing has changed then, or it was taken back."""
    source = find_code(project, options)
    with connected(project) as connection:
        connection.source = source.read
        about = about_deployment(project, "deploy", f"+{source.short}", options, source)
        state = _open(connection, project, about, options, listeners)
        with _giving_up(connection, project, state):
            context = prepare(project, source, state, options, connection.release)
            if not options.force and is_unchanged(context):
                live = _live(state)
                raise Unchanged(f"Nothing changed: {live.id} is live.")
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
            context = _context(project, source, state, skipping, connection.release, None, live.env)
            return _go(connection, context, "restart", options)


def _go(connection: Connection, context: Context, kind: str, options: Options) -> Outcome:
    """Stage, look, judge, activate."""
    judgements.judge_host(context)
    answers = connection.carry_out(plans.stage_plan(context, kind=kind))
    context = replace(context, facts=ProjectFacts.from_json(answers["facts"]))
    judgements.judge_release(context)
    connection.tell(*(Warned(remark) for remark in judgements.remarks(context)))
    url = site_url(context)
    more = {"versions": {**context.known_facts.versions, "django-selfdeploy": __version__}}
    connection.carry_out(
        plans.activate_plan(context, kind=kind),
        url=url,
        last=True,
        record=context.agent,
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
            connection.abandon(error, record=recorder(project.layout, state))
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
        project.layout.root,
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
            plan = rollback_plan(project.layout, state, to=to, target=project.target.alias)
            known = state.known(plan.release)
            url = known.release.url if known and known.release else ""
            spec = recorder_of(project.layout, plan.release)
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
            steps = {"stop": power_plans.stopping, "start": power_plans.starting}[kind](project.layout, live)
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


def about_deployment(
    project: Project, kind: str, release: str, options: Options, source: Source | None
) -> dict[str, Any]:
    """What the journal says of a deployment from its beginning."""
    return {
        "kind": kind,
        "target": project.target.alias,
        "release": release,
        "commit": (source.commit or "") if source else "",
        "subject": source.subject if source else "",
        "dirty": source.dirty if source else False,
        "who": who(),
        "versions": {"django-selfdeploy": __version__, "python": platform.python_version()},
        "configuration": described(project.target),
        "options": {"skip_tests": options.skip_tests, "force": options.force, "wait": options.wait},
        "elapsed": time.monotonic() - options.began,
    }


def described(target: Target) -> dict[str, Any]:
    """The target as plain values for the record; what could hold a secret is masked."""
    return {f.name: _plain(f.name, getattr(target, f.name)) for f in fields(target)}


def _plain(name: str, value: Any) -> Any:
    if any(word in name.lower() for word in ("secret", "password", "token", "key")):
        return MASK
    if isinstance(value, (Part, Process)):
        inner = {f.name: _plain(f.name, getattr(value, f.name)) for f in fields(value)}
        return {"backend": type(value).__name__, **inner} if isinstance(value, Part) else inner
    if isinstance(value, dict):
        return {key: _plain(str(key), item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def read_variables(project: Project) -> tuple[Secret | None, dict[str, str]]:
    """The text of the target's environment file and its variables; None where this machine has none."""
    path = variables.find(project.folder, named=project.target.env_file, alias=project.target.alias)
    return variables.read(path) if path else (None, {})


def fingerprint(context: Context) -> str:
    """Equal for two deployments that would give the same site."""
    digest = hashlib.sha256()
    for entry in context.source.entries:
        digest.update(f"{entry.path}\0{entry.blob}\0{entry.mode}\0".encode("utf-8", "surrogateescape"))
    digest.update(context.env_key.encode())
    digest.update((context.variables.reveal() if context.variables else "").encode("utf-8", "surrogateescape"))
    digest.update(f"{context.target!r}\0{__version__}".encode())
    return digest.hexdigest()[:32]


def recorder(layout: Layout, state: HostState) -> AgentSpec | None:
    """The Django process that can write records when the new release cannot: that of the live one."""
    return recorder_of(layout, state.current) if state.live else None


def recorder_of(layout: Layout, release: str) -> AgentSpec:
    folder = layout.release(release)
    words = ("-m", "django_selfdeploy.launch", folder, "python", "manage.py", "selfdeploy_agent", ANSWERS)
    return AgentSpec((f"{folder}/env/bin/python", *words), folder)


def interpreter(target: Target) -> str:
    """The interpreter of the virtualenv as a text: its kind, version and platform, or the path that was set."""
    own = f"{sys.implementation.name}-{platform.python_version()}-{sysconfig.get_platform()}"
    return target.python or own


def base_python() -> str:
    """The interpreter behind the virtualenv that runs this."""
    return getattr(sys, "_base_executable", "") or sys.executable


def find_uv(installer: str) -> str:
    """The path of uv; "" where pip is to be used, or is all there is."""
    if installer == "pip":
        return ""
    try:
        import uv

        return str(uv.find_uv_bin())
    except (ImportError, FileNotFoundError):
        return ""


def who() -> str:
    """Who deploys: the user, the one behind sudo, or the one that a CI names."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.geteuid())
    person = os.environ.get("SUDO_USER") or user
    return f"{person}@{socket.gethostname()}"


def site_url(context: Context) -> str:
    """Where the site can be seen."""
    return activate.url(context, activate.probe(context))


def _bare_context(target: Target) -> Any:
    """As much of a context as a process manager needs to say where it is."""
    return _Bare(target, Layout(root_of(target)))


@dataclass(frozen=True)
class _Bare:
    target: Target
    layout: Layout
