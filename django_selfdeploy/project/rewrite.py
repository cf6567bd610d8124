"""The text of a settings module, with the lines of `startproject` that are unfit for production put right.

Conservative: ast finds a statement, and only one that is exactly as startproject writes it is replaced, as whole
lines. Everything else stays as it is, and is told with what to paste. Pure: text in, text out.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .adjust import INSECURE, LOCAL_HOSTS
from .adjustment import Values

READING = (
    "# Variables of the environment count first, then those in .env, which is never committed.",
    "env = environ.Env()",
    'environ.Env.read_env(BASE_DIR / ".env")',
)
HOSTS = ", ".join(f'"{host}"' for host in LOCAL_HOSTS)
SQLITE = '{"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}'
DATABASES = """{"default": env.db("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}"""
STATIC_ROOT = 'STATIC_ROOT = BASE_DIR / "staticfiles"'
SELFDEPLOY = (
    "# What is deployed where, by `manage.py deploy [TARGET]`; an empty target is this machine, all inferred.",
    'SELFDEPLOY = {"default": {}}',
)

ODD = re.compile(r"[+%?#]")
"""What means something in DATABASE_URL: the file of a folder with such a name cannot be its default."""


@dataclass(frozen=True)
class Remark:
    """Something that was left alone, and the text that would put it right."""

    path: str
    what: str
    paste: str


@dataclass(frozen=True)
class Rewritten:
    """The new text, the names that changed, and those that are now read with `env` as our lines read them."""

    text: str
    changed: tuple[str, ...]
    reads: tuple[str, ...]
    left_alone: tuple[Remark, ...]


def rewrite(text: str, live: Values, *, path: str, folder: Path) -> Rewritten:
    """`text` of the settings module at `path`; `live` are its settings as loaded, `folder` is that of manage.py.

    Raises SyntaxError for a text that is no Python.
    """
    mark, body = ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)
    ends = "\r\n" if "\r\n" in body else "\n"
    module = _Module(body.replace("\r\n", "\n"), path)
    done = _rewritten(module, live, folder)
    new = mark + done.text.replace("\n", ends)
    compile(new.removeprefix("\ufeff"), path, "exec", dont_inherit=True)
    return Rewritten(new, done.changed, done.reads, done.left_alone)


@dataclass(frozen=True)
class _Rule:
    """A setting to read with `env`.

    `plain` is startproject's value; `fine` tells statements that need nothing, `bad` loaded values that do.
    """

    name: str
    plain: Callable[[ast.expr], bool]
    value: str
    found: str
    fine: Callable[[ast.expr], bool]
    bad: Callable[[Any], bool]

    @property
    def line(self) -> str:
        return f"{self.name} = {self.value}"


def _same(text: str) -> Callable[[ast.expr], bool]:
    """Whether a value is the one in `text`, however it is quoted and broken into lines."""
    return lambda node: ast.dump(node) == ast.dump(ast.parse(text, mode="eval").body)


def _insecure(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and str(node.value).startswith(INSECURE)


def _computed(node: ast.expr) -> bool:
    """Whether it is asked for somewhere, as from the environment, and not written down."""
    return any(isinstance(part, (ast.Call, ast.Subscript)) for part in ast.walk(node))


def _not_empty(node: ast.expr) -> bool:
    return not (isinstance(node, (ast.List, ast.Tuple)) and not node.elts)


RULES = (
    _Rule(
        "SECRET_KEY",
        _insecure,
        'env("SECRET_KEY")',
        "SECRET_KEY is written down in the source.",
        _computed,
        lambda key: not key or str(key).startswith(INSECURE),
    ),
    _Rule(
        "DEBUG",
        _same("True"),
        'env.bool("DEBUG", default=False)',
        "DEBUG is on.",
        lambda node: not (isinstance(node, ast.Constant) and bool(node.value)),
        bool,
    ),
    _Rule(
        "ALLOWED_HOSTS",
        _same("[]"),
        f'env.list("ALLOWED_HOSTS", default=[{HOSTS}])',
        "ALLOWED_HOSTS is empty.",
        _not_empty,
        lambda hosts: not hosts,
    ),
    _Rule(
        "DATABASES",
        _same(SQLITE),
        DATABASES,
        "DATABASES is written down in the source.",
        _computed,
        lambda databases: False,
    ),
)


class _Module:
    """A parsed settings module, and where it binds which names."""

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        self.text = text
        self.lines = text.split("\n")
        self.tree = ast.parse(text)
        self.bound: dict[str, list[ast.stmt]] = {}
        for node in ast.walk(self.tree):
            for name in _names(node) if isinstance(node, ast.stmt) else ():
                self.bound.setdefault(name, []).append(node)  # type: ignore[arg-type]

    def only(self, name: str) -> ast.Assign | None:
        """The assignment of `name`, where it is a plain statement with lines of its own and bound nowhere else."""
        found = self.bound.get(name, [])
        if len(found) != 1 or found[0] not in self.tree.body:
            return None
        statement = found[0]
        plain = isinstance(statement, ast.Assign) and [type(target) for target in statement.targets] == [ast.Name]
        return statement if plain and self._alone(statement) else None  # type: ignore[return-value]

    def _alone(self, statement: ast.stmt) -> bool:
        """Whether its lines hold nothing else: no second statement, no comment behind or inside."""
        whole = "\n".join(self.lines[statement.lineno - 1 : statement.end_lineno])
        own = ast.get_source_segment(self.text, statement) or ""
        return whole.rstrip() == own and "#" not in "".join(own.split("\n")[1:])


def _names(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement binds by itself."""
    targets: list[ast.expr] = []
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        yield from ((alias.asname or alias.name).partition(".")[0] for alias in statement.names)
    elif isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        yield statement.name
    elif isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign, ast.For)):
        targets = [statement.target]
    for target in targets:
        yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name))


@dataclass(frozen=True)
class _Edit:
    """The lines from number `first` to `last` become `lines`; `last` is `first` - 1 to insert."""

    first: int
    last: int
    lines: tuple[str, ...]


def _rewritten(module: _Module, live: Values, folder: Path) -> Rewritten:
    edits: dict[str, _Edit] = {}
    remarks: list[Remark] = []
    start, ground = _ground(module, live, folder)
    for rule in RULES:
        edit = _edit(rule, module.only(rule.name), start, folder)
        if edit:
            edits[rule.name] = edit
        elif _needs(rule, module, live):
            remarks.append(Remark(module.path, rule.found, rule.line))
    if remarks and not start:
        paste = "\n".join(("import environ", *READING))
        remarks.insert(0, Remark(module.path, "There is no `env` that reads the .env beside manage.py.", paste))
    needed = ground if edits else ()
    edits |= _static_root(module, live, folder) | _selfdeploy(module, live)
    if "STATIC_ROOT" not in edits and _wants_static_root(module, live):
        remarks.append(Remark(module.path, "STATIC_ROOT is not set.", STATIC_ROOT))
    text = _applied(module.lines, (*needed, *edits.values()))
    reads = tuple(rule.name for rule in RULES if rule.name in edits or _reads(rule, module))
    return Rewritten(text, tuple(edits), reads, tuple(remarks))


def _reads(rule: _Rule, module: _Module) -> bool:
    statement = module.only(rule.name)
    return statement is not None and _same(rule.value)(statement.value)


def _edit(rule: _Rule, statement: ast.Assign | None, start: int, folder: Path) -> _Edit | None:
    """The change of a statement in startproject's form; `start` is the line from which on `env` is there."""
    if statement is None or not rule.plain(statement.value) or not 0 < start < statement.lineno:
        return None
    if rule.name == "DATABASES" and ODD.search(str(folder)):
        return None
    return _Edit(statement.lineno, statement.end_lineno or 0, (rule.line,))


def _needs(rule: _Rule, module: _Module, live: Values) -> bool:
    """Whether a setting that is not changed should be, by hand."""
    statement = module.only(rule.name)
    if statement is not None:
        return not rule.fine(statement.value)
    return rule.bad(live.get(rule.name))


def _ground(module: _Module, live: Values, folder: Path) -> tuple[int, tuple[_Edit, ...]]:
    """The number of the line below which `env` is there, 0 where it cannot be, and the edits that bring it there."""
    env = module.only("env")
    if env is not None and ast.unparse(env.value).startswith(("environ.Env(", "environ.FileAwareEnv(")):
        return env.lineno, ()
    base, bound = _base_dir(module, live, folder), module.bound.get("environ", [])
    imports = [node for node in module.tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    above = [node for node in imports if base and node.lineno < base.lineno]
    if base is None or not above or "env" in module.bound:
        return 0, ()
    read = _Edit(base.lineno + 1, base.lineno, ("", *READING))
    if not bound:
        last = above[-1].end_lineno or 0
        return base.lineno, (_Edit(last + 1, last, ("", "import environ")), read)
    return (base.lineno, (read,)) if isinstance(bound[0], ast.Import) and bound[0] in above else (0, ())


def _base_dir(module: _Module, live: Values, folder: Path) -> ast.Assign | None:
    """The assignment of BASE_DIR, where it is the folder of manage.py as a Path, whose `/` joins."""
    base = live.get("BASE_DIR")
    return module.only("BASE_DIR") if isinstance(base, Path) and base.resolve() == folder.resolve() else None


def _wants_static_root(module: _Module, live: Values) -> bool:
    served = "django.contrib.staticfiles" in live.get("INSTALLED_APPS", ()) and bool(live.get("STATIC_URL"))
    return served and "STATIC_ROOT" not in module.bound and not live.get("STATIC_ROOT")


def _static_root(module: _Module, live: Values, folder: Path) -> dict[str, _Edit]:
    url, base = module.only("STATIC_URL"), _base_dir(module, live, folder)
    if url is None or base is None or base.lineno > url.lineno or not _wants_static_root(module, live):
        return {}
    last = url.end_lineno or 0
    return {"STATIC_ROOT": _Edit(last + 1, last, (STATIC_ROOT,))}


def _selfdeploy(module: _Module, live: Values) -> dict[str, _Edit]:
    if "SELFDEPLOY" in module.bound or "SELFDEPLOY" in live:
        return {}
    end = len("\n".join(module.lines).rstrip().split("\n"))
    return {"SELFDEPLOY": _Edit(end + 1, len(module.lines), ("", "", *SELFDEPLOY, ""))}


def _applied(lines: list[str], edits: tuple[_Edit, ...]) -> str:
    """The text with the edits made, from the last line to the first, so that the numbers stay true.

    What is inserted before a line that is replaced comes after it in that order.
    """
    result = list(lines)
    for edit in sorted(edits, key=lambda one: (one.first, one.last), reverse=True):
        result[edit.first - 1 : edit.last] = edit.lines
    return "\n".join(result)
