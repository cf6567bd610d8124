"""Where the code comes from: a commit of a git repository, its work tree, or a plain folder."""

from __future__ import annotations

import hashlib
import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .core.errors import SourceError
from .core.manifest import LINK, Entry, blob_id
from .folder import load, read_entries, walk
from .left_out import seen_from_top, sift
from .limits import guard_names, guard_size, guard_submodules
from .links import followed, guard_links
from .repository import SUBMODULE, Repository, find_repository, read_blobs


@dataclass(frozen=True)
class Source(ABC):
    """The files that make up a release; their bytes are read only when asked for.

    `kind` is "git" or "tree"; `commit` is the full id, None for a tree and for a repository without one;
    `dirty` tells that uncommitted changes are part of it; `subject` is the title of the commit.
    `project` is the folder of manage.py inside the source, "" for its top; `entries` are sorted by path;
    `left_out` names what is not deployed though it lies there, folders with a slash behind.
    """

    kind: str
    commit: str | None
    dirty: bool
    subject: str
    project: str
    entries: tuple[Entry, ...]
    left_out: tuple[str, ...]

    @abstractmethod
    def read(self, blobs: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Each blob asked for with its bytes, one at a time; SourceError for a blob that no entry has."""

    def text(self, path: str) -> str | None:
        """The file at `path`, links followed; None where there is none; SourceError where it is not UTF-8."""
        entry = self._by_path.get(followed(path, self._links) or "")
        if entry is None:
            return None
        [(_, data)] = self.read([entry.blob])
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise SourceError(f"{path!r} is not UTF-8 text.", hint="Save it as UTF-8.") from error

    @property
    def short(self) -> str:
        """Eight hexadecimal digits: of the commit, or of a hash over the entries where they are not its."""
        if self.commit and not self.dirty:
            return self.commit[:8]
        rows = json.dumps([entry.to_json() for entry in self.entries])
        return hashlib.sha256(rows.encode()).hexdigest()[:8]

    @cached_property
    def _by_path(self) -> dict[str, Entry]:
        return {entry.path: entry for entry in self.entries}

    @cached_property
    def _by_blob(self) -> dict[str, Entry]:
        return {entry.blob: entry for entry in self.entries}

    @cached_property
    def _links(self) -> dict[str, str]:
        links = [entry for entry in self.entries if entry.mode == LINK]
        targets = dict(self.read(entry.blob for entry in links))
        return {entry.path: targets[entry.blob].decode("utf-8", "surrogateescape") for entry in links}

    def _entry_of(self, blob: str) -> Entry:
        if blob not in self._by_blob:  # a host may ask for what is deployed, not for the repository's past
            raise SourceError(f"No file of the source has the blob {blob!r}.")
        return self._by_blob[blob]


@dataclass(frozen=True)
class GitSource(Source):
    """A commit; what the work tree holds does not matter."""

    repository: Path

    def read(self, blobs: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        yield from read_blobs(self.repository, [self._entry_of(blob) for blob in blobs])


@dataclass(frozen=True)
class TreeSource(Source):
    """What lies in a folder: a plain one, or a git work tree with uncommitted changes."""

    folder: Path

    def read(self, blobs: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        for entry in map(self._entry_of, blobs):
            data = self._bytes(entry)
            if blob_id(data, like=entry.blob) != entry.blob:
                raise _changed_meanwhile(entry.path)
            yield entry.blob, data

    def _bytes(self, entry: Entry) -> bytes:
        try:
            return load(self.folder, entry.path, is_link=entry.mode == LINK)
        except OSError as error:
            raise _changed_meanwhile(entry.path) from error


def _changed_meanwhile(path: str) -> SourceError:
    return SourceError(f"{path!r} changed while it was read.", hint="Deploy again when nothing writes to it.")


def find_source(
    project_dir: Path,
    *,
    commit: str = "HEAD",
    allow_dirty: bool = False,
    use_git: bool | None = None,
    extra_ignores: tuple[str, ...] = (),
) -> Source:
    """The source of the project whose manage.py is in `project_dir`; SourceError where it cannot be deployed.

    In a git repository it is `commit`. HEAD must be what the work tree holds, unless `allow_dirty` takes the
    work tree as it is; for any other commit, tag or branch the work tree does not matter. The source's top is
    the project's folder; in a repository, if that has no requirements, the nearest folder above that has.
    `use_git=False` takes the folder as it is, True insists on a repository, None looks for one.

    Never part of it, tracked or not: .env and .env.* (save examples), SQLite databases named *.sqlite3, SSH
    keys. Left out unless tracked: *.pem, *.key and the like, which may be public certificates; *.sqlite and
    *.db; `extra_ignores`, paths relative to `project_dir` (MEDIA_ROOT, STATIC_ROOT). Left out unless tracked,
    and not worth telling: virtual environments, caches, what editors leave.
    """
    folder = Path(os.path.realpath(project_dir))
    if not folder.is_dir():
        raise SourceError(f"{str(project_dir)!r} is not a folder.", hint="Name the folder of manage.py.")
    repository = None if use_git is False else find_repository(folder)
    if repository is None and (use_git or commit != "HEAD"):
        hint = "Install git, run `git init`, or deploy the folder as it is."
        raise SourceError(f"{str(folder)!r} is in no git repository that git can read.", hint=hint)
    if repository is None:
        return _guarded(_tree(folder, extra_ignores))
    return _guarded(_from_git(repository, commit, allow_dirty=allow_dirty, ignores=extra_ignores))


def _guarded(source: Source) -> Source:
    if not source.entries:
        raise SourceError("The source has no file.", hint="Deploy from the folder of manage.py.")
    guard_links(source._links)
    return source


def _tree(folder: Path, ignores: tuple[str, ...]) -> TreeSource:
    ignores = seen_from_top(ignores)
    kept, told = sift(walk(folder, ignores=ignores), ignores=ignores)
    entries, special = read_entries(folder, kept)
    return TreeSource("tree", None, False, "", "", entries, tuple(sorted(told | special)), folder)


def _from_git(repository: Repository, commit: str, *, allow_dirty: bool, ignores: tuple[str, ...]) -> Source:
    found = repository.commit_id(commit)
    if found is None and not allow_dirty:
        hint = "Run `git add -A && git commit`, or deploy the work tree with --allow-dirty."
        raise SourceError(f"The repository {str(repository.top)!r} has no commit yet.", hint=hint)
    at = _chosen(repository.prefix, lambda folder: repository.names(found, folder) if found else [])
    changed = _uncommitted(repository, at, ignores) if commit == "HEAD" else []
    if changed and not allow_dirty:
        hint = "Commit them (git add -A && git commit), or deploy the work tree as it is with --allow-dirty."
        raise SourceError(f"Not everything is committed: {_some(changed)}.", hint=hint)
    if changed or found is None:
        return _work_tree(repository, found, ignores)
    return _committed(repository, found, at)


def _chosen(prefix: str, names: Callable[[str], Iterable[str]]) -> str:
    """The folder to deploy: the nearest from `prefix` up that has requirements, else `prefix`."""
    if not prefix:
        return prefix
    steps = prefix.split("/")
    upward = ("/".join(steps[:length]) for length in range(len(steps), -1, -1))
    return next((at for at in upward if any(map(_INPUT.fullmatch, names(at)))), prefix)


_INPUT = re.compile(r"requirements[^/]*\.txt|requirements/[^/]+\.txt|pyproject\.toml|uv\.lock")


def _uncommitted(repository: Repository, at: str, ignores: tuple[str, ...]) -> list[str]:
    """What in the folder `at` differs from HEAD, as paths relative to it; not what is never deployed."""
    states = repository.changed(at)
    tracked = {path for path, state in states.items() if state != "??"}
    ignores = seen_from_top(ignores, project=repository.prefix_below(at))
    return sift(states, tracked=tracked, ignores=ignores)[0]


def _some(paths: list[str]) -> str:
    named = ", ".join(map(repr, paths[:3]))
    return f"{named} and {len(paths) - 3} more" if len(paths) > 3 else named


def _work_tree(repository: Repository, commit: str | None, ignores: tuple[str, ...]) -> TreeSource:
    at = _chosen(repository.prefix, lambda folder: [*repository.tracked(folder), *repository.untracked(folder)])
    project = repository.prefix_below(at)
    tracked = repository.tracked(at)
    paths = [*tracked, *repository.untracked(at)]
    kept, told = sift(paths, tracked=tracked, ignores=seen_from_top(ignores, project=project))
    guard_submodules(path for path in kept if tracked.get(path) == SUBMODULE)
    folder = repository.top / at
    entries, special = read_entries(folder, kept, like=commit or "")
    left_out = tuple(sorted(told | special))
    subject = repository.subject(commit) if commit else ""
    return TreeSource("git", commit, True, subject, project, entries, left_out, folder)


def _committed(repository: Repository, commit: str, at: str) -> GitSource:
    found = repository.committed(commit, at)
    kept, told = sift(found, tracked=found)
    guard_names(kept)
    guard_submodules(path for path in kept if found[path].mode == SUBMODULE)
    guard_size({path: found[path].size for path in kept})
    project = repository.prefix_below(at)
    entries = tuple(found[path] for path in kept)
    subject = repository.subject(commit)
    return GitSource("git", commit, False, subject, project, entries, tuple(sorted(told)), repository.top)
