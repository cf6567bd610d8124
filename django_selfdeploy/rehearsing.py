"""What a deployment would do, without doing it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from . import judgements, process_judgements
from .context import Context
from .core.plan import Plan
from .hosts.fleet import naming
from .operations import look
from .options import Options, Project
from .preparation import find_code, prepare
from .project import dry, variables
from .project.facts import ProjectFacts
from .reaching import connected
from .source import Source
from .steps import plans, stage


@dataclass(frozen=True)
class Rehearsal:
    """What a deployment would do on a host: its context with facts, both plans, and `live`, the generated files that
    are live, by name.
    """

    context: Context
    plans: tuple[Plan, Plan]
    live: dict[str, str]


def rehearse(project: Project, options: Options, *, sql: bool = True) -> dict[str, Rehearsal]:
    """What a deployment would do now, by host. Nothing is locked or changed.

    The facts are those of the work tree, under the target's environment: no release is there to be asked yet.
    """
    source = find_code(project, options)
    with connected(project) as fleet:
        states = look(project, fleet)
        live = fleet.each(lambda name, connection: connection.files())
    release = f"{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-{source.short}"
    contexts = prepare(project, source, states, options, release).contexts
    several = len(contexts) > 1
    for name, context in contexts.items():
        with naming(name, several=several):
            judgements.judge_host(context)
    facts = _rehearsed(project, source, next(iter(contexts.values())), sql=sql)
    found = {}
    for name, context in contexts.items():
        context = replace(context, facts=facts)
        judgements.judge_release(context)
        process_judgements.judge(context)
        found[name] = Rehearsal(context, (plans.stage_plan(context), plans.activate_plan(context)), live[name])
    return found


def _rehearsed(project: Project, source: Source, context: Context, *, sql: bool) -> ProjectFacts:
    path = variables.find(project.folder, named=project.target.env_file, alias=project.target.alias)
    kept = Path(context.layout.variables)
    top = project.folder if not source.project else project.folder.parents[source.project.count("/")]
    return dry.facts(
        stage.environment(context),
        code=top,
        project=project.folder,
        variables=path or (kept if kept.exists() else None),
        sql=sql,
    )
