"""Steps that judge a release by what it does: its templates, and its pages beside those of the live release."""

from __future__ import annotations

from ..context import Context
from ..core.actions.audit import Audit, CheckPackages
from ..core.actions.base import Action
from ..core.actions.django import Judge
from ..core.actions.smoke import ComparePages
from ..core.plan import Failure, Phase, Step
from ..core.release import Release

PAGES, PACKAGES = "selfdeploy.E030", "selfdeploy.W034"
VULNERABLE, UNKNOWN = "selfdeploy.W035", "selfdeploy.W036"

OVERRULE = "Mend it and deploy again; `--accept ID` overrules a check, and the record says so."


def queued_tasks(context: Context) -> Step:
    """Tasks that wait under names that the new release does not have, told while the old workers still take them."""
    looks = context.leads and bool(context.known_facts.workers)
    judging = Judge(context.agent, "queued_tasks", context.accepted, context.target.refuse)
    return Step(
        Phase.START.value,
        "look at the tasks that wait",
        (judging,) if looks else (),
        failure=Failure("ReleaseError", "REFUSE says that this stops a deployment.", OVERRULE),
    )


def check_packages(context: Context) -> Step:
    """The packages of a new environment fit each other; and, where AUDIT is on, nothing is known against them."""
    target, python = context.target, f"{context.env}/bin/python"
    overruled = (context.accepted, target.refuse)
    check = (context.uv, "pip", "check", "--python", python) if context.uv else (python, "-m", "pip", "check")
    actions: list[Action] = [] if context.env_exists else [CheckPackages(check, PACKAGES, *overruled)]
    actions += [Audit(context.env, VULNERABLE, UNKNOWN, *overruled)] if target.audit else []
    return Step(
        Phase.STAGE.value,
        "check the packages",
        tuple(actions),
        failure=Failure("RequirementsError", "REFUSE says that this stops a deployment.", OVERRULE),
    )


def check_templates(context: Context) -> Step:
    """Every template of the project compiles, and the URLs and static files that it names are there."""
    return Step(
        Phase.ACTIVATE.value,
        "check the templates",
        (Judge(context.agent, "templates", context.accepted, context.target.refuse),),
        failure=Failure("ReleaseError", "A template of the new release is broken.", OVERRULE),
    )


def compare_pages(context: Context, new: Release) -> Step:
    """Pages of the new release, before a visitor sees one; what got worse stops here."""
    smoke, facts, old = context.target.smoke, context.known_facts, context.previous
    pages = smoke.choose(facts.pages) if context.target.front.serves else ()
    answers = context.state.live_answers and not context.is_closed
    live = old if old is not None and answers else None
    action = ComparePages(
        new=context.layout.socket(new.id),
        old=context.layout.socket(live.id) if live else "",
        spec=new.probe,
        old_spec=live.probe if live else new.probe,
        pages=pages,
        given=smoke.paths,
        seconds=smoke.seconds,
        page_seconds=smoke.page_seconds,
        agent=context.agent,
        accepted=PAGES in context.accepted,
    )
    return Step(
        Phase.START.value,
        "ask for pages",
        (action,) if pages else (),
        failure=Failure("NotReady", f"A page got worse in the new release ({PAGES}).", OVERRULE),
    )
