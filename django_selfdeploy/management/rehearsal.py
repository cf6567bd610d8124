"""What `deploy --dry-run` prints: the plan, the files that would differ, and the migrations with their SQL."""

from __future__ import annotations

import difflib
import json
from typing import Any

from django.core.management.base import BaseCommand

from django_selfdeploy import judgements, operations, process_judgements
from django_selfdeploy.core import codec
from django_selfdeploy.options import Options, Project
from django_selfdeploy.rehearsing import Rehearsal, rehearse
from django_selfdeploy.steps.activate import generated_files
from django_selfdeploy.story import about_migrations
from django_selfdeploy.tell.console import print_plan
from django_selfdeploy.tell.jsonlines import dumps
from django_selfdeploy.tell.migrations import print_migrations

Hosts = tuple[str, ...]


def print_rehearsal(command: BaseCommand, project: Project, asked: Options, **options: Any) -> None:
    """Print it; nothing on the hosts is locked or changed. Hosts that would be treated alike are told of once."""
    rehearsed = rehearse(project, asked)
    if options["as_json"]:
        for name, one in rehearsed.items():
            command.stdout.write(dumps({**({"host": name} if name else {}), **as_json(one)}))
        _refuse(rehearsed)
        return
    for names, one in alike(rehearsed):
        _print(command, one, names, **options)
    print_migrations(next(iter(rehearsed.values())).context, command.stdout)
    _refuse(rehearsed)


def _refuse(rehearsed: dict[str, Rehearsal]) -> None:
    """What the deployment itself would refuse, once everything is shown. Raises MigrationRefused."""
    for one in rehearsed.values():
        judgements.judge_migrations(one.context)


def alike(rehearsed: dict[str, Rehearsal]) -> list[tuple[Hosts, Rehearsal]]:
    """The hosts put together whose plans and differences are the same."""
    groups: list[tuple[Hosts, Rehearsal]] = []
    for name, one in rehearsed.items():
        for number, (names, other) in enumerate(groups):
            if one.plans == other.plans and differences(one) == differences(other):
                groups[number] = ((*names, name), other)
                break
        else:
            groups.append(((name,), one))
    return groups


def as_json(one: Rehearsal) -> dict[str, Any]:
    """The rehearsal of a host for programs."""
    facts = one.context.known_facts
    return {
        "target": one.context.target.alias,
        "release": one.context.release,
        "unchanged": operations.is_unchanged(one.context),
        "plans": [json.loads(codec.dumps(plan)) for plan in one.plans],
        "facts": facts.to_json(),
        "migrations": about_migrations(one.context),
        "variables": one.context.changed_variables.to_json(),
        "processes": process_judgements.about(one.context),
        "files": differences(one),
    }


def differences(one: Rehearsal) -> dict[str, str]:
    """Unified diffs of the generated files against those that are live, by name; equal ones are left out.

    What differs only by the release's id does not count.
    """
    found = {}
    for name, text in generated_files(one.context).items():
        before = one.live.get(name, "").replace(one.context.state.current or "\0", "RELEASE")
        after = text.replace(one.context.release, "RELEASE")
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "live", "new", lineterm="")
        if difference := "\n".join(lines):
            found[name] = difference
    return found


def _print(command: BaseCommand, one: Rehearsal, names: Hosts, **options: Any) -> None:
    context, write = one.context, command.stdout.write
    where = ", ".join(filter(None, names)) or context.state.host
    write(f"Plan for target {context.target.alias!r} on {where}, root {context.layout.root}.")
    write("Facts are those of the work tree here, under the target's environment.")
    if operations.is_unchanged(context):
        write(f"Nothing changed: {context.state.current} is live, and a deployment would leave it so.")
    for alias, missing in context.known_facts.to_create.items():
        write(f"note: The database {alias!r} cannot be used yet; a deployment makes {missing}.")
    if context.changed_variables:
        write(f"Variables, against the live release: {context.changed_variables}.")
    for remark in judgements.remarks(context):
        write(f"note: {remark}")
    for process in process_judgements.told(context):
        write(f"note: {process}")
    for warning in (*process_judgements.without_host(context), *judgements.warnings(context)):
        write(f"warning: {warning}")
    for warning in judgements.on_migrations(context):
        write(f"warning: {warning}")
    for plan in one.plans:
        print_plan(plan, command.stdout, verbosity=options["verbosity"])
    for name, difference in differences(one).items():
        write(f"\n{name}:\n{difference}")
