"""What a new project still lacks for production: settings, environment files, requirements, .gitignore.

`look` reads, `decide` makes the changes from what was read, `told` puts them into words; changes.py writes them.
"""

from __future__ import annotations

import dataclasses
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import environ

from .conf import Target
from .core.errors import ConfigError
from .project import imported
from .project.adjust import LOCAL_HOSTS
from .project.adjustment import Values
from .project.changes import VARIABLE, Change
from .project.env_text import parsed
from .project.rewrite import Remark, Rewritten, rewrite
from .requirements import TEXTS

DEVELOPMENT = ".env"
UNVERSIONED = ("__pycache__/", "db.sqlite3", "staticfiles/", "media/")
INPUTS = ("uv.lock", "pyproject.toml", *TEXTS)


@dataclass(frozen=True)
class Found:
    """The project as it is. `texts` are the files that are there, by path relative to the folder of manage.py.

    `settings` is the path of the settings module, "" where it lies elsewhere; `variables` is the environment file
    of the target, there or not, `sealed` its encrypted one, "" for none; `requires` is empty where the project states
    its requirements itself. In git, `ignored` and `tracked` are paths that are either.
    """

    folder: Path
    alias: str
    live: Values
    settings: str
    variables: str
    texts: dict[str, str]
    requires: tuple[str, ...] = ()
    in_git: bool = False
    ignored: frozenset[str] = frozenset()
    tracked: frozenset[str] = frozenset()
    sealed: str = ""

    @property
    def key(self) -> str:
        """The file of the key beside manage.py; "" where there is nothing that it would open."""
        return f"{self.sealed.removesuffix('.enc')}.key" if self.sealed else ""


@dataclass(frozen=True)
class Decision:
    """What to change, and what was left alone."""

    changes: tuple[Change, ...]
    left_alone: tuple[Remark, ...]

    def to_json(self, *, written: bool) -> dict[str, Any]:
        changes = [{"path": each.path, "what": each.what, "diff": each.diff} for each in self.changes]
        left_alone = [dataclasses.asdict(each) for each in self.left_alone]
        return {"changes": changes, "left_alone": left_alone, "written": written}


# Look --------------------------------------------------------------------------------------------------------


def look(folder: Path, target: Target, module: str, live: Values) -> Found:
    """Read the project in `folder`; `module` is its settings module and `live` its settings as loaded.

    Raises ConfigError for a file that is no UTF-8.
    """
    settings = _place(folder, module)
    own = target.env_file or f".env.{target.alias}"
    paths = [path for path in (settings, DEVELOPMENT, own, ".gitignore") if path and (folder / path).is_file()]
    top = _git(folder, "rev-parse", "--show-toplevel").strip()
    places = (folder, Path(top or folder))
    stated = target.requirements or any((place / name).exists() for place in places for name in INPUTS)
    sealed = f".env.{target.alias}.enc" if (folder / f".env.{target.alias}.enc").is_file() else ""
    encrypted = (sealed, f".env.{target.alias}.key") if sealed else ()
    kept = (DEVELOPMENT, own, *UNVERSIONED, *encrypted)
    return Found(
        folder=folder,
        alias=target.alias,
        live=live,
        settings=settings,
        variables=own,
        texts={path: _text(folder, path) for path in paths},
        requires=() if stated else imported.requirements(folder, live),
        in_git=bool(top),
        ignored=frozenset(_git(folder, "check-ignore", "--no-index", "--", *kept).splitlines()),
        tracked=frozenset(_git(folder, "ls-files", "--", *kept).splitlines()),
        sealed=sealed,
    )


def _place(folder: Path, module: str) -> str:
    spec = find_spec(module)
    path = Path(spec.origin).resolve() if spec and spec.origin else Path("/")
    return str(path.relative_to(folder.resolve())) if path.is_relative_to(folder.resolve()) else ""


def _text(folder: Path, path: str) -> str:
    try:
        return (folder / path).read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path!r} is not UTF-8 text.", hint="Save it as UTF-8, then try again.") from error


def _git(folder: Path, *words: str) -> str:
    """What git says; "" where there is no git, or no repository."""
    try:
        done = subprocess.run(("git", "-C", str(folder), *words), capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout


# Decide ------------------------------------------------------------------------------------------------------


def decide(found: Found, new_key: Callable[[], str]) -> Decision:
    """The changes that the project needs, settings last; `new_key` makes a key of letters and digits.

    django-environ cannot read back a value that begins with `$`, hence letters and digits.
    """
    done = _rewritten(found)
    changes = (*_environment(found, done, new_key), *_requirements(found), *_gitignore(found), *_settings(found, done))
    return Decision(changes, (*done.left_alone, *_committed(found)))


def _rewritten(found: Found) -> Rewritten:
    if not found.settings:
        remark = Remark("the settings", "their module is not in the folder of manage.py, and was not looked at.", "")
        return Rewritten("", (), (), (remark,))
    return rewrite(found.texts[found.settings], found.live, path=found.settings, folder=found.folder)


def _settings(found: Found, done: Rewritten) -> Iterator[Change]:
    if done.changed:
        before = found.texts[found.settings]
        yield Change(found.settings, ", ".join(done.changed), before, done.text, backup=not found.in_git)


def _environment(found: Found, done: Rewritten, new_key: Callable[[], str]) -> Iterator[Change]:
    """The developer's .env has DEBUG on; the target's file, which is deployed in its stead, has it off."""
    production = {"SECRET_KEY": new_key(), "DEBUG": "False", "ALLOWED_HOSTS": ",".join(LOCAL_HOSTS)}
    whom = f"for the target {found.alias!r}"
    if found.variables == DEVELOPMENT:
        yield from _added(found, DEVELOPMENT, done.changed, production, whom)
        return
    mine = _added(found, DEVELOPMENT, done.changed, {"SECRET_KEY": new_key(), "DEBUG": "True"}, "for development")
    yield from mine
    text = mine[0].after if mine else found.texts.get(DEVELOPMENT, "")
    if found.variables in found.texts:
        yield from _added(found, found.variables, done.changed, production, whom)
    elif "DEBUG" in done.reads and _is_true(parsed(text).get("DEBUG", "")):
        copied = _without(found.texts.get(DEVELOPMENT, ""), production)
        for change in _added(found, found.variables, done.reads, production, whom):
            yield replace(change, after=change.after + copied)


def _added(found: Found, path: str, read: tuple[str, ...], values: dict[str, str], whom: str) -> list[Change]:
    """The file with those `values` that are `read`, less those that it has."""
    before = found.texts.get(path)
    present = parsed(before or "")
    names = [name for name in values if name in read and name not in present]
    if not names:
        return []
    header = "" if before else f"# Variables {whom}; this file is never committed.\n"
    lines = "".join(f"{name}={values[name]}\n" for name in names)
    return [Change(path, f"{', '.join(names)} {whom}", before, _joined(before) + header + lines, 0o600, secret=True)]


def _joined(text: str | None) -> str:
    """The text, its last line ended."""
    return f"{text}\n" if text and not text.endswith("\n") else text or ""


def _is_true(value: str) -> bool:
    return value.lower().strip() in environ.Env.BOOLEAN_TRUE_STRINGS


def _without(text: str, names: dict[str, str]) -> str:
    """The lines of an environment file that set anything but `names`."""
    matches = filter(None, map(VARIABLE.match, text.splitlines()))
    return "".join(f"{one.string}\n" for one in matches if not one["comment"] and one["name"] not in names)


def _requirements(found: Found) -> Iterator[Change]:
    if found.requires:
        text = "".join(f"{line}\n" for line in found.requires)
        yield Change("requirements.txt", "what the project imports, as it is installed here or newer", None, text)


def _gitignore(found: Found) -> Iterator[Change]:
    """Files of this machine alone, as far as git does not ignore them and nothing of them is committed."""
    committed = {path.partition("/")[0] for path in found.tracked} | found.tracked
    kept = dict.fromkeys(filter(None, (DEVELOPMENT, found.variables, found.key, *UNVERSIONED)))
    lines = [path for path in kept if path not in found.ignored and path.rstrip("/") not in committed]
    lines += [f"!{found.sealed}"] if found.sealed in found.ignored else []  # this one is meant for git
    if found.in_git and lines:
        before = found.texts.get(".gitignore")
        text = "".join(f"{line}\n" for line in lines)
        yield Change(".gitignore", "files of this machine alone", before, _joined(before) + text)


def _committed(found: Found) -> Iterator[Remark]:
    for path in sorted({DEVELOPMENT, found.variables} & found.tracked):
        yield Remark(path, "It is committed, and so are the secrets in it.", f"git rm --cached {path}")
    if found.key in found.tracked:
        what = f"It is committed, and opens {found.sealed} for everybody; make another: `deploy_env rotate`."
        yield Remark(found.key, what, f"git rm --cached {found.key}")


# Tell --------------------------------------------------------------------------------------------------------


def told(decision: Decision, found: Found, *, written: bool) -> str:
    """What was decided, for people: diffs, or one line for each file that was written."""
    lines = [f"wrote {each.path}: {each.what}" if written else each.diff for each in decision.changes]
    for remark in decision.left_alone:
        paste = re.sub(r"(?m)^", "    ", remark.paste) if remark.paste else ""
        lines.append("\n".join(filter(None, (f"left alone {remark.path}: {remark.what}", paste))))
    return "\n".join((*lines, _next(decision, found, written)))


def _next(decision: Decision, found: Found, written: bool) -> str:
    if not decision.changes:
        return "nothing to do"
    if not written:
        return "nothing was written: add --write for that"
    deploy = "python manage.py deploy" + ("" if found.alias == "default" else f" {found.alias}")
    return f"next: {'commit this, then ' if found.in_git else ''}{deploy}"
