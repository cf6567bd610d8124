"""The files in which a project states its requirements: for pip, for uv, or in pyproject.toml."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .core.errors import RequirementsError
from .source import Source

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]


@dataclass(frozen=True)
class Stated:
    """Requirements before they are weighed.

    `wanted` has every requirement with the file that states it, "" for none; for the rest see `Requirements`.
    """

    kind: str
    files: tuple[str, ...]
    install_from: tuple[str, ...]
    lines: tuple[str, ...]
    wanted: tuple[tuple[str, str], ...]


def read_stated(source: Source, paths: tuple[str, ...]) -> Stated | None:
    """What the files at `paths` state, None for a pyproject.toml without dependencies.

    They are requirements files, or one that stands alone. RequirementsError where one cannot be understood.
    """
    name = posixpath.basename(paths[0])
    if name == "uv.lock":
        return _from_lock(source, paths[0])
    if name == "pyproject.toml":
        return _from_project(source, paths[0])
    return _from_texts(source, paths)


def stands_alone(path: str) -> bool:
    """Whether that is a lock or a pyproject.toml, which cannot be combined with other files."""
    return posixpath.basename(path) in ("uv.lock", "pyproject.toml")


# Requirements files (pip's documentation, "Requirements File Format") --------------------------------------


def _from_texts(source: Source, paths: tuple[str, ...]) -> Stated:
    wanted: list[tuple[str, str]] = []
    queue = [(path, True) for path in paths]
    for path, installs in queue:  # grows while it is walked
        lines, includes = _read_text(source, path)
        wanted += [(line, path) for line in lines if installs]
        more = dict.fromkeys((included, installs and requires) for included, requires in includes)
        queue += [item for item in more if item not in queue]
    files = tuple(dict.fromkeys(path for path, _ in queue))
    return Stated("requirements", files, paths, (), tuple(wanted))


def _read_text(source: Source, path: str) -> tuple[list[str], list[tuple[str, bool]]]:
    """The lines of a file, and the files it includes: True for requirements, False for constraints."""
    lines: list[str] = []
    includes: list[tuple[str, bool]] = []
    for line in _logical_lines(source.text(path) or ""):
        include = _INCLUDE.fullmatch(line)
        if include is None:
            lines.append(line)
            continue
        included = _included(source, path, include["file"].strip("\"'"))
        if included:
            includes.append((included, include["short"] == "r" or include["long"] == "requirement"))
    return lines, includes


_INCLUDE = re.compile(r"(?:-(?P<short>[rc])\s*|--(?P<long>requirement|constraint)[\s=]\s*)(?P<file>\S.*)")


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


def _from_project(source: Source, path: str) -> Stated | None:
    table = _toml(source, path).get("project")
    project = table if isinstance(table, dict) else {}
    if "dependencies" in project.get("dynamic", ()):
        compiled = posixpath.join(posixpath.dirname(path), "requirements.txt")
        hint = f"Write them down: uv pip compile {path} -o {compiled}"
        raise RequirementsError(f"{path!r} leaves its dependencies to the build (dynamic).", hint=hint)
    lines = project.get("dependencies")
    if lines is None:
        return None
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        hint = 'Write it like this: dependencies = ["django>=5.2"]'
        raise RequirementsError(f"[project] dependencies of {path!r} is not a list of texts.", hint=hint)
    return Stated("pyproject", (path,), (), tuple(lines), tuple((line, path) for line in lines))


def _from_lock(source: Source, path: str) -> Stated:
    project = posixpath.join(posixpath.dirname(path), "pyproject.toml")
    if source.text(project) is None:
        hint = f"Commit {project!r}, or name a requirements file."
        raise RequirementsError(f"{path!r} is there without {project!r}.", hint=hint)
    _toml(source, project)  # the installer reads it, too
    packages = _toml(source, path).get("package", [])
    wanted = tuple((line, path) for line in _locked(packages))
    return Stated("uv.lock", (path, project), (path,), (), wanted)


def _locked(packages: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each package of a lock which the project needs, with its folder or file where it has one."""
    places = {package["name"]: _local_part(package) for package in packages}
    roots = [name for name, place in places.items() if place == "."]
    for name in _needed(packages, roots or list(places)):
        place = places.get(name, "")
        yield f"{name} @ ./{place}" if place not in ("", ".") else name


def _needed(packages: list[dict[str, Any]], roots: list[str]) -> list[str]:
    """The names of `roots`, of what they depend on, of what that depends on, and so on."""
    needs: dict[str, dict[str, None]] = {}
    for package in packages:  # which may be there twice, for different platforms
        names = [each["name"] for each in package.get("dependencies", ())]
        needs.setdefault(package["name"], {}).update(dict.fromkeys(names))
    needed = list(roots)
    for name in needed:  # grows while it is walked
        needed += [each for each in needs.get(name, ()) if each not in needed]
    return needed


def _local_part(package: dict[str, Any]) -> str:
    places = package.get("source", {})
    return next((places[key] for key in ("editable", "virtual", "directory", "path") if key in places), "")


def _toml(source: Source, path: str) -> dict[str, Any]:
    try:
        return dict(tomllib.loads(source.text(path) or ""))
    except tomllib.TOMLDecodeError as error:
        hint = "Mend it; `uv lock` writes the lock anew."
        raise RequirementsError(f"{path!r} is not valid TOML: {error}.", hint=hint) from error
