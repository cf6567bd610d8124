"""`python -m django_selfdeploy COMMAND`: the commands by a name that no other package can take.

`status`, `rollback`, `unlock`, `start` and `stop` work even when the project does not load: the script that the
deployment left in the root does them.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import sys
from pathlib import Path

import django
from django.core.management import load_command_class
from django.core.management.base import handle_default_options

from . import __version__, conf
from .core.errors import ConfigError, DeployError, NothingThere
from .management import example
from .options import root_of
from .project.place import project_folder, settings_module

PACKAGE = "django_selfdeploy"
PROGRAM = f"python -m {PACKAGE}"
COMMANDS = Path(__file__).with_name("management") / "commands"
BY_HAND = ("deploy_status", "deploy_rollback", "deploy_unlock", "deploy_start", "deploy_stop")
SETTINGS = "DJANGO_SETTINGS_MODULE"


def main(argv: list[str]) -> int:
    """Run the command that `argv` names; the exit code. A command that fails ends the process with its own."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(overview())  # noqa: T201 - this is the output
        return 0
    if argv[0] == "--version":
        print(__version__)  # noqa: T201
        return 0
    try:
        return _run(argv[0], argv[1:])
    except DeployError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_code


def overview() -> str:
    """All commands, a line for each. Nothing is imported for it, so it needs no project."""
    found = {short(name): _help(name) for name in names()}
    width = max(map(len, found))
    lines = [f"  {word:<{width}}  {text}" for word, text in found.items()]
    return "\n".join((f"{PROGRAM} COMMAND [OPTIONS]", "", *lines, "", f"{PROGRAM} COMMAND --help tells more."))


def names() -> tuple[str, ...]:
    """The commands of this package, `deploy` first."""
    return tuple(sorted(path.stem for path in COMMANDS.glob("deploy*.py")))


def short(name: str) -> str:
    return name.removeprefix("deploy_")


def _help(name: str) -> str:
    """The help of the command's class; its module's docstring where it has none."""
    tree = ast.parse((COMMANDS / f"{name}.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "help":
            return str(ast.literal_eval(node.value))
    return ast.get_docstring(tree) or ""


def _run(word: str, words: list[str]) -> int:
    name = _named(word)
    options, rest = _options(words)
    if name in BY_HAND and options.root:
        return _by_hand(name, options, rest)
    try:
        _set_up(options)
    except (Exception, SystemExit) as error:
        if isinstance(error, ConfigError) and not _root(options):
            raise
        if name == "deploy_init" and "--example" in rest:
            return _example(options, rest)
        problem = error if isinstance(error, ConfigError) else _not_loaded(error)
        if name not in BY_HAND:
            raise problem from error
        print(problem, file=sys.stderr)  # noqa: T201
        return _by_hand(name, options, rest)
    load_command_class(PACKAGE, name).run_from_argv([PROGRAM, word, *words])
    return 0


def _named(word: str) -> str:
    """The command that `word` stands for, "status" and "deploy_status" alike."""
    known = {short(name): name for name in names()}
    if short(word) in known:
        return known[short(word)]
    near = difflib.get_close_matches(short(word), known, 1)
    hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known)}."
    raise ConfigError(f"There is no command {word!r}.", hint=hint)


def _options(words: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """What matters before a command's own parser is there, and the words that go on to the script of the root."""
    parser = argparse.ArgumentParser(prog=PROGRAM, add_help=False, allow_abbrev=False)
    parser.add_argument("--settings")
    parser.add_argument("--pythonpath")
    parser.add_argument("--root", default="")
    known, rest = parser.parse_known_args(words)
    return known, rest


def _set_up(options: argparse.Namespace) -> None:
    """Load the project around the current folder."""
    folder = project_folder()
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    handle_default_options(options)
    os.environ[SETTINGS] = _settings_module(options)
    django.setup()


def _settings_module(options: argparse.Namespace) -> str:
    module = options.settings or os.environ.get(SETTINGS) or settings_module(project_folder())
    if not module:
        hint = f"Set {SETTINGS}, or add --settings=mysite.settings."
        raise ConfigError("manage.py names no settings module.", hint=hint)
    return str(module)


def _not_loaded(error: BaseException) -> ConfigError:
    said = (str(error).strip().splitlines() or [""])[0].rstrip(".")
    return ConfigError(
        f"The project does not load with the settings {os.environ.get(SETTINGS)!r}: {type(error).__name__}: {said}.",
        hint=f"Mend that first; {', '.join(map(short, BY_HAND))} work meanwhile.",
    )


def _example(options: argparse.Namespace, words: list[str]) -> int:
    """What settings lack that do not load is what an example of the variables is for."""
    asked = example.Asked(*(f"--{word}" in words for word in ("write", "check", "json")))
    return example.run(project_folder(), _settings_module(options), asked, print)


def _by_hand(name: str, options: argparse.Namespace, words: list[str]) -> int:
    """Let the script in the root do it; it takes the place of this process."""
    alias, rest = _target(words)
    root = _root(options) or _default_root(alias, options)
    script = os.path.join(root, "bin", "selfdeploy")
    if not os.access(script, os.X_OK):
        hint = f"Name the root: {PROGRAM} {short(name)} --root FOLDER"
        raise NothingThere(f"Nothing is deployed in {root!r}.", hint=hint)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(script, (script, short(name), *rest))  # noqa: S606 - words, not a shell's line


def _target(words: list[str]) -> tuple[str, list[str]]:
    """The target among the words, and the others, which are those of the script."""
    parser = argparse.ArgumentParser(prog=PROGRAM, add_help=False, allow_abbrev=False)
    parser.add_argument("target", nargs="?", default="default")
    parser.add_argument("--to")
    parser.add_argument("--lock-wait")
    known, rest = parser.parse_known_args(words)
    valued = {"--to": known.to, "--lock-wait": known.lock_wait}
    return known.target, [*rest, *(part for pair in valued.items() if pair[1] for part in pair)]


def _root(options: argparse.Namespace) -> str:
    """The root that the user named; "" for none."""
    return str(options.root or os.environ.get("SELFDEPLOY_ROOT", ""))


def _default_root(alias: str, options: argparse.Namespace) -> str:
    """The root of a target that sets neither ROOT nor NAME: all that can be told without its settings."""
    name = conf.default_name(alias, _settings_module(options))
    return root_of(conf.Target(alias=alias, name=name))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
