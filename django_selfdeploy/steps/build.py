"""The step that makes files of the release which the source does not hold: a front-end build."""

from __future__ import annotations

import hashlib
import posixpath

from ..context import Context
from ..core.actions.build import Build
from ..core.plan import Failure, Phase, Step


def build(context: Context, *, again: bool = True) -> Step:
    """The commands of BUILD, in the release, with its virtualenv and variables. Unless they may run `again`, what they
    made for the release before is taken over.
    """
    options = context.target.build
    if not options.commands:
        return Step(Phase.STAGE.value, "build", ())
    action = Build(
        folder=context.folder,
        before=context.base.removesuffix("/source"),
        cwd=context.project,
        launch=context.launched(),
        commands=options.commands,
        key=key(context, everything=options.names_tailwind),
        key_of_all=key(context, everything=True),
        packages=packages(context),
        timeout=options.timeout,
        again=again,
    )
    return Step(
        Phase.STAGE.value,
        "build",
        (action,),
        failure=Failure(
            "BuildFailed",
            "A command of BUILD fails in the new release.",
            "Mend what its last lines name; the live release is untouched.",
        ),
    )


def key(context: Context, *, everything: bool) -> str:
    """Equal for two builds that would make the same files: commands, packages, variables, and what they read."""
    options, source = context.target.build, context.source
    digest = hashlib.sha256(repr((options.commands, context.env_key)).encode())
    digest.update((context.variables.reveal() if context.variables else "").encode("utf-8", "surrogateescape"))
    for entry in source.entries:
        if options.reads(posixpath.relpath(entry.path, source.project or "."), everything=everything):
            digest.update(f"{entry.path}\0{entry.blob}\0{entry.mode}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def packages(context: Context) -> tuple[str, ...]:
    """Every package.json of the source."""
    return tuple(e.path for e in context.source.entries if posixpath.basename(e.path) == "package.json")
