"""The house rules that a machine can check: imports, sizes, docstrings, exit codes."""

import ast
import functools
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import django_selfdeploy
from django_selfdeploy.core import errors
from django_selfdeploy.core.errors import ALL, DeployError, named

PACKAGE = Path(django_selfdeploy.__file__).parent
MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts and "templates" not in path.parts
)

LONGER: dict[str, str] = {
    "core/actions/programs.py": "",
    "backends/nginx_helper.py": "it is installed on hosts as one file, which imports nothing of this package",
}
"""Modules of more than 300 lines, each with the reason why it is not split."""

READS_SETTINGS_ON_IMPORT = {"live_settings.py": "it is a settings module, and takes the project's own over"}

ENTRANCES = {"__main__.py", "core/__main__.py"}


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Everything in a module, in no particular order."""
    return tuple(ast.walk(parsed(path)))


def imported(path: Path) -> Iterator[str]:
    """The absolute modules that a module imports, wherever in it; relative ones stay in their package."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def test_the_contracts_of_import_linter_are_kept() -> None:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run((sys.executable, "-c", code), cwd=PACKAGE.parent, capture_output=True, text=True)
    assert (done.returncode, done.stdout if done.returncode else "") == (0, "")


def test_the_runner_needs_nothing_but_the_standard_library() -> None:
    """It is shipped to hosts that have nothing else."""
    strange = {
        f"{name(path)}: {module}"
        for path in (PACKAGE / "core").rglob("*.py")
        for module in imported(path)
        if module.partition(".")[0] not in sys.stdlib_module_names
    }
    assert strange == set()


def test_the_runner_never_leaves_its_package() -> None:
    """Relative imports of it go no higher than core/."""
    leaving = []
    for path in (PACKAGE / "core").rglob("*.py"):
        depth = len(path.relative_to(PACKAGE / "core").parts)
        levels = [node.level for node in nodes(path) if isinstance(node, ast.ImportFrom)]
        leaving += [name(path) for level in levels if level > depth]
    assert leaving == []


def test_modules_are_short_enough_to_be_read() -> None:
    longer = {name(path) for path in MODULES if len(path.read_text(encoding="utf-8").splitlines()) > 300}
    assert longer == {path for path, reason in LONGER.items() if reason}


def test_commands_only_speak() -> None:
    commands = (PACKAGE / "management" / "commands").glob("*.py")
    assert {path.name for path in commands if len(path.read_text(encoding="utf-8").splitlines()) > 60} == set()


def test_functions_are_short() -> None:
    longest = 40
    found = {}
    for path in MODULES:
        for node in nodes(path):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > longest:
                    found[f"{name(path)}: {node.name}"] = lines
    assert found == {}


def _on_import(tree: ast.Module) -> Iterator[ast.AST]:
    """Everything that runs when a module is imported: not what is inside of functions."""
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            pending += [*node.args.defaults, *(one for one in node.args.kw_defaults if one)]
            continue
        yield node
        pending += ast.iter_child_nodes(node)


def _reads_surroundings(node: ast.AST) -> bool:
    if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
        return False
    return node.value.id == "settings" or (node.value.id == "os" and node.attr in ("environ", "getenv"))


def test_nothing_reads_settings_or_surroundings_on_import() -> None:
    reading = {name(path) for path in MODULES if any(map(_reads_surroundings, _on_import(parsed(path))))}
    assert reading == set(READS_SETTINGS_ON_IMPORT)


def test_every_package_is_empty_but_the_first() -> None:
    full = [name(path) for path in MODULES if path.name == "__init__.py" and path.read_text(encoding="utf-8").strip()]
    assert full == ["__init__.py"]


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {path.parent for path in MODULES}
    assert [name(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        name(path)
        for path in MODULES
        if path.name != "__init__.py" and not (ast.get_docstring(parsed(path)) or "").strip()
    ]
    assert silent == []


def test_every_module_has_its_annotations_as_text() -> None:
    """Python 3.10 must read what is written for newer ones."""
    late = "from __future__ import annotations"
    without = [
        name(path) for path in MODULES if "def " in (text := path.read_text(encoding="utf-8")) and late not in text
    ]
    assert without == []


RESPONSIBLE = ("core", "operations.py", "conf.py", "judgements.py", "hosts", "preparation.py", "story.py")

CONTRACTS = {
    *("describe", "do", "tell", "note", "warn", "learn_secrets", "cancelled", "agent", "blobs"),
    *("is_done", "change", "script"),
}
"""Methods whose promise is written once, at Action, World and Prepare."""

PLAIN = 6
"""Lines up to which a function's name and types say all there is to say."""


def _undocumented(path: Path) -> Iterator[str]:
    tree = parsed(path)
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            if not ast.get_docstring(node) and not _is_plain(node):
                yield f"{name(path)}: {node.name}"
            if isinstance(node, ast.ClassDef):
                yield from (f"{name(path)}: {node.name}.{one.name}" for one in _silent_methods(node))


def _silent_methods(kind: ast.ClassDef) -> Iterator[ast.FunctionDef]:
    for node in kind.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and node.name not in CONTRACTS:
            if not ast.get_docstring(node) and not _is_plain(node):
                yield node


def _is_plain(node: ast.FunctionDef | ast.ClassDef) -> bool:
    return (node.end_lineno or 0) - node.lineno < PLAIN


@pytest.mark.parametrize("part", RESPONSIBLE)
def test_what_is_public_says_what_it_promises(part: str) -> None:
    place = PACKAGE / part
    paths = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    assert [line for path in paths for line in _undocumented(path)] == []


def test_every_error_has_an_exit_code_of_its_own() -> None:
    codes = Counter(kind.exit_code for kind in (*ALL, DeployError))
    assert [code for code, count in codes.items() if count > 1] == []
    assert all(0 <= code < 256 for code in codes)


def test_every_error_is_known_by_its_name_and_told_in_the_table() -> None:
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, DeployError)}
    assert kinds == {*ALL, DeployError}
    for kind in ALL:
        assert named(kind.__name__) is kind
        row = [line for line in (errors.__doc__ or "").splitlines() if f" {kind.__name__} " in line]
        assert kind.exit_code == 0 or [line.split()[2] for line in row] == [str(kind.exit_code)]
    assert named("Unheard") is DeployError


def test_an_error_is_a_sentence_and_what_to_do_next() -> None:
    assert str(DeployError("It fails.", hint="Mend it.")) == "It fails.\nMend it."
    assert str(DeployError("It fails.")) == "It fails."


def test_no_shell_is_ever_started() -> None:
    """Commands are tuples of words; os.system and shell=True take text."""
    found = []
    for path in MODULES:
        for node in nodes(path):
            shell = isinstance(node, ast.keyword) and node.arg == "shell"
            system = isinstance(node, ast.Attribute) and node.attr in ("system", "popen", "getoutput")
            found += [name(path)] if shell or (system and isinstance(node.value, ast.Name)) else []  # type: ignore[attr-defined]
    assert found == []


def test_nothing_unpickles_or_evaluates() -> None:
    found = []
    for path in MODULES:
        functions = [node.func for node in nodes(path) if isinstance(node, ast.Call)]
        calls = {function.id for function in functions if isinstance(function, ast.Name)}
        if calls & {"eval", "exec"} or {"pickle", "marshal", "shelve"} & set(imported(path)):
            found.append(name(path))
    assert found == []
