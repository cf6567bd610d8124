"""Everything that a first plan is made from, gathered on this machine."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from django.conf import settings

from . import __version__
from .conf import Target
from .context import Context
from .core.layout import Layout
from .core.secret import Secret
from .core.state import HostState
from .options import Options, Project
from .project import variables
from .requirements import Requirements, find_requirements, own_requirement
from .source import Source, find_source


def look_for(target: Target) -> dict[str, Any]:
    """What to look at on a host for this target; of a supervisord under the root only the host knows the path."""
    control = target.process_manager.control(Layout(""))
    programs = (target.front.program,) if target.front.program else ()
    return {"control": "" if control.own else control.socket, "port": target.port, "programs": programs}


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
    key = requirements.key(project.target.python or state.interpreter)
    return context_for(project, source, state, options, release, requirements, key)


def context_for(
    project: Project,
    source: Source,
    state: HostState,
    options: Options,
    release: str,
    requirements: Requirements | None,
    env_key: str,
) -> Context:
    """The context of a release `release` with the environment `env_key`; `requirements` is None where that is there."""
    target, layout = project.target, Layout(state.root)
    context = Context(
        target=target,
        layout=layout,
        state=state,
        source=source,
        requirements=requirements,
        env_key=env_key,
        release=release,
        python=target.python or state.python,
        uv=find_uv(target.installer),
        variables=read_variables(project)[0],
        skip_tests=options.skip_tests,
        created=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    base = f"{layout.release(context.previous.id)}/source" if context.previous else ""
    return replace(context, base=base, fingerprint=fingerprint(context))


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


def find_uv(installer: str) -> str:
    """The path of uv; "" where pip is to be used, or is all there is."""
    if installer == "pip":
        return ""
    try:
        import uv

        return str(uv.find_uv_bin())
    except (ImportError, FileNotFoundError):
        return ""
