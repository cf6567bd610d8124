"""Where the code comes from: a commit of a git repository, its work tree, or a plain folder."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import tempfile
import unicodedata
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, cast

from django_selfdeploy.core.errors import SourceError
from django_selfdeploy.core.manifest import FILE, LINK, PROGRAM, Entry, blob_id

MOST_FILES = 100_000
LARGEST_FILE = 512 * 1024**2
"""What a source may hold at most: so many files, none of them with more bytes than that."""


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
        entry = self._by_path.get(_followed(path, self._links) or "")
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


_LFS_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(ext-.*\n)*oid sha256:")


@dataclass(frozen=True)
class GitSource(Source):
    """A commit; what the work tree holds does not matter."""

    repository: Path

    def read(self, blobs: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        wanted = [self._entry_of(blob) for blob in blobs]
        if not wanted:
            return
        with tempfile.TemporaryFile() as ids:  # a pipe would fill up while git's answers wait to be read
            ids.write("".join(f"{entry.blob}\n" for entry in wanted).encode())
            ids.seek(0)
            with subprocess.Popen(
                _git_words(self.repository, "cat-file", "--batch", "--buffer"),
                stdin=ids,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_git_environment(),
            ) as git:
                for entry in wanted:
                    yield entry.blob, self._next(cast("IO[bytes]", git.stdout), entry)

    def _next(self, answers: IO[bytes], entry: Entry) -> bytes:
        found = answers.readline().startswith(f"{entry.blob} blob ".encode())
        data = answers.read(entry.size + 1)[:-1] if found else b""
        if blob_id(data, like=entry.blob) != entry.blob:
            hint = f"Look closer: {shlex.join(_git_words(self.repository, 'fsck'))}"
            raise SourceError(f"git cannot read {entry.path!r}, blob {entry.blob}.", hint=hint)
        if _LFS_POINTER.match(data):
            again = shlex.join(("git", "add", "--renormalize", entry.path))
            hint = f"Take its pattern out of .gitattributes (git lfs untrack), then: {again} && git commit"
            raise SourceError(f"{entry.path!r} is kept by Git LFS; the commit has only a pointer.", hint=hint)
        return data


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
            return _loaded(self.folder / entry.path, is_link=entry.mode == LINK)
        except OSError as error:
            raise _changed_meanwhile(entry.path) from error


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
    repository = None if use_git is False else _repository(folder)
    if repository is None and (use_git or commit != "HEAD"):
        hint = "Install git, run `git init`, or deploy the folder as it is."
        raise SourceError(f"{str(folder)!r} is in no git repository that git can read.", hint=hint)
    if repository is None:
        return _guarded(_tree(folder, extra_ignores))
    return _guarded(_from_git(repository, commit, allow_dirty=allow_dirty, ignores=extra_ignores))


# What is left out ------------------------------------------------------------------------------------------


def _rule(*globs: str) -> Callable[[str], object]:
    return re.compile("|".join(map(fnmatch.translate, globs))).match


_STATE = _rule(
    *(".env", ".env.*", "*.sqlite3", "*.sqlite3-journal", "*.sqlite3-wal", "*.sqlite3-shm"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*"),
)
_PUBLIC = _rule(".env.example", ".env.sample", ".env.template", ".env.dist", "id_*.pub", "id_*.py")
_PRIVATE = _rule("*.pem", "*.key", "*.p12", "*.pfx", ".envrc", ".netrc", ".pgpass", "*.sqlite", "*.db")
_JUNK = _rule(
    *(".git", ".hg", ".svn", ".venv", "venv", "site-packages", "node_modules", ".direnv", ".eggs"),
    *("__pycache__", "*.py[co]", "*.egg-info", ".cache", ".*_cache", ".*-cache", ".tox", ".nox", ".coverage"),
    *("htmlcov", ".hypothesis", ".ipynb_checkpoints", ".idea", ".vscode", ".DS_Store", "*.sw[op]", "*~"),
)


def _sifted(paths: Iterable[str], tracked: Container[str], ignores: Iterable[str]) -> tuple[list[str], set[str]]:
    """Which of `paths` are deployed, and what is left out and worth telling; `ignores` from the top, too."""
    paths = sorted(set(paths))
    environments = tuple(path.removesuffix("pyvenv.cfg") for path in paths if path.endswith("/pyvenv.cfg"))
    kept: list[str] = []
    told: set[str] = set()
    for path in paths:
        if path not in tracked and (_part(path, _JUNK) or path.startswith(environments)):
            continue
        part = _part(path, _is_state) or ("" if path in tracked else _left_untracked(path, ignores))
        told.update([part] if part else [])
        kept.extend([] if part else [path])
    return kept, told


def _is_state(name: str) -> bool:
    return bool(_STATE(name)) and not _PUBLIC(name)


def _left_untracked(path: str, ignores: Iterable[str]) -> str:
    ignored = next((at for at in ignores if path == at or path.startswith(f"{at}/")), "")
    if ignored:
        return path if path == ignored else f"{ignored}/"
    return path if path.endswith("/") else _part(path, _PRIVATE)


def _part(path: str, rule: Callable[[str], object]) -> str:
    """The start of `path` up to the first name that the rule is about, with a slash if a folder; or ""."""
    names = path.split("/")
    for number, name in enumerate(names, 1):
        if rule(name):
            return "/".join(names[:number]) + ("/" if number < len(names) else "")
    return ""


# A folder --------------------------------------------------------------------------------------------------


def _tree(folder: Path, ignores: tuple[str, ...]) -> TreeSource:
    ignores = _ignores("", ignores)
    kept, told = _sifted(_walk(str(folder), "", ignores), (), ignores)
    entries, special = _entries(folder, kept, like="")
    return TreeSource("tree", None, False, "", "", entries, tuple(sorted(told | special)), folder)


def _walk(top: str, folder: str, ignores: Container[str]) -> Iterator[str]:
    """The paths below `folder`, ignored folders only named, with a slash behind; junk is not looked into."""
    try:
        with os.scandir(os.path.join(top, folder)) as found:
            items = [item for item in found if not _JUNK(item.name)]
    except OSError as error:
        raise _unreadable(folder, error) from error
    if folder and any(item.name == "pyvenv.cfg" for item in items):
        return
    for item in items:
        path = f"{folder}/{item.name}" if folder else item.name
        if not item.is_dir(follow_symlinks=False):
            yield path
        elif path in ignores or _is_state(item.name):
            yield f"{path}/"
        else:
            yield from _walk(top, path, ignores)


def _entries(folder: Path, paths: Iterable[str], *, like: str) -> tuple[tuple[Entry, ...], set[str]]:
    """The entries of the files at `paths`, and those paths at which there is something else."""
    found: dict[str, os.stat_result] = {}
    special: set[str] = set()
    for path in paths:
        try:
            found[path] = (folder / path).lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue  # deleted, which git knows only once it is committed
        except OSError as error:
            raise _unreadable(path, error) from error
        if not stat.S_ISREG(found[path].st_mode) and not stat.S_ISLNK(found[path].st_mode):
            del found[path]
            special.add(path)
    _guard_names(found)
    _guard_size({path: status.st_size for path, status in found.items()})
    return tuple(_entry(folder, path, status.st_mode, like) for path, status in found.items()), special


def _entry(folder: Path, path: str, mode: int, like: str) -> Entry:
    is_link = stat.S_ISLNK(mode)
    try:
        data = _loaded(folder / path, is_link=is_link)
    except OSError as error:
        raise _unreadable(path, error) from error
    kind = PROGRAM if mode & stat.S_IXUSR else FILE
    return Entry(path, blob_id(data, like=like), LINK if is_link else kind, len(data))


def _loaded(place: Path, *, is_link: bool) -> bytes:
    return os.fsencode(os.readlink(place)) if is_link else place.read_bytes()


def _unreadable(path: str, error: OSError) -> SourceError:
    hint = "Make it readable for the user who deploys, or move it out of the project."
    return SourceError(f"{path or '.'!r} cannot be read: {error.strerror}.", hint=hint)


def _changed_meanwhile(path: str) -> SourceError:
    return SourceError(f"{path!r} changed while it was read.", hint="Deploy again when nothing writes to it.")


# A repository ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Repository:
    """A git repository: the folder it is checked out to, and in it the one of manage.py ("" for the same)."""

    top: Path
    prefix: str

    def ask(self, *words: str, folder: str = "") -> list[str]:
        """What git answers in `folder`, split at its NULs; SourceError with git's own words when it fails."""
        done = _git(self.top / folder, *words)
        if done.returncode:
            raise _git_failed(self.top, done)
        return _records(done.stdout)


_LOCAL = {
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
}


def _git_words(folder: Path, *words: str) -> tuple[str, ...]:
    return ("git", "-C", str(folder), *words)


def _git_environment() -> dict[str, str]:
    """Ours, less what git tells its hooks, which names another repository or one by a relative path."""
    kept = {name: value for name, value in os.environ.items() if name not in _LOCAL}
    fixed = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_LITERAL_PATHSPECS": "1"}
    return kept | fixed | {"LC_ALL": "C"}


def _git(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    words = _git_words(folder, *words)
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, env=_git_environment())


def _records(output: bytes) -> list[str]:
    return output.decode("utf-8", "surrogateescape").split("\0")[:-1]


def _git_failed(folder: Path, done: subprocess.CompletedProcess[bytes]) -> SourceError:
    said = done.stderr.decode(errors="replace").strip()
    command = next((line.strip() for line in said.splitlines() if "--add safe.directory" in line), "")
    first = said.partition("\n")[0].removeprefix("fatal: ")
    hint = f"If you trust its owner: {command}" if command else shlex.join(_git_words(folder, "status"))
    return SourceError(f"git cannot read the repository of {str(folder)!r}: {first}.", hint=hint)


def _repository(folder: Path) -> _Repository | None:
    if shutil.which("git") is None:
        return None
    done = _git(folder, "rev-parse", "--is-inside-work-tree", "--show-prefix")
    if done.returncode and b"not a git repository (or any" in done.stderr:
        return None
    if done.returncode:
        raise _git_failed(folder, done)
    inside, prefix = done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n", 1)
    prefix = prefix.strip("/")
    top = folder.parents[prefix.count("/")] if prefix else folder
    return _Repository(top, prefix) if inside == "true" else None


def _from_git(repository: _Repository, commit: str, *, allow_dirty: bool, ignores: tuple[str, ...]) -> Source:
    found = _resolved(repository, commit)
    if found is None and not allow_dirty:
        hint = "Run `git add -A && git commit`, or deploy the work tree with --allow-dirty."
        raise SourceError(f"The repository {str(repository.top)!r} has no commit yet.", hint=hint)
    at = _chosen(repository.prefix, lambda folder: _names(repository, found, folder))
    changed = _uncommitted(repository, at, ignores) if commit == "HEAD" else []
    if changed and not allow_dirty:
        hint = "Commit them (git add -A && git commit), or deploy the work tree as it is with --allow-dirty."
        raise SourceError(f"Not everything is committed: {_some(changed)}.", hint=hint)
    if changed or found is None:
        return _work_tree(repository, found, ignores)
    return _committed(repository, found, at)


def _resolved(repository: _Repository, commit: str) -> str | None:
    """The full id of a commit; None for the HEAD of a repository without any."""
    words = ("rev-parse", "--verify", "--end-of-options", f"{commit}^{{commit}}")
    answer = b"" if "\0" in commit else _git(repository.top, *words).stdout
    found = answer.decode(errors="replace").strip()
    if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", found):
        return found
    if commit == "HEAD":
        return None
    hint = "Fetch it (git fetch --all --tags); `git branch --all` and `git tag` list the names."
    raise SourceError(f"The repository {str(repository.top)!r} has no commit {commit!r}.", hint=hint)


_INPUT = re.compile(r"requirements[^/]*\.txt|requirements/[^/]+\.txt|pyproject\.toml|uv\.lock")


def _chosen(prefix: str, names: Callable[[str], Iterable[str]]) -> str:
    """The folder to deploy: the nearest from `prefix` up that has requirements, else `prefix`."""
    if not prefix:
        return prefix
    steps = prefix.split("/")
    upward = ("/".join(steps[:length]) for length in range(len(steps), -1, -1))
    return next((at for at in upward if any(map(_INPUT.fullmatch, names(at)))), prefix)


def _names(repository: _Repository, commit: str | None, folder: str) -> list[str]:
    if commit is None:
        return []
    return _records(_git(repository.top, "ls-tree", "-r", "-z", "--name-only", f"{commit}:{folder}").stdout)


def _committed(repository: _Repository, commit: str, at: str) -> GitSource:
    done = _git(repository.top, "ls-tree", "-r", "-l", "-z", f"{commit}:{at}")
    if done.returncode and at:
        hint = f"Commit it ({shlex.join(('git', 'add', at))} && git commit), or name a commit that has it."
        raise SourceError(f"The folder {at!r} is not in the commit {commit[:8]}.", hint=hint)
    if done.returncode:
        raise _git_failed(repository.top, done)
    found = {entry.path: entry for entry in map(_listed, _records(done.stdout))}
    kept, told = _sifted(found, found, ())
    _guard_names(kept)
    _guard_submodules(path for path in kept if found[path].mode == _SUBMODULE)
    _guard_size({path: found[path].size for path in kept})
    project = repository.prefix[len(at) :].strip("/")
    entries = tuple(found[path] for path in kept)
    subject = _subject(repository, commit)
    return GitSource("git", commit, False, subject, project, entries, tuple(sorted(told)), repository.top)


_SUBMODULE = 0o160000


def _listed(row: str) -> Entry:
    about, path = row.split("\t", 1)
    mode, _, blob, size = about.split()
    return Entry(path, blob, int(mode, 8), 0 if size == "-" else int(size))


def _uncommitted(repository: _Repository, at: str, ignores: tuple[str, ...]) -> list[str]:
    """What in the folder `at` differs from HEAD, as paths relative to it; not what is never deployed."""
    words = ("--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=none")
    rows = repository.ask("status", *words, "--", at or ".")
    states = {row[3:][len(at) :].removeprefix("/"): row[:2] for row in rows}
    tracked = {path for path, state in states.items() if state != "??"}
    return _sifted(states, tracked, _ignores(repository.prefix[len(at) :], ignores))[0]


def _work_tree(repository: _Repository, commit: str | None, ignores: tuple[str, ...]) -> TreeSource:
    at = _chosen(repository.prefix, lambda at: _tracked(repository, at) | _untracked(repository, at))
    project = repository.prefix[len(at) :].strip("/")
    tracked = _tracked(repository, at)
    kept, told = _sifted(tracked | _untracked(repository, at), tracked, _ignores(project, ignores))
    _guard_submodules(path for path in kept if tracked.get(path) == _SUBMODULE)
    folder = repository.top / at
    entries, special = _entries(folder, kept, like=commit or "")
    left_out = tuple(sorted(told | special))
    subject = _subject(repository, commit) if commit else ""
    return TreeSource("git", commit, True, subject, project, entries, left_out, folder)


def _tracked(repository: _Repository, folder: str) -> dict[str, int]:
    """The mode of each path in the index."""
    rows = repository.ask("ls-files", "-z", "--stage", folder=folder)
    return {path: int(about.split()[0], 8) for about, path in (row.split("\t", 1) for row in rows)}


def _untracked(repository: _Repository, folder: str) -> dict[str, int]:
    return dict.fromkeys(repository.ask("ls-files", "-z", "--others", "--exclude-standard", folder=folder), 0)


def _subject(repository: _Repository, commit: str) -> str:
    words = ("log", "-1", "-z", "--no-show-signature", "--encoding=UTF-8", "--format=%s", commit)
    return "".join(char for char in "".join(repository.ask(*words)) if char.isprintable())


def _ignores(project: str, ignores: Iterable[str]) -> tuple[str, ...]:
    """Paths relative to the project's folder, as seen from the source's top."""
    paths = (os.path.normpath(os.path.join(project.strip("/"), path)) for path in ignores)
    return tuple(path for path in paths if path != "." and not path.startswith(("../", "/")))


# What is refused -------------------------------------------------------------------------------------------


def _guarded(source: Source) -> Source:
    if not source.entries:
        raise SourceError("The source has no file.", hint="Deploy from the folder of manage.py.")
    for path, target in source._links.items():
        if _followed(path, source._links) is None:
            hint = f"Put a copy of what it points to in its place, or remove it: {shlex.join(('rm', path))}"
            raise SourceError(f"{path!r} is a link that leads out of the source, to {target!r}.", hint=hint)
    return source


def _followed(path: str, links: Mapping[str, str]) -> str | None:
    """Where `path` leads, links followed as the kernel does; "" for a loop, None for out of the source."""
    here: list[str] = []
    ahead = path.split("/")[::-1]
    hops = 0
    while ahead:
        name = ahead.pop()
        target = links.get("/".join([*here, name]))
        hops += target is not None
        if hops > 40:  # MAXSYMLINKS of Linux: path_resolution(7)
            return ""
        if (target or "").startswith("/") or (name == ".." and not here):
            return None
        if target is not None:
            ahead += target.split("/")[::-1]
        elif name == "..":
            here.pop()
        elif name not in ("", "."):
            here.append(name)
    return "/".join(here)


def _guard_names(paths: Iterable[str]) -> None:
    hint = "Rename it, or leave it out of the project."
    for path in paths:
        try:
            path.encode()
        except UnicodeEncodeError as error:
            raise SourceError(f"The file name {os.fsencode(path)!r} is not UTF-8.", hint=hint) from error
        if any(unicodedata.category(char) == "Cc" for char in path):
            raise SourceError(f"The file name {path!r} has a control character.", hint=hint)
        if {"", ".", "..", ".git"} & set(path.lower().split("/")):
            raise SourceError(f"The file name {path!r} is not one that a release may have.", hint=hint)


def _guard_submodules(paths: Iterable[str]) -> None:
    for path in paths:
        removal = shlex.join(("git", "rm", "--cached", path))
        hint = f"Install it as a requirement, or commit its files here, after: {removal}"
        raise SourceError(f"{path!r} is a submodule, which is not deployed.", hint=hint)


def _guard_size(sizes: Mapping[str, int]) -> None:
    hint = "Move it out of the folder that is deployed."
    if len(sizes) > MOST_FILES:
        [(part, count)] = Counter(path.partition("/")[0] for path in sizes).most_common(1)
        message = f"The source has {len(sizes):,} files, {count:,} of them in {part!r}."
        raise SourceError(f"{message} The limit is {MOST_FILES:,}.", hint=hint)
    largest = max(sizes, key=lambda path: sizes[path], default="")
    if largest and sizes[largest] > LARGEST_FILE:
        message = f"{largest!r} has {sizes[largest]:,} bytes. The limit is {LARGEST_FILE:,}."
        raise SourceError(message, hint=hint)


def _some(paths: list[str]) -> str:
    named = ", ".join(map(repr, paths[:3]))
    return f"{named} and {len(paths) - 3} more" if len(paths) > 3 else named
