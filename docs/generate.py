"""The parts of the reference that are made from the code, so that they cannot drift from it.

Called by conf.py at every build; what it writes is never committed.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import django
from django.conf import settings

if not settings.configured:
    settings.configure(INSTALLED_APPS=["django_selfdeploy"], SECRET_KEY="only-for-the-documentation")
    django.setup()

from django.core.management import load_command_class
from django.core.management.base import BaseCommand

from django_selfdeploy import __main__ as entry
from django_selfdeploy import checks, conf, inventory
from django_selfdeploy.backends.gunicorn import Gunicorn
from django_selfdeploy.backends.nginx import Nginx
from django_selfdeploy.backends.supervisor import Supervisor
from django_selfdeploy.backup_options import BackupOptions
from django_selfdeploy.core import errors, hand, plan
from django_selfdeploy.core.layout import Layout
from django_selfdeploy.hosts.options import Ssh
from django_selfdeploy.tell.jsonlines import JsonLines

PACKAGE = Path(conf.__file__).parent
TEMPLATES = PACKAGE / "templates" / "selfdeploy"
PARTS = {"APP_SERVER": Gunicorn, "FRONT": Nginx, "PROCESS_MANAGER": Supervisor}
"""The key of a target that names a part, and the part that ships for it."""

NESTED = {
    "PROCESSES": conf.Process,
    "BACKUP": BackupOptions,
    "BUILD": conf.Build,
    "STATIC": conf.Static,
    "SMOKE": conf.Smoke,
}
"""The key of a target that holds a dictionary with keys of its own, and the class of those."""

TYPES = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "True or False",
    "tuple[str, ...]": "list of texts",
    "bool | tuple[str, ...]": "True, False or a list of texts",
    "bool | None": "True, False or none",
    "int | str": "number or text",
    "tuple[Host, ...]": "list of texts or dictionaries",
    "Ssh": "dictionary",
    "dict[str, Process]": "dictionary of dictionaries",
    "tuple[tuple[str, ...], ...]": "list of lists of words",
    "Build": "list of commands, or a dictionary",
    "Smoke": "True, False, a list of paths, or a dictionary",
    "Static": "dictionary",
    "dict[str, str]": "dictionary of texts",
}
"""What the reference calls a type."""


def write(folder: Path) -> None:
    """Write every page into `folder`; one that is as it should be is left alone, so that Sphinx need not read it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """The text of each page by its name."""
    makers: tuple[Callable[[], Iterable[str]], ...] = (
        target_settings,
        part_settings,
        host_settings,
        ssh_settings,
        commands,
        host_script,
        check_messages,
        exit_codes,
        json_events,
        phases,
        layout,
        templates,
    )
    return {maker.__name__.replace("_", "-"): "\n".join((*maker(), "")) for maker in makers}


# Settings ------------------------------------------------------------------------------------------------------


def target_settings() -> Iterator[str]:
    """The keys of a target, then those of a process."""
    yield from _keys(conf.Target, skip=("alias",), level="###")


def part_settings() -> Iterator[str]:
    """The OPTIONS of the parts, and the keys of what is nested."""
    for key, part in PARTS.items():
        yield from (f"## `{key}`: {part.name}", "", _one_paragraph(part.__doc__), "")
        yield from _table(("option", "type", "default", "what it is"), _rows(part, str.lower))
        yield ""
    for key, kind in NESTED.items():
        yield from (f"## `{key}`", "", _one_paragraph(kind.__doc__), "")
        yield from _table(("key", "type", "default", "what it is"), _rows(kind, str.upper))
        yield ""


def host_settings() -> Iterator[str]:
    """The keys of a host in `HOSTS`."""
    yield from _table(("key", "type", "default", "what it is"), _rows(inventory.Host, str.upper))


def ssh_settings() -> Iterator[str]:
    """The keys of `SSH`."""
    yield from _table(("key", "type", "default", "what it is"), _rows(Ssh, str.upper))


def _keys(kind: type, *, skip: tuple[str, ...], level: str) -> Iterator[str]:
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        if field.name not in skip:
            plain = field.default == "" or dataclasses.is_dataclass(field.default)
            default = "" if plain else f", default {_default(field)}"
            yield from (f"{level} `{field.name.upper()}`", "", f"{_type(hints[field.name])}{default}", "")
            yield from (field.metadata["doc"], "")


def _rows(kind: type, case: Callable[[str], str]) -> Iterator[tuple[str, ...]]:
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        yield f"`{case(field.name)}`", _type(hints[field.name]), _default(field), field.metadata["doc"]


def _type(hint: Any) -> str:
    name = hint.__name__ if isinstance(hint, type) and not getattr(hint, "__args__", ()) else str(hint)
    name = re.sub(r"[\w.]+\.(\w+)", r"\1", name)
    return TYPES.get(name, "name of a part, or a dictionary with `BACKEND` and `OPTIONS`")


def _default(field: dataclasses.Field[Any]) -> str:
    if field.name in conf.DEFAULT_PARTS:
        return f'`"{conf.DEFAULT_PARTS[field.name][1]}"`'
    value = field.default_factory() if callable(field.default_factory) else field.default
    if dataclasses.is_dataclass(value):
        return "`{}`"
    shown = list(value) if isinstance(value, tuple) else value
    return f"`{shown!r}`".replace("'", '"')


# Commands ------------------------------------------------------------------------------------------------------


def commands() -> Iterator[str]:
    """Every command with its own options; those that all commands of Django have are left out."""
    common = {action.dest for action in _Bare().create_parser("", "")._actions}
    for name in entry.names():
        parser = load_command_class("django_selfdeploy", name).create_parser("manage.py", name)
        yield from (f"## `{name}`", "", parser.description or "", "", "```text", _usage(parser, common), "```", "")
        own = [each for each in _arguments(parser) if each.dest not in common]
        yield from _table(("argument", "what it does"), [_option(parser, each) for each in own])
        yield ""


def host_script() -> Iterator[str]:
    """The script that a deployment leaves in the root."""
    parser = hand._parser()
    shown = [each for each in _arguments(parser) if each.help != argparse.SUPPRESS and each.dest != "help"]
    yield from _table(("argument", "what it does"), [_option(parser, each) for each in shown])


class _Bare(BaseCommand):
    """A command without options of its own."""


def _arguments(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """What the parser takes, positional arguments first."""
    return sorted(parser._actions, key=lambda action: bool(action.option_strings))


def _usage(parser: argparse.ArgumentParser, common: set[str]) -> str:
    """The usage on as many lines as it needs, without what all commands have."""
    lines = [f"python {parser.prog}"]
    for action in sorted(_arguments(parser), key=lambda action: not action.option_strings):
        if action.dest in common:
            continue
        word = _used(action)
        if len(lines[-1]) + len(word) > 80:
            lines.append("   ")
        lines[-1] += f" {word}"
    return "\n".join(lines)


def _used(action: argparse.Action) -> str:
    """An argument as a usage shows it."""
    if action.option_strings:
        return f"[{action.option_strings[-1]}{'' if action.nargs == 0 else f' {_value(action)}'}]"
    return f"[{_value(action)}]" if action.nargs == "?" else f"[{_value(action)} ...]"


def _value(action: argparse.Action) -> str:
    return str(action.metavar or action.dest).upper() if action.option_strings else str(action.metavar or action.dest)


def _option(parser: argparse.ArgumentParser, action: argparse.Action) -> tuple[str, str]:
    spelt = ", ".join(f"`{word}`" for word in action.option_strings) or f"`{_value(action)}`"
    if action.option_strings and action.nargs != 0:
        spelt += f" `{_value(action)}`"
    told = parser._get_formatter()._expand_help(action) if action.help else ""
    if action.choices:
        told = f"{told} One of {', '.join(f'`{choice}`' for choice in action.choices)}.".strip()
    if action.help and action.default not in (None, False, "", argparse.SUPPRESS, []) and "default" not in action.help:
        told = f"{told} (default: {action.default})"
    return spelt, told or "seconds, as everywhere"


# Checks, exit codes, events ------------------------------------------------------------------------------------


def check_messages() -> Iterator[str]:
    rows = ((f"`{name}`", kind.what, kind.to_do) for name, kind in checks.ALL_CHECKS.items())
    yield from _table(("id", "what is found", "what to do"), rows)


def exit_codes() -> Iterator[str]:
    """The errors, as the docstring of core.errors lists them."""
    listed = re.findall(r"── (\w+) +(\d+) +(.+)", errors.__doc__ or "")
    known = {kind.__name__: kind for kind in errors.ALL}
    rows = [(f"`{known[name].exit_code}`", f"`{name}`", _sentence(what)) for name, _, what in listed]
    rows.insert(0, ("`0`", "", "All is well; for `deploy` also: nothing changed."))
    rows.insert(1, ("`1`", "`DeployError`", "`deploy_status`: not healthy. Otherwise: something nobody foresaw."))
    rows.insert(2, ("`2`", "", "The command line is wrong (from Python's argparse)."))
    yield from _table(("code", "name in JSON", "what it means"), rows)


def json_events() -> Iterator[str]:
    """The table in the docstring of the listener."""
    rows = re.findall(r"^ *(`\w+`) +(.+)$", JsonLines.__doc__ or "", re.MULTILINE)
    yield from _table(("event", "keys"), rows)


def phases() -> Iterator[str]:
    rows = (
        (f"`{phase.value}`", phase.pace.value, _yes(phase.undone_on_failure), _yes(phase.outlives_controller))
        for phase in plan.Phase
    )
    heads = ("phase", "of many hosts", "a failure takes everything back", "goes on without the controller")
    yield from _table(heads, rows)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


# Paths and templates -------------------------------------------------------------------------------------------


def layout() -> Iterator[str]:
    """Every path that core.layout knows, with the name by which templates use it."""
    place = Layout("ROOT")
    rows = []
    for name, member in vars(Layout).items():
        if isinstance(member, property):
            rows.append((f"`{getattr(place, name)}`", f"`layout.{name}`", _one_paragraph(member.__doc__)))
    yield from _table(("path", "in templates", "what it is"), rows)


def templates() -> Iterator[str]:
    """Every template with the variables that it uses."""
    rows = []
    for path in sorted(TEMPLATES.rglob("*")):
        if path.is_file():
            names = _variables(path.read_text(encoding="utf-8"))
            rows.append((f"`selfdeploy/{path.relative_to(TEMPLATES)}`", ", ".join(f"`{name}`" for name in names)))
    yield from _table(("template", "variables"), rows)


def _variables(text: str) -> list[str]:
    """The variables of a template, less those of its own loops."""
    used = re.findall(r"{{\s*([a-z_][\w.]*)|{%\s*(?:if|for \w+ in)\s+(?:not )?([a-z_][\w.]*)", text)
    loops = set(re.findall(r"{%\s*for (\w+) in", text))
    names = {first or second for first, second in used}
    return sorted(name for name in names if name.partition(".")[0] not in loops)


# Words ---------------------------------------------------------------------------------------------------------


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield _row(heads)
    yield _row(("---",) * len(heads))
    yield from map(_row, rows)


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _one_paragraph(text: str | None) -> str:
    return " ".join((text or "").split())
