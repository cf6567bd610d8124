"""What `deploy --dry-run` prints: the plan, the files that would differ, and the migrations with their SQL."""

from __future__ import annotations

import difflib
import json
from typing import Any

from django.core.management.base import BaseCommand

from django_selfdeploy import judgements, operations
from django_selfdeploy.context import Context
from django_selfdeploy.core import codec
from django_selfdeploy.core.plan import Plan
from django_selfdeploy.options import Options, Project
from django_selfdeploy.steps.activate import generated_files
from django_selfdeploy.tell.console import print_plan
from django_selfdeploy.tell.jsonlines import dumps


def print_rehearsal(command: BaseCommand, project: Project, asked: Options, **options: Any) -> None:
    """Print it; nothing on the host is locked or changed."""
    context, plans = operations.rehearse(project, asked)
    if options["as_json"]:
        command.stdout.write(dumps(as_json(context, plans)))
        return
    write = command.stdout.write
    write(f"Plan for target {project.target.alias!r} on {context.state.host}, root {project.layout.root}.")
    write("Facts are those of the work tree here, under the target's environment.")
    if operations.is_unchanged(context):
        write(f"Nothing changed: {context.state.current} is live, and a deployment would leave it so.")
    for remark in judgements.remarks(context):
        write(f"note: {remark}")
    for warning in judgements.warnings(context.known_facts):
        write(f"warning: {warning}")
    for plan in plans:
        print_plan(plan, command.stdout, verbosity=options["verbosity"])
    _print_migrations(command, context)
    for name, difference in differences(context).items():
        write(f"\n{name}:\n{difference}")


def as_json(context: Context, plans: tuple[Plan, ...]) -> dict[str, Any]:
    """The rehearsal for programs."""
    facts = context.known_facts
    return {
        "target": context.target.alias,
        "release": context.release,
        "unchanged": operations.is_unchanged(context),
        "plans": [json.loads(codec.dumps(plan)) for plan in plans],
        "facts": facts.to_json(),
        "files": differences(context),
    }


def differences(context: Context) -> dict[str, str]:
    """Unified diffs of the generated files against those that are live, by name; equal ones are left out.

    What differs only by the release's id does not count.
    """
    live = f"{context.layout.current}/etc"
    found = {}
    for name, text in generated_files(context).items():
        before = _text(f"{live}/{name}").replace(context.state.current or "\0", "RELEASE")
        after = text.replace(context.release, "RELEASE")
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "live", "new", lineterm="")
        if difference := "\n".join(lines):
            found[name] = difference
    return found


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def _print_migrations(command: BaseCommand, context: Context) -> None:
    for migration in context.known_facts.pending:
        reversible = "" if migration.reversible else ", irreversible"
        command.stdout.write(f"\nmigration {migration.app}.{migration.name} on {migration.alias!r}{reversible}")
        for operation in migration.operations:
            command.stdout.write(f"    {operation}")
        for statement in migration.sql:
            command.stdout.write(f"        {statement}")
