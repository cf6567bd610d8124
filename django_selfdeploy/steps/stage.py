"""Steps after which a release lies on the host, complete but unseen."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace

from ..context import Context
from ..core import recovery
from ..core.actions.base import Action
from ..core.actions.django import Ask
from ..core.actions.files import CopyFile, KeepSecret, Link, MakeFolders, Remove, Write
from ..core.actions.processes import Run
from ..core.actions.source import Receive
from ..core.actions.variables import NoteVariables
from ..core.plan import Failure, Phase, Step
from ..project import importing
from ..shipping import WHEELS

SUPERVISOR, UV = ("supervisor>=4.3.0",), ("uv>=0.5",)
"""What tools/ holds. supervisor does without pkg_resources from 4.3 on."""

PRIVATE, PASSABLE = 0o750, 0o711
"""Modes of folders: logs and journals are nobody else's business; the front server passes through shared/."""


def recover(context: Context) -> Step:
    control = context.target.process_manager.control(context.layout)
    return recovery.recover(context.layout, context.state, control=control)


def receive_source(context: Context) -> Step:
    """A new folder with the source; what did not change is copied from the live release."""
    layout = context.layout
    folders = (layout.releases, layout.envs, layout.etc, layout.programs, layout.bin, layout.run)
    served = (layout.media, layout.old_static)
    return Step(
        Phase.STAGE.value,
        "lay the source down",
        (
            MakeFolders((layout.root, *folders, *served)),
            MakeFolders((layout.shared,), PASSABLE),
            MakeFolders((layout.log, layout.journals, layout.release_log(context.release)), PRIVATE),
            MakeFolders((context.folder, context.etc, context.public)),
            Receive(context.code, context.source.entries, base=context.base),
            Link(f"{context.folder}/env", f"../../envs/{os.path.basename(context.env)}"),
        ),
        undo=(Remove((context.folder,)),),
        failure=Failure("SourceError", "The source could not be laid down on the host."),
    )


def set_variables(context: Context) -> Step:
    """The release's environment: constants in etc/environment.json, variables in .env beside manage.py."""
    layout = context.layout
    constants = json.dumps(environment(context), indent=2, sort_keys=True)
    actions: list[Action] = [
        KeepSecret(layout.secret_key),
        Write(f"{context.etc}/environment.json", f"{constants}\n"),
    ]
    own = f"{context.project}/.env"
    if context.variables is None:
        actions.append(CopyFile(layout.variables, own, 0o600))
    else:
        actions.append(Write(own, context.variables, 0o600))
    if changes := context.changed_variables:
        actions.append(NoteVariables(str(changes)))
    return Step(Phase.STAGE.value, "set the environment variables", tuple(actions))


def environment(context: Context) -> dict[str, str]:
    """The constants of the release's processes; no secret is among them."""
    target, layout = context.target, context.layout
    return {
        "DJANGO_SETTINGS_MODULE": "django_selfdeploy.live_settings",
        "LANG": "C.UTF-8",
        "PATH": f"{context.folder}/env/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
        "PYTHONUNBUFFERED": "1",
        "SELFDEPLOY_ADJUST": "1" if target.adjust_settings else "0",
        "SELFDEPLOY_CODE": context.code,
        "SELFDEPLOY_MEDIA": layout.media,
        "SELFDEPLOY_PROJECT": context.project,
        "SELFDEPLOY_PUBLIC": context.public,
        "SELFDEPLOY_RELEASE": context.release,
        "SELFDEPLOY_ROOT": layout.root,
        "SELFDEPLOY_SETTINGS": target.settings_module,
        "SELFDEPLOY_SHARED": layout.shared,
        "SELFDEPLOY_TARGET": target.alias,
        "SELFDEPLOY_VARIABLES": f"{context.project}/.env",
    }


def install_environment(context: Context) -> Step:
    """The virtualenv of these requirements; nothing to do where it is there already and complete."""
    actions = _tools(context)
    if not context.env_exists:
        actions += _new_environment(context)
    return Step(
        Phase.STAGE.value,
        "install the environment",
        actions,
        failure=Failure(
            "RequirementsError",
            "The requirements cannot be installed.",
            "Mend the requirement files; the live release is untouched.",
        ),
    )


def _new_environment(context: Context) -> tuple[Action, ...]:
    """Made at its final path, since scripts in it name it; `.complete` is written last."""
    env, requirements = context.env, context.requirements
    assert requirements is not None, "an environment that is there is not made anew"
    listed, wheels = f"{env}/requirements.txt", f"{env}/wheels"
    install: list[Action] = []
    files = [f"{context.code}/{path}" for path in requirements.install_from]
    if requirements.kind == "uv.lock":
        exported = f"{env}/exported.txt"
        folder = os.path.dirname(files[0])
        install.append(Run(_export(context, folder, exported), cwd=folder, quiet=True))
        files = [exported]
    return (
        Remove((env,)),
        Run(_make(context.python, context.uv, env)),
        *((Receive(wheels, requirements.wheels),) if requirements.wheels else ()),
        Write(listed, "".join(f"{line.replace(WHEELS, wheels)}\n" for line in requirements.lines)),
        *install,
        Run(_install(context.uv, env, (*files, listed)), cwd=context.code),
        Run((f"{env}/bin/python", "-c", "import django, django_selfdeploy.launch, gunicorn"), quiet=True),
        Write(f"{env}/.complete", f"{requirements.kind}\n"),
    )


def _make(python: str, uv: str, env: str) -> tuple[str, ...]:
    if uv:
        return (uv, "venv", "--quiet", "--python", python, env)
    return (python, "-m", "venv", env)


def _install(uv: str, env: str, files: tuple[str, ...]) -> tuple[str, ...]:
    """Without --compile-bytecode: it compiles all of every package, which costs more than the rest of the install.

    What is imported is compiled by the release's Django before the first worker starts.
    """
    named = tuple(word for path in files for word in ("--requirement", path))
    if uv:
        return (uv, "pip", "install", "--python", f"{env}/bin/python", *named)
    return (f"{env}/bin/python", "-m", "pip", "install", "--disable-pip-version-check", *named)


def _export(context: Context, folder: str, to: str) -> tuple[str, ...]:
    """uv's lock as requirements with hashes; the project itself runs from its source and is not installed."""
    words = ("export", "--frozen", "--no-dev", "--no-emit-project", "--quiet", "--output-file", to)
    return (context.uv or "uv", *words, "--project", folder)


def _tools(context: Context) -> tuple[Action, ...]:
    """supervisord lives in an environment of its own, so that it outlives the releases'; uv with it on a host that
    has none.
    """
    tools, own = context.layout.tools, context.target.process_manager.control(context.layout).own
    needed = (*(SUPERVISOR if own else ()), *(UV if context.uv_from_tools else ()))
    if context.state.tools:
        needed = UV if context.uv_from_tools and not context.has_uv else ()
    if not needed:
        return ()
    uv = "" if context.uv_from_tools else context.uv
    listed = f"{tools}/requirements.txt"
    make = () if context.state.tools else (Remove((tools,)), Run(_make(context.python, uv, tools)))
    return (
        *make,
        Write(listed, "".join(f"{line}\n" for line in needed)),
        Run(_install(uv, tools, (listed,)), quiet=True),
        *((Run((f"{tools}/bin/supervisord", "--version"), quiet=True),) if own else ()),
        Write(f"{tools}/.complete", "tools\n"),
    )


def read_settings(context: Context) -> Step:
    """The settings of the release load with the variables of the target; all that they lack is told at once.

    Commands of a build may need them, and make files that the settings read: then this process is not kept.
    """
    early = ((importing.ONLY, importing.EARLY),) if context.target.build.commands else ()
    return Step(
        Phase.STAGE.value,
        "read the settings",
        (Ask(replace(context.agent, environment=early), "settings", quiet=True),),
        failure=Failure(
            "ReleaseError",
            "The settings of the new release cannot be loaded.",
            importing.TO_DO,
        ),
    )


def look_at_release(context: Context) -> Step:
    """One Django start in the release answers everything at once."""
    return Step(
        Phase.STAGE.value,
        "look at the release",
        (Ask(context.agent, "facts", json.dumps({"sql": True, "around": asdict(context.around)}), quiet=True),),
        failure=Failure(
            "ReleaseError",
            "The new release cannot be loaded.",
            "Mend what the last lines name; variables belong into the target's .env.",
        ),
    )
