"""A git repository: all that git is asked, and how its answers are read."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from .core.errors import SourceError
from .core.manifest import Entry, blob_id

SUBMODULE = 0o160000
"""The mode that git knows for a commit of another repository."""


@dataclass(frozen=True)
class Repository:
    """A git repository: the folder it is checked out to, and in it the one of manage.py ("" for the same).

    Folders are named relative to `top`, "" for itself; the paths in answers are relative to the folder asked for.
    SourceError with git's own words where it cannot answer.
    """

    top: Path
    prefix: str

    def prefix_below(self, folder: str) -> str:
        """The folder of manage.py as seen from `folder`, which is it or one above it."""
        return self.prefix[len(folder) :].strip("/")

    def commit_id(self, commit: str) -> str | None:
        """The full id of a commit; None for the HEAD of a repository without any; SourceError for another."""
        words = ("rev-parse", "--verify", "--end-of-options", f"{commit}^{{commit}}")
        answer = b"" if "\0" in commit else _git(self.top, *words).stdout
        found = answer.decode(errors="replace").strip()
        if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", found):
            return found
        if commit == "HEAD":
            return None
        hint = "Fetch it (git fetch --all --tags); `git branch --all` and `git tag` list the names."
        raise SourceError(f"The repository {str(self.top)!r} has no commit {commit!r}.", hint=hint)

    def subject(self, commit: str) -> str:
        """The title of a commit, without what a terminal would obey."""
        words = ("log", "-1", "-z", "--no-show-signature", "--encoding=UTF-8", "--format=%s", commit)
        return "".join(char for char in "".join(self._ask(*words)) if char.isprintable())

    def names(self, commit: str, folder: str) -> list[str]:
        """The paths in a folder of a commit, none where it has no such folder."""
        return _records(_git(self.top, "ls-tree", "-r", "-z", "--name-only", f"{commit}:{folder}").stdout)

    def committed(self, commit: str, folder: str) -> dict[str, Entry]:
        """The entries in a folder of a commit by path, submodules among them; SourceError without the folder."""
        done = _git(self.top, "ls-tree", "-r", "-l", "-z", f"{commit}:{folder}")
        if done.returncode and folder:
            hint = f"Commit it ({shlex.join(('git', 'add', folder))} && git commit), or name a commit that has it."
            raise SourceError(f"The folder {folder!r} is not in the commit {commit[:8]}.", hint=hint)
        if done.returncode:
            raise _failed(self.top, done)
        return {entry.path: entry for entry in map(_listed, _records(done.stdout))}

    def changed(self, folder: str) -> dict[str, str]:
        """What in a folder differs from HEAD, with the two letters of git-status(1) for each path."""
        words = ("--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=none")
        rows = self._ask("status", *words, "--", folder or ".")
        return {row[3:][len(folder) :].removeprefix("/"): row[:2] for row in rows}

    def tracked(self, folder: str) -> dict[str, int]:
        """The mode of each path in the index."""
        rows = self._ask("ls-files", "-z", "--stage", folder=folder)
        return {path: int(about.split()[0], 8) for about, path in (row.split("\t", 1) for row in rows)}

    def untracked(self, folder: str) -> list[str]:
        """The paths that are neither in the index nor ignored by git; another repository has a slash behind."""
        return self._ask("ls-files", "-z", "--others", "--exclude-standard", folder=folder)

    def _ask(self, *words: str, folder: str = "") -> list[str]:
        done = _git(self.top / folder, *words)
        if done.returncode:
            raise _failed(self.top, done)
        return _records(done.stdout)


def find_repository(folder: Path) -> Repository | None:
    """The repository in whose work tree `folder` is; None for no such, and where git is not installed."""
    if shutil.which("git") is None:
        return None
    done = _git(folder, "rev-parse", "--is-inside-work-tree", "--show-prefix")
    if done.returncode and b"not a git repository (or any" in done.stderr:
        return None
    if done.returncode:
        raise _failed(folder, done)
    inside, prefix = done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n", 1)
    prefix = prefix.strip("/")
    top = folder.parents[prefix.count("/")] if prefix else folder
    return Repository(top, prefix) if inside == "true" else None


def read_blobs(top: Path, entries: list[Entry]) -> Iterator[tuple[str, bytes]]:
    """The blob of each entry with its bytes, one at a time.

    SourceError for what git cannot read, and for a file of which Git LFS keeps the bytes.
    """
    if not entries:
        return
    with tempfile.TemporaryFile() as ids:  # a pipe would fill up while git's answers wait to be read
        ids.write("".join(f"{entry.blob}\n" for entry in entries).encode())
        ids.seek(0)
        with subprocess.Popen(
            _words(top, "cat-file", "--batch", "--buffer"),
            stdin=ids,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
        ) as git:
            for entry in entries:
                yield entry.blob, _next_blob(cast("IO[bytes]", git.stdout), entry, top)


def _next_blob(answers: IO[bytes], entry: Entry, top: Path) -> bytes:
    found = answers.readline().startswith(f"{entry.blob} blob ".encode())
    data = answers.read(entry.size + 1)[:-1] if found else b""
    if blob_id(data, like=entry.blob) != entry.blob:
        hint = f"Look closer: {shlex.join(_words(top, 'fsck'))}"
        raise SourceError(f"git cannot read {entry.path!r}, blob {entry.blob}.", hint=hint)
    if _LFS_POINTER.match(data):
        again = shlex.join(("git", "add", "--renormalize", entry.path))
        hint = f"Take its pattern out of .gitattributes (git lfs untrack), then: {again} && git commit"
        raise SourceError(f"{entry.path!r} is kept by Git LFS; the commit has only a pointer.", hint=hint)
    return data


_LFS_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(ext-.*\n)*oid sha256:")


def _git(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    words = _words(folder, *words)
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, env=_environment())


def _words(folder: Path, *words: str) -> tuple[str, ...]:
    return ("git", "-C", str(folder), *words)


def _environment() -> dict[str, str]:
    """Ours, less what git tells its hooks, which names another repository or one by a relative path."""
    kept = {name: value for name, value in os.environ.items() if name not in _OF_HOOKS}
    fixed = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_LITERAL_PATHSPECS": "1"}
    return kept | fixed | {"LC_ALL": "C"}


_OF_HOOKS = {
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
}


def _records(output: bytes) -> list[str]:
    return output.decode("utf-8", "surrogateescape").split("\0")[:-1]


def _listed(row: str) -> Entry:
    about, path = row.split("\t", 1)
    mode, _, blob, size = about.split()
    return Entry(path, blob, int(mode, 8), 0 if size == "-" else int(size))


def _failed(folder: Path, done: subprocess.CompletedProcess[bytes]) -> SourceError:
    said = done.stderr.decode(errors="replace").strip()
    command = next((line.strip() for line in said.splitlines() if "--add safe.directory" in line), "")
    first = said.partition("\n")[0].removeprefix("fatal: ")
    hint = f"If you trust its owner: {command}" if command else shlex.join(_words(folder, "status"))
    return SourceError(f"git cannot read the repository of {str(folder)!r}: {first}.", hint=hint)
