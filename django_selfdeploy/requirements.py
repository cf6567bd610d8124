"""What a source requires, as the project states it, and the key of the environment made of that."""

from __future__ import annotations

import difflib
import hashlib
import importlib.metadata
import json
import posixpath
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .core.errors import RequirementsError
from .core.manifest import Entry
from .requirement_digest import digest
from .requirement_files import Stated, read_stated, stands_alone
from .requirement_lines import local_path, parsed
from .source import Source

OWN = "django-selfdeploy"
"""The name under which this package is installed, as PEP 503 spells it."""

TEXTS = (
    "requirements.txt",
    "requirements/production.txt",
    "requirements/prod.txt",
    "requirements-production.txt",
    "requirements-prod.txt",
    "requirements/base.txt",
    "requirements/requirements.txt",
)
"""Where requirements are looked for when nobody names them and there is no uv.lock; the first counts."""


@dataclass(frozen=True)
class Requirements:
    """What to install.

    `kind` is "uv.lock", "requirements", "pyproject" or "frozen". `files` are paths inside the source: those
    to install from, then what they include. `install_from` is what the installer is given, `lines` are
    requirements besides. `digest` is SHA-256 in hexadecimal over the text of the files, the lines, and the
    content of every local file or folder that they name. `wheels` are archives that are sent to a folder beside
    the environment, for lines that name them there.
    """

    kind: str
    files: tuple[str, ...]
    install_from: tuple[str, ...]
    lines: tuple[str, ...]
    digest: str
    wheels: tuple[Entry, ...] = ()

    def key(self, interpreter: str) -> str:
        """The name of the environment's folder: 16 hexadecimal digits, the same for the same environment."""
        return hashlib.sha256(f"{self.digest}{interpreter}".encode()).hexdigest()[:16]


def find_requirements(source: Source, *, named: tuple[str, ...] = (), own: str = "") -> Requirements:
    """What `source` requires: by the files `named`, or else by uv.lock, one of TEXTS or pyproject.toml.

    Where there is none of them it is "frozen": what is installed here. `own` is added to the lines unless
    they, or the files, name this package. RequirementsError where a file is missing or cannot be understood.
    """
    stated = _named(source, named) if named else _found(source)
    if own and OWN not in {canonical(parsed(line).name) for line, _ in stated.wanted}:
        stated = replace(stated, lines=(*stated.lines, own), wanted=(*stated.wanted, (own, "")))
    return Requirements(stated.kind, stated.files, stated.install_from, stated.lines, digest(source, stated))


def own_requirement() -> str:
    """How this package is to be installed elsewhere, as it was here; "" where it is part of the project.

    The folder itself for an editable installation or a checkout; from a file, a folder or a repository when
    it came from one (PEP 610); else its version from the package index.
    """
    here = Path(__file__).resolve().parents[1]
    if _is_checkout(here):
        return f"{OWN} @ {here.as_uri()}"
    try:
        return _pin(importlib.metadata.distribution(OWN))
    except importlib.metadata.PackageNotFoundError:
        return ""


def frozen() -> tuple[str, ...]:
    """A pin of each package installed here, as `pip freeze` words it, less those that install others."""
    pins: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        name = (distribution.metadata["Name"] if distribution.metadata else None) or ""
        if name and distribution.version and canonical(name) not in _INSTALLERS:
            pins.setdefault(canonical(name), _pin(distribution))  # the first one on the path is imported
    return tuple(pins[name] for name in sorted(pins))


def canonical(name: str) -> str:
    """A package's name as PEP 503 normalises it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _named(source: Source, named: tuple[str, ...]) -> Stated:
    paths = tuple(map(posixpath.normpath, named))
    for path, name in zip(paths, named, strict=True):
        if source.text(path) is None:
            raise RequirementsError(f"There is no {name!r} in the source.", hint=_near(source, path))
    alone = [path for path in paths if stands_alone(path)]
    if alone and len(paths) > 1:
        hint = "Name either requirements files, or one lock, or one pyproject.toml."
        raise RequirementsError(f"{alone[0]!r} cannot be combined with other files.", hint=hint)
    stated = read_stated(source, paths)
    if stated is None:
        hint = "Add the list `dependencies` to its table [project], or name a requirements file."
        raise RequirementsError(f"{paths[0]!r} states no dependencies.", hint=hint)
    return stated


def _near(source: Source, path: str) -> str:
    ending = posixpath.splitext(path)[1]
    paths = [entry.path for entry in source.entries if entry.path.endswith(ending)]
    near = difflib.get_close_matches(path, paths, n=1)
    return f"Did you mean {near[0]!r}?" if near else "Commit it, or name a file that is there."


def _found(source: Source) -> Stated:
    for folder in dict.fromkeys(("", source.project)):
        for name in ("uv.lock", *TEXTS, "pyproject.toml"):
            path = posixpath.join(folder, name)
            stated = None if source.text(path) is None else read_stated(source, (path,))
            if stated:
                return stated
    lines = frozen()
    return Stated("frozen", (), (), lines, tuple((line, "") for line in lines))


_INSTALLERS = {"pip", "setuptools", "wheel", "distribute", "pkg-resources"}


def _is_checkout(folder: Path) -> bool:
    """Whether this package is imported from its own source, and not copied into somebody's project."""
    about = folder / "setup.cfg"
    return about.is_file() and f"name = {OWN}\n" in about.read_text()


def _pin(distribution: importlib.metadata.Distribution) -> str:
    name = distribution.metadata["Name"]
    url = _direct_url(json.loads(distribution.read_text("direct_url.json") or "{}"))
    return f"{name} @ {url}" if url else f"{name}=={distribution.version}"


def _direct_url(origin: dict[str, Any]) -> str:
    """The URL of PEP 610, worded as in PEP 508; "" for none and for a file that only conda's builders had."""
    url = str(origin.get("url", ""))
    if not url or (url.startswith("file:") and not local_path(url).exists()):
        return ""
    if "vcs_info" in origin:
        url = f"{origin['vcs_info']['vcs']}+{url}@{origin['vcs_info']['commit_id']}"
    return f"{url}#subdirectory={origin['subdirectory']}" if "subdirectory" in origin else url
