"""What is not deployed though it lies in the source: secrets, databases, junk, and what a project ignores."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable, Container, Iterable


def is_junk(name: str) -> bool:
    """Whether a file or folder of that name is left out unless tracked, and not worth telling."""
    return bool(_JUNK(name))


def is_state(name: str) -> bool:
    """Whether a file or folder of that name is never deployed, tracked or not: a secret or a database."""
    return bool(_STATE(name)) and not _PUBLIC(name)


def sift(
    paths: Iterable[str], *, tracked: Container[str] = (), ignores: tuple[str, ...] = ()
) -> tuple[list[str], set[str]]:
    """Which of `paths` are deployed, sorted, and what is left out and worth telling, folders with a slash behind.

    All of them are relative to the source's top. A path with a slash behind is a folder that is only named.
    """
    paths = sorted(set(paths))
    environments = tuple(path.removesuffix("pyvenv.cfg") for path in paths if path.endswith("/pyvenv.cfg"))
    kept: list[str] = []
    told: set[str] = set()
    for path in paths:
        if _part(path, _is_bytecode):
            continue
        if path not in tracked and (_part(path, is_junk) or path.startswith(environments)):
            continue
        left_out = _part(path, is_state) or ("" if path in tracked else _left_untracked(path, ignores))
        if left_out:
            told.add(left_out)
        else:
            kept.append(path)
    return kept, told


def seen_from_top(ignores: Iterable[str], *, project: str = "") -> tuple[str, ...]:
    """Paths relative to the project's folder, as seen from the source's top; without those outside of it."""
    paths = (os.path.normpath(os.path.join(project, path)) for path in ignores)
    return tuple(path for path in paths if path != "." and not path.startswith(("../", "/")))


def _left_untracked(path: str, ignores: tuple[str, ...]) -> str:
    ignored = next((at for at in ignores if path == at or path.startswith(f"{at}/")), "")
    if ignored:
        return path if path == ignored else f"{ignored}/"
    return path if path.endswith("/") else _part(path, _is_private)


def _part(path: str, rule: Callable[[str], bool]) -> str:
    """The start of `path` up to the first name that the rule is about, with a slash if a folder; or ""."""
    names = path.split("/")
    for number, name in enumerate(names, 1):
        if rule(name):
            return "/".join(names[:number]) + ("/" if number < len(names) else "")
    return ""


def _is_bytecode(name: str) -> bool:
    """Bytecode is made anew where it runs; whoever committed it by mistake has it changed at every start."""
    return bool(_BYTECODE(name))


def _is_private(name: str) -> bool:
    return bool(_PRIVATE(name))


def _rule(*globs: str) -> Callable[[str], object]:
    return re.compile("|".join(map(fnmatch.translate, globs))).match


_STATE = _rule(
    *(".env", ".env.*", "*.sqlite3", "*.sqlite3-journal", "*.sqlite3-wal", "*.sqlite3-shm"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*"),
)
_PUBLIC = _rule(".env.example", ".env.sample", ".env.template", ".env.dist", "id_*.pub", "id_*.py")
_PRIVATE = _rule("*.pem", "*.key", "*.p12", "*.pfx", ".envrc", ".netrc", ".pgpass", "*.sqlite", "*.db")
_BYTECODE = _rule("__pycache__", "*.py[co]")
_JUNK = _rule(
    *(".git", ".hg", ".svn", ".venv", "venv", "site-packages", "node_modules", ".direnv", ".eggs"),
    *("__pycache__", "*.py[co]", "*.egg-info", ".cache", ".*_cache", ".*-cache", ".tox", ".nox", ".coverage"),
    *("htmlcov", ".hypothesis", ".ipynb_checkpoints", ".idea", ".vscode", ".DS_Store", "*.sw[op]", "*~"),
)
