"""Everything that a first plan is made from, gathered on this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from django.conf import settings

from . import __version__, inventory
from .conf import Target
from .context import Context
from .core.layout import Layout
from .core.secret import Secret
from .core.state import HostState
from .hosts.base import Blobs
from .hosts.options import Ssh
from .options import Options, Project
from .places import on_host, part_of, surroundings
from .requirements import Requirements, find_requirements, own_requirement
from .shipping import Shipment, ship
from .source import Source, find_source


def look_for(target: Target, *, variables: bool = False) -> dict[str, Any]:
    """What to look at on a host for this target; of a supervisord under the root only the host knows the path.

    `variables` asks for the values of what is live and what is kept.
    """
    control = target.process_manager.control(Layout(""))
    front = target.front
    programs = tuple(filter(None, (front.program, front.helper(target.name), "uv" if target.hosts else "")))
    port = target.port if front.serves else 0
    found = {"control": "" if control.own else control.socket, "port": port, "programs": programs}
    return {**found, "variables": True} if variables else found


def find_code(project: Project, options: Options) -> Source:
    """The source that would be deployed."""
    commit = options.commit or project.target.commit
    return find_source(
        project.folder, commit=commit, allow_dirty=options.allow_dirty, extra_ignores=_state_folders(project)
    )


def _state_folders(project: Project) -> tuple[str, ...]:
    """What inside the project is no source: folders of media and collected static files, and the key of variables."""
    found = []
    named = [getattr(settings, name, "") for name in ("MEDIA_ROOT", "STATIC_ROOT")]
    for name in (*named, project.target.env.key_file):
        path = Path(str(name or project.folder)).expanduser()
        whole = (project.folder / path).resolve()
        if project.folder in whole.parents:
            found.append(whole.relative_to(project.folder).as_posix())
    return tuple(found)


@dataclass(frozen=True)
class Prepared:
    """A context for each host by its name, and where the bytes come from that they ask for."""

    contexts: dict[str, Context]
    read: Blobs


def prepare(
    project: Project,
    source: Source,
    states: Mapping[str, HostState],
    options: Options,
    release: str,
    variables: Secret | None,
) -> Prepared:
    """Everything that the first plans are made from; what all hosts have in common is read once."""
    target = project.target
    requirements = find_requirements(source, named=target.requirements, own=own_requirement())
    keys = {name: requirements.key(target.python or state.interpreter) for name, state in states.items()}
    lacking = any(keys[name] not in state.envs for name, state in states.items())
    shipment = Shipment(requirements, {})
    if target.hosts and lacking:
        shipment = ship(source, requirements, uv=find_uv("auto"))
    found, texts = shipment.requirements, dict.fromkeys(states, variables)
    contexts = contexts_for(project, source, states, options, release, found, keys, texts)
    return Prepared(contexts, lambda blobs: shipment.read(source, blobs))


def contexts_for(
    project: Project,
    source: Source,
    states: Mapping[str, HostState],
    options: Options,
    release: str,
    requirements: Requirements | None,
    env_keys: Mapping[str, str],
    variables: Mapping[str, Secret | None],
) -> dict[str, Context]:
    """The contexts of a release `release` by host. `requirements` is None where the environments are there, a host's
    `variables` where it is to use what it keeps.
    """
    found, lead = {}, lead_of(project.target, tuple(states))
    alike = _alike(project, states, options)
    for name, state in states.items():
        target, layout = target_on(project.target, name), Layout(state.root)
        context = Context(
            target=target,
            layout=layout,
            state=state,
            source=source,
            requirements=requirements,
            env_key=env_keys[name],
            release=release,
            python=target.python or state.python,
            uv=uv_on(state, target),
            variables=variables[name],
            host=name,
            leads=name == lead,
            **alike,
        )
        base = f"{layout.release(context.previous.id)}/source" if context.previous else ""
        found[name] = replace(context, base=base, fingerprint=fingerprint(context))
    return found


def _alike(project: Project, states: Mapping[str, HostState], options: Options) -> dict[str, Any]:
    """What the contexts of all hosts have in common besides the release itself."""
    return {
        "skip_tests": options.skip_tests,
        "accept": options.accept,
        "others_run": any(one.live is not None for one in states.values()),
        "around": surroundings(project.target),
        "left_out": tuple(host.name for host in project.target.hosts if host.name not in states),
        "window_key": options.window_key,
        "judged": options.judged,
        "created": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def lead_of(target: Target, names: tuple[str, ...]) -> str:
    """Which of the hosts called `names` does what is done once for all of them."""
    among = [host for host in target.hosts if host.name in names]
    return inventory.lead(among).name if among else names[0]


def target_on(target: Target, name: str) -> Target:
    """The target as the host called `name` sees it; this machine sees it as it is."""
    host = next((host for host in target.hosts if host.name == name), None)
    return on_host(target, host) if host else target


def fingerprint(context: Context) -> str:
    """Equal for two deployments that would give the same site."""
    digest = hashlib.sha256()
    for entry in context.source.entries:
        digest.update(f"{entry.path}\0{entry.blob}\0{entry.mode}\0".encode("utf-8", "surrogateescape"))
    digest.update(context.env_key.encode())
    variables = context.variables or context.state.kept_variables or Secret("")
    digest.update(variables.reveal().encode("utf-8", "surrogateescape"))
    # other hosts make no other site of this one, nor do other judgements
    alone = replace(context.target, hosts=(), batch=1, ssh=Ssh(), migrations={})
    digest.update(f"{alone!r}\0{part_of(context.target, context.host)!r}\0{__version__}".encode())
    return digest.hexdigest()[:32]


def uv_on(state: HostState, target: Target) -> str:
    """The path of uv where the target's packages are installed; "" where pip is to be used.

    On this machine it is the one that came with this package, on others their own, or else that of the root's tools.
    """
    if not target.hosts or target.installer == "pip":
        return find_uv(target.installer)
    return state.programs.get("uv", "") or Layout(state.root).uv


def find_uv(installer: str) -> str:
    """The path of uv; "" where pip is to be used, or is all there is."""
    if installer == "pip":
        return ""
    try:
        import uv

        return str(uv.find_uv_bin())
    except (ImportError, FileNotFoundError):
        return ""
