"""The actions of `deploy_env`: each has the command, the project, words and options, and gives the exit code."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings

from django_selfdeploy import changing, conf, env_files
from django_selfdeploy.changing import Changed
from django_selfdeploy.core.errors import ConfigError, NothingThere
from django_selfdeploy.env_files import Edit, place_of, replacing, setting
from django_selfdeploy.env_sources import encrypted_file, gather, keyring
from django_selfdeploy.options import Outcome, Project
from django_selfdeploy.project.env_changes import Changes, changes
from django_selfdeploy.project.env_text import parsed

from . import variables
from .base import DeployCommand, asked

Told = dict[str, Any]

FITTING = {
    "reveal": ("list",),
    "release": ("get",),
    "place": ("set", "unset", "edit"),
    "no_push": ("set", "unset", "edit", "rotate"),
    "force": ("push",),
    "dry_run": ("set", "unset", "edit", "push", "rotate"),
}
"""Which actions an option is for."""


def split(words: list[str]) -> tuple[str, list[str]]:
    """The target, if the first word is one, and the others."""
    if words[:1] and words[0] in conf.aliases(getattr(settings, "SELFDEPLOY", None)):
        return words[0], words[1:]
    return "default", words


def expect_fitting(action: str, options: Told) -> None:
    """Raise ConfigError for an option that the action does not have."""
    for name, fitting in FITTING.items():
        if options[name] and action not in fitting:
            spelt = "--in" if name == "place" else f"--{name.replace('_', '-')}"
            raise ConfigError(f"`deploy_env {action}` has no {spelt}.", hint=f"It is for {', '.join(fitting)}.")


def _expect(words: list[str], most: int, what: str) -> None:
    if len(words) > most:
        raise ConfigError(f"{words[most]!r} is too much.", hint=what)


# to see


def _list(command: DeployCommand, project: Project, words: list[str], options: Told) -> int:
    _expect(words, 0, "`deploy_env list [TARGET]` shows all variables.")
    found = changing.overview(project)
    for host, error in found.silent.items():
        command.stderr.write(f"{host or 'this machine'} does not answer: {error.message}")
    if options["as_json"]:
        command.print_json(variables.as_json(found, reveal=options["reveal"]))
        return 0
    command.stdout.write("\n".join(variables.told(found, reveal=options["reveal"])))
    return 0


def _get(command: DeployCommand, project: Project, words: list[str], options: Told) -> int:
    _expect(words, 1, "`deploy_env get [TARGET] NAME` prints one value.")
    if not words:
        raise ConfigError("No variable is named.", hint="`deploy_env list` shows those that there are.")
    if options["release"]:
        [values] = changing.of_releases(project, options["release"])
    else:
        values = _now(project)
    if words[0] not in values:
        raise NothingThere(f"There is no variable {words[0]}.", hint="`deploy_env list` shows those that there are.")
    if options["as_json"]:
        command.print_json({"name": words[0], "value": values[words[0]]})
    else:
        command.stdout.write(values[words[0]])
    return 0


def _now(project: Project) -> dict[str, str]:
    """The values of the next release: those here, or else those that the hosts keep."""
    here = gather(project)
    return here.values if here.text is not None else parsed(changing.kept_text(project))


def _diff(command: DeployCommand, project: Project, words: list[str], options: Told) -> int:
    _expect(words, 2, "`deploy_env diff [TARGET] [RELEASE [RELEASE]]` compares two.")
    if words:
        before, after = changing.of_releases(project, *(words if len(words) == 2 else (words[0], "")))
        differences = {"": changes(before, after)}
    else:
        found = changing.overview(project)
        for error in found.silent.values():
            raise error
        differences = found.differences()
        if not differences:
            raise NothingThere("Nothing is live.", hint="Deploy first: `manage.py deploy`.")
    if options["as_json"]:
        command.print_json({"hosts": {host: one.to_json() for host, one in differences.items()}})
        return 0
    lines = [line for host, one in differences.items() for line in variables.compared(host, one)]
    command.stdout.write("\n".join(lines))
    return 0


# to change


def _set(command: DeployCommand, project: Project, words: list[str], options: Told) -> int:
    return _change(command, project, setting(variables.settings_of(words)), options)


def _unset(command: DeployCommand, project: Project, words: list[str], options: Told) -> int:
    return _change(command, project, setting(variables.unset_of(words)), options)


def _edit(command: DeployCommand, project: Project, words: list[str], options: Told) -> int:
    _expect(words, 0, "`deploy_env edit [TARGET]` opens all variables.")
    place = place_of(project, options["place"])
    before = changing.text_now(project, place)
    after = variables.edited(before, name=place.name)
    return _change(command, project, replacing(before, after), options)


def _change(command: DeployCommand, project: Project, edit: Edit, options: Told) -> int:
    place = place_of(project, options["place"])
    if options["dry_run"]:
        before = changing.text_now(project, place)
        found = changes(parsed(before), parsed(edit(before)))
        command.stdout.write(f"{place.name}, and then what is live: {found}")
        return 0

    made = place.kind == env_files.ENCRYPTED and not encrypted_file(project).exists()

    def wrote(found: Changes) -> None:
        if options["verbosity"] and not options["as_json"]:
            command.stdout.write(f"{place.name}: {found}")
            if made:
                where = keyring(project, os.environ).path or "the variable that it came from"
                command.stdout.write(f"Commit {place.name}, and never its key, which is in {where}.")

    push = not options["no_push"]
    with command.listeners(project, **options) as listeners:
        about: Told = {"place": place, "push": push, "options": asked(**options), "listeners": listeners}
        done = changing.change(project, edit, wrote=wrote, **about)
    _say(command, done, push=push, options=options)
    return 0


def _say(command: DeployCommand, done: Changed, *, push: bool, options: Told) -> None:
    for name, source in done.overridden.items():
        command.stderr.write(f"warning: {name} comes from {source}, which overrides {done.place.name}.")
    if options["as_json"]:
        outcome = asdict(done.outcome) if done.outcome else None
        command.print_json({"outcome": outcome, "place": done.place.name, "variables": done.changes.to_json()})
    elif push and options["verbosity"]:
        _say_outcome(command, done.outcome, changed=bool(done.changes) or done.place.path is None)


def _say_outcome(command: DeployCommand, outcome: Outcome | None, *, changed: bool = True) -> None:
    if outcome is None:
        text = "Nothing is live yet; the next deployment takes them along." if changed else "Nothing changed."
        command.stdout.write(text)
    elif outcome.status == "unchanged":
        command.stdout.write(f"{outcome.release} runs with these values already.")


def _push(command: DeployCommand, project: Project, words: list[str], options: Told) -> int:
    _expect(words, 0, "`deploy_env push [TARGET]` takes all variables to the hosts.")
    if options["dry_run"]:
        return _diff(command, project, words, options)
    with command.listeners(project, **options) as listeners:
        outcome = changing.pushed(project, asked(**options), listeners)
    if options["as_json"]:
        command.print_json({"outcome": asdict(outcome) if outcome else None})
    elif options["verbosity"]:
        _say_outcome(command, outcome)
    return 0


def _rotate(command: DeployCommand, project: Project, words: list[str], options: Told) -> int:
    _expect(words, 1, "`deploy_env rotate [TARGET]`, or `rotate [TARGET] SECRET_KEY`.")
    if words and words[0] != "SECRET_KEY":
        hint = f"`deploy_env set {words[0]}` takes one that you made."
        raise ConfigError(f"No value of {words[0]} can be made up.", hint=hint)
    if words:
        before = changing.text_now(project, place_of(project))
        return _change(command, project, variables.new_secret_key(before), options)
    path = env_files.rotate(project, dry_run=options["dry_run"])
    _say_rotated(command, project, path, options)
    return 0


def _say_rotated(command: DeployCommand, project: Project, path: Path, options: Told) -> None:
    if options["as_json"]:
        command.print_json({"key_file": str(path), "written": not options["dry_run"]})
        return
    name = f".env.{project.target.alias}.enc"
    done = "would be encrypted anew" if options["dry_run"] else "is encrypted anew; its old text is kept beside it"
    command.stdout.write(f"{name} {done}. The new key is the first one in {path}.")
    command.stdout.write("Commit the file, and give the key to the CI and to whoever deploys.")


ACTIONS: dict[str, Callable[[DeployCommand, Project, list[str], Told], int]] = {
    "list": _list,
    "get": _get,
    "set": _set,
    "unset": _unset,
    "diff": _diff,
    "edit": _edit,
    "push": _push,
    "rotate": _rotate,
}
