"""Bytes on their way to a file and back, a chunk at a time: never is a dump whole in memory."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import subprocess
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from ..children import INHERITED
from ..errors import BackupFailed

CHUNK = 1 << 18
GZIP = ".gz"


@dataclass(frozen=True)
class Stored:
    """A file that was written: its `size` in bytes and the SHA-256 of what is on disk."""

    name: str
    size: int
    sha256: str


class Sink:
    """A new file, mode 0600, that knows its size and its SHA-256. It is written to, so it is not frozen."""

    def __init__(self, path: str) -> None:
        self._path = path
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file: IO[bytes] = os.fdopen(os.open(path, flags, 0o600), "wb")
        self._digest, self._size = hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        self._file.write(data)
        self._digest.update(data)
        self._size += len(data)
        return len(data)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> Stored:
        """The file is on disk on return."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return Stored(os.path.basename(self._path), self._size, self._digest.hexdigest())

    def abandon(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()


@contextlib.contextmanager
def compressed(sink: Sink, level: int) -> Iterator[Any]:
    """What writes to `sink` through gzip; level 0 writes the bytes as they are."""
    if not level:
        yield sink
        return
    target: Any = sink
    with gzip.GzipFile("", "wb", compresslevel=level, fileobj=target, mtime=0) as packer:
        yield packer


def store(path: str, chunks: Iterable[bytes], *, level: int = 0) -> Stored:
    """Write `chunks` to the new file `path`. Raises OSError, and what `chunks` raises."""
    sink = Sink(path)
    try:
        with compressed(sink, level) as writing:
            for chunk in chunks:
                writing.write(chunk)
        return sink.close()
    except BaseException:
        sink.abandon()
        raise


def read(path: str) -> Iterator[bytes]:
    """The bytes of a file, unpacked where its name ends in .gz. Raises BackupFailed for a damaged one."""
    opener: Any = gzip.open if path.endswith(GZIP) else open
    with opener(path, "rb") as file:
        try:
            while chunk := file.read(CHUNK):
                yield chunk
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise damaged(path, str(error)) from error


def stored(path: str) -> Stored:
    """What is on disk now. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return Stored(os.path.basename(path), size, digest.hexdigest())


def damaged(path: str, why: str) -> BackupFailed:
    return BackupFailed(
        f"The file {path!r} of the backup is damaged: {why}.",
        hint="Use another backup: `deploy_backup --list` tells which there are.",
    )


def output(argv: Sequence[str], environment: Mapping[str, str]) -> Iterator[bytes]:
    """What a command writes, a chunk at a time. Raises BackupFailed when it cannot be run or does not end well."""
    with tempfile.TemporaryFile() as errors:
        child = _start(argv, environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        assert child.stdout is not None
        try:
            while chunk := child.stdout.read1(CHUNK):  # type: ignore[attr-defined]
                yield chunk
        except BaseException:
            child.kill()
            raise
        finally:
            child.stdout.close()
            child.wait()
        _judge(argv, child.returncode, errors)


def feed(argv: Sequence[str], chunks: Iterable[bytes], environment: Mapping[str, str]) -> None:
    """Give `chunks` to a command. Raises BackupFailed when it does not end well; when `chunks` raise, it is killed."""
    with tempfile.TemporaryFile() as errors:
        child = _start(argv, environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors)
        assert child.stdin is not None
        try:
            for chunk in chunks:
                child.stdin.write(chunk)
            child.stdin.close()
        except BrokenPipeError:
            pass  # it has ended: its status and its last words tell why
        except BaseException:
            child.kill()
            raise
        finally:
            with contextlib.suppress(BrokenPipeError):
                child.stdin.close()
            child.wait()
        _judge(argv, child.returncode, errors)


def _start(argv: Sequence[str], environment: Mapping[str, str], **streams: object) -> subprocess.Popen[bytes]:
    """A child with the environment that it needs, and none of the project's own secrets."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    try:
        return subprocess.Popen(tuple(argv), env={**kept, "LC_ALL": "C", **environment}, **streams)  # type: ignore[call-overload, no-any-return]
    except OSError as error:
        raise BackupFailed(f"{argv[0]!r} cannot be run: {error.strerror}.") from error


def _judge(argv: Sequence[str], status: int, errors: IO[bytes]) -> None:
    errors.seek(0)
    said = [line for line in errors.read(1 << 16).decode("utf-8", "replace").splitlines() if line.strip()]
    if status:
        program = os.path.basename(argv[0])
        raise BackupFailed(f"`{program}` ended with status {status}." + "".join(f"\n    {line}" for line in said[-8:]))
