"""What a source requires, as the project states it, and the key of the environment made of that."""

from __future__ import annotations

import difflib
import hashlib
import importlib.metadata
import json
import posixpath
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django_selfdeploy.core.errors import RequirementsError, SourceError
from django_selfdeploy.source import Source, find_source

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]

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
    content of every local file or folder that they name.
    """

    kind: str
    files: tuple[str, ...]
    install_from: tuple[str, ...]
    lines: tuple[str, ...]
    digest: str

    def key(self, interpreter: str) -> str:
        """The name of the environment's folder: 16 hexadecimal digits, the same for the same environment."""
        return hashlib.sha256(f"{self.digest}{interpreter}".encode()).hexdigest()[:16]


def find_requirements(source: Source, *, named: tuple[str, ...] = (), own: str = "") -> Requirements:
    """What `source` requires: by the files `named`, or else by uv.lock, one of TEXTS or pyproject.toml.

    Where there is none of them it is "frozen": what is installed here. `own` is added to the lines unless
    they, or the files, name this package. RequirementsError where a file is missing or cannot be understood.
    """
    chosen = _named(source, named) if named else _found(source)
    if own and OWN not in {_parsed(line)[0] for line, _ in chosen.wanted}:
        chosen = replace(chosen, lines=(*chosen.lines, own), wanted=(*chosen.wanted, (own, "")))
    return Requirements(chosen.kind, chosen.files, chosen.install_from, chosen.lines, _digest(source, chosen))


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
    if not url or (url.startswith("file:") and not _path(url).exists()):
        return ""
    if "vcs_info" in origin:
        url = f"{origin['vcs_info']['vcs']}+{url}@{origin['vcs_info']['commit_id']}"
    return f"{url}#subdirectory={origin['subdirectory']}" if "subdirectory" in origin else url


# Which files -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Chosen:
    """Requirements before they are weighed; `wanted` has every requirement with the file that states it."""

    kind: str
    files: tuple[str, ...]
    install_from: tuple[str, ...]
    lines: tuple[str, ...]
    wanted: tuple[tuple[str, str], ...]


def _named(source: Source, named: tuple[str, ...]) -> _Chosen:
    paths = tuple(map(posixpath.normpath, named))
    for path, name in zip(paths, named, strict=True):
        if source.text(path) is None:
            raise RequirementsError(f"There is no {name!r} in the source.", hint=_near(source, path))
    special = [path for path in paths if _reader(path) is not _from_texts]
    if special and len(paths) > 1:
        hint = "Name either requirements files, or one lock, or one pyproject.toml."
        raise RequirementsError(f"{special[0]!r} cannot be combined with other files.", hint=hint)
    chosen = _reader(paths[0])(source, paths)
    if chosen is None:
        hint = "Add the list `dependencies` to its table [project], or name a requirements file."
        raise RequirementsError(f"{paths[0]!r} states no dependencies.", hint=hint)
    return chosen


def _found(source: Source) -> _Chosen:
    for folder in dict.fromkeys(("", source.project)):
        for name in ("uv.lock", *TEXTS, "pyproject.toml"):
            path = posixpath.join(folder, name)
            chosen = None if source.text(path) is None else _reader(path)(source, (path,))
            if chosen:
                return chosen
    lines = frozen()
    return _Chosen("frozen", (), (), lines, tuple((line, "") for line in lines))


def _reader(path: str) -> Callable[[Source, tuple[str, ...]], _Chosen | None]:
    readers = {"uv.lock": _from_lock, "pyproject.toml": _from_project}
    return readers.get(posixpath.basename(path), _from_texts)


def _near(source: Source, path: str) -> str:
    ending = posixpath.splitext(path)[1]
    paths = [entry.path for entry in source.entries if entry.path.endswith(ending)]
    near = difflib.get_close_matches(path, paths, n=1)
    return f"Did you mean {near[0]!r}?" if near else "Commit it, or name a file that is there."


# Requirements files (pip's documentation, "Requirements File Format") --------------------------------------

_INCLUDE = re.compile(r"(?:-(?P<short>[rc])\s*|--(?P<long>requirement|constraint)[\s=]\s*)(?P<file>\S.*)")


def _from_texts(source: Source, paths: tuple[str, ...]) -> _Chosen:
    wanted: list[tuple[str, str]] = []
    queue = [(path, True) for path in paths]
    for path, installs in queue:  # grows while it is walked
        for line in _logical_lines(source.text(path) or ""):
            include = _INCLUDE.fullmatch(line)
            if include is None:
                wanted += [(line, path)] if installs else []
                continue
            included = _included(source, path, include["file"].strip("\"'"))
            item = included, installs and (include["short"] == "r" or include["long"] == "requirement")
            queue += [item] if included and item not in queue else []
    files = tuple(dict.fromkeys(path for path, _ in queue))
    return _Chosen("requirements", files, paths, (), tuple(wanted))


def _logical_lines(text: str) -> Iterator[str]:
    """The lines without comments, those that end in a backslash joined with the next."""
    joined = ""
    for line in [*text.splitlines(), ""]:
        joined += re.sub(r"(^|\s)#.*$", "", line)
        if joined.endswith("\\"):
            joined = joined[:-1]
            continue
        if joined.strip():
            yield joined.strip()
        joined = ""


def _included(source: Source, path: str, target: str) -> str:
    """The path of a file that another includes; "" where only the installer can tell."""
    if "://" in target or "${" in target:
        return ""
    included = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    if source.text(included) is None:
        hint = f"Commit {included!r}, or take the line out of {path!r}."
        raise RequirementsError(f"{path!r} includes {target!r}, which is not in the source.", hint=hint)
    return included


# TOML files ------------------------------------------------------------------------------------------------


def _from_project(source: Source, paths: tuple[str, ...]) -> _Chosen | None:
    [path] = paths
    table = _toml(source, path).get("project")
    project = table if isinstance(table, dict) else {}
    if "dependencies" in project.get("dynamic", ()):
        hint = f"Write them down: uv pip compile {path} -o {posixpath.join(posixpath.dirname(path), TEXTS[0])}"
        raise RequirementsError(f"{path!r} leaves its dependencies to the build (dynamic).", hint=hint)
    lines = project.get("dependencies")
    if lines is None:
        return None
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        hint = 'Write it like this: dependencies = ["django>=5.2"]'
        raise RequirementsError(f"[project] dependencies of {path!r} is not a list of texts.", hint=hint)
    return _Chosen("pyproject", (path,), (), tuple(lines), tuple((line, path) for line in lines))


def _from_lock(source: Source, paths: tuple[str, ...]) -> _Chosen:
    [path] = paths
    project = posixpath.join(posixpath.dirname(path), "pyproject.toml")
    if source.text(project) is None:
        hint = f"Commit {project!r}, or name a requirements file."
        raise RequirementsError(f"{path!r} is there without {project!r}.", hint=hint)
    _toml(source, project)
    packages = _toml(source, path).get("package", [])
    wanted = tuple((line, path) for line in _locked(packages))
    return _Chosen("uv.lock", (path, project), (path,), (), wanted)


def _locked(packages: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each package of a lock which the project needs, with its folder or file where it has one."""
    local = {package["name"]: _local_part(package) for package in packages}
    roots = [name for name, place in local.items() if place == "."]
    needed = dict.fromkeys(roots or local)
    queue = list(needed)
    for name in queue:  # grows while it is walked
        found = (package for package in packages if package["name"] == name)
        names = [each["name"] for package in found for each in package.get("dependencies", ())]
        queue += [each for each in dict.fromkeys(names) if each not in needed]
        needed.update(dict.fromkeys(names))
    for name in needed:
        place = local.get(name, "")
        yield f"{name} @ ./{place}" if place not in ("", ".") else name


def _local_part(package: dict[str, Any]) -> str:
    places = package.get("source", {})
    return next((places[key] for key in ("editable", "virtual", "directory", "path") if key in places), "")


def _toml(source: Source, path: str) -> dict[str, Any]:
    try:
        return dict(tomllib.loads(source.text(path) or ""))
    except tomllib.TOMLDecodeError as error:
        hint = "Mend it; `uv lock` writes the lock anew."
        raise RequirementsError(f"{path!r} is not valid TOML: {error}.", hint=hint) from error


# What a line names, and the digest --------------------------------------------------------------------------


def _digest(source: Source, chosen: _Chosen) -> str:
    texts = [(path, _sha256((source.text(path) or "").encode())) for path in chosen.files]
    local = [(line, _content(source, line, path)) for line, path in chosen.wanted if _parsed(line)[1]]
    return _sha256(json.dumps([chosen.kind, chosen.install_from, texts, chosen.lines, local]).encode())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_EDITABLE = re.compile(r"(?:-e\s*|--editable[\s=]\s*)(?P<place>\S.*)")
_FIND_LINKS = re.compile(r"(?:-f\s*|--find-links[\s=]\s*)(?P<place>\S.*)")
_NAMED = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)\s*(?:\[[^]]*\])?\s*(?:@\s*(?P<place>\S.*)|[(<>=!~;].*)?")


def _parsed(line: str) -> tuple[str, str]:
    """The normalised name of what a line requires, and the URL or path it comes from; "" for neither."""
    editable, links = _EDITABLE.fullmatch(line), _FIND_LINKS.fullmatch(line)
    if links:
        return "", links["place"]
    if line.startswith("-") and not editable:
        return "", ""
    line = re.split(r"\s+;|\s+--|;\s", editable["place"] if editable else line)[0].strip("\"' ")
    found = _NAMED.fullmatch(line)
    if found and (found["place"] or not (editable or line.endswith(_ARCHIVES))):
        return canonical(found["name"]), found["place"] or ""
    return canonical(_name_in(line)), line


def _name_in(place: str) -> str:
    """The package's name as far as a URL or path tells it: by #egg=, else by its last part."""
    egg = re.search(r"[#&]egg=([\w.-]+)", place)
    if egg:
        return egg[1]
    last = re.split(r"[#?\[]", place)[0].rstrip("/").rpartition("/")[2]
    return re.sub(r"(@.*|\.git|-\d.*)+$", "", last)


def _content(source: Source, line: str, path: str) -> str:
    """A hash over the file or folder that a line names; "" where it is a URL, or not on this machine."""
    place = _parsed(line)[1]
    if place.startswith(("file:/", "/")):
        return _content_on_disk(line, _path(place))
    if "://" in place or "${" in place or re.match(r"\w+\+", place):
        return ""
    relative = re.split(r"[#\[]", place.removeprefix("file:"))[0].strip()
    starts = ("", posixpath.dirname(path))  # installers differ: the folder they run in, or that of the file
    insides = [posixpath.normpath(posixpath.join(start, relative)) for start in starts]
    below = next(filter(None, (_below(source, inside) for inside in insides)), [])
    if not below and not _FIND_LINKS.fullmatch(line):
        hint = f"Commit {relative!r}, or take the line out."
        raise RequirementsError(f"{path!r} names {relative!r}, which is not in the source.", hint=hint)
    return _sha256(json.dumps(below).encode())


def _below(source: Source, path: str) -> list[list[Any]]:
    """The rows of the entries in a folder, or of the one at `path`."""
    inside = "" if path == "." else f"{path}/"
    return [each.to_json() for each in source.entries if each.path == path or each.path.startswith(inside)]


def _content_on_disk(line: str, place: Path) -> str:
    if place.is_file():
        return _sha256(place.read_bytes())
    if not place.is_dir():
        return ""
    try:
        entries = find_source(place, allow_dirty=True).entries
    except SourceError as error:
        raise RequirementsError(f"{line!r} cannot be taken: {error.message}", hint=error.hint) from error
    return _sha256(json.dumps([entry.to_json() for entry in entries]).encode())


def _path(url: str) -> Path:
    return Path(unquote(urlsplit(url).path))
