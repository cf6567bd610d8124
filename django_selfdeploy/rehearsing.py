"""What a deployment would do, without doing it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone

from . import judgements, process_judgements
from .context import Context
from .core.masking import secrets_of
from .core.plan import Plan
from .env_sources import gather
from .hosts.fleet import naming
from .operations import look
from .options import Options, Project
from .preparation import find_code, prepare
from .project import contract, dry
from .project.env_text import parsed
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
    source, here = find_code(project, options), gather(project)
    with connected(project) as fleet:
        states = look(project, fleet, variables=True)
        live = fleet.each(lambda name, connection: connection.files())
    release = f"{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-{source.short}"
    contexts = prepare(project, source, states, options, release, here.text).contexts
    several = len(contexts) > 1
    for name, context in contexts.items():
        with naming(name, several=several):
            judgements.judge_host(context)
    lead, context = next(iter(contexts.items()))
    facts = _rehearsed(project, source, context, live[lead].get(contract.FILE, ""), here.secrets, sql=sql)
    found = {}
    for name, context in contexts.items():
        context = replace(context, facts=facts)
        judgements.judge_release(context)
        process_judgements.judge(context)
        found[name] = Rehearsal(context, (plans.stage_plan(context), plans.activate_plan(context)), live[name])
    return found


def _rehearsed(
    project: Project, source: Source, context: Context, before: str, secrets: tuple[str, ...], *, sql: bool
) -> ProjectFacts:
    kept = context.state.kept_variables
    top = project.folder if not source.project else project.folder.parents[source.project.count("/")]
    return dry.facts(
        stage.environment(context),
        code=top,
        project=project.folder,
        variables=context.variables or kept,
        admin=project.target.database_admin,
        sql=sql,
        before=before,
        around=context.around,
        secrets=(*secrets, *(secrets_of(parsed(kept.reveal())) if kept else ())),
    )
