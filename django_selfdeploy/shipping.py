"""What requirements name on this machine, made fit for hosts that do not have it: wheels that are sent along."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from .core.errors import RequirementsError
from .core.manifest import FILE, PROGRAM, Entry, blob_id
from .requirement_lines import local_path, parsed
from .requirements import Requirements
from .source import Source, find_source

WHEELS = "{wheels}"
"""Stands in a line for the folder on the host that the wheels are sent to."""


@dataclass(frozen=True)
class Shipment:
    """Requirements that name nothing of this machine, and the archives that go along: bytes by blob id."""

    requirements: Requirements
    archives: dict[str, bytes]

    def read(self, source: Source, blobs: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """The bytes that a host asks for: of these archives, or of the source."""
        wanted = tuple(blobs)
        yield from ((blob, self.archives[blob]) for blob in wanted if blob in self.archives)
        if others := tuple(blob for blob in wanted if blob not in self.archives):
            yield from source.read(others)


def ship(source: Source, requirements: Requirements, *, uv: str) -> Shipment:
    """The requirements with each line that names a file or folder here made into an archive to send.

    Raises RequirementsError for a folder that cannot be built, and for a requirements file of the source that
    names a path of this machine: what is committed has to hold on every machine.
    """
    _judge_files(source, requirements)
    lines, entries, archives = [], [], {}
    for line in requirements.lines:
        place = parsed(line).place
        if not place.startswith(("file:/", "/")):
            lines.append(line)
            continue
        name, data = _archive(line, local_path(place), uv)
        entry = Entry(name, blob_id(data), FILE, len(data))
        lines.append(f"{parsed(line).name} @ file://{WHEELS}/{name}")
        entries.append(entry)
        archives[entry.blob] = data
    return Shipment(replace(requirements, lines=tuple(lines), wheels=tuple(entries)), archives)


def _judge_files(source: Source, requirements: Requirements) -> None:
    for path in requirements.files:
        for line in (source.text(path) or "").splitlines():
            words = line.strip()
            if words and not words.startswith("#") and parsed(words).place.startswith(("file:/", "/")):
                raise RequirementsError(
                    f"{path!r} names {parsed(words).place!r}, which is a path of this machine.",
                    hint="Put the package into the project, or name it by its version.",
                )


def _archive(line: str, place: Path, uv: str) -> tuple[str, bytes]:
    """The name and the bytes of the archive that `line` stands for."""
    try:
        if place.is_file():
            return place.name, place.read_bytes()
        if place.is_dir():
            return _built(line, place, uv)
    except OSError as error:
        raise RequirementsError(f"{line!r} cannot be read: {error.strerror}.", hint="Mend its mode.") from error
    raise RequirementsError(f"{line!r} is not there any more.", hint="Install it again, or name it by its version.")


def _built(line: str, folder: Path, uv: str) -> tuple[str, bytes]:
    """The wheel of a folder, built from a copy: building leaves files behind."""
    with tempfile.TemporaryDirectory() as work:
        copy, out = Path(work, "copy"), Path(work, "out")
        _copy(find_source(folder, allow_dirty=True), copy)
        words = (uv or "uv", "build", "--wheel", "--out-dir", str(out), str(copy))
        try:
            done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RequirementsError(f"No wheel can be built of {line!r}: {error}.", hint="Install uv.") from error
        found = sorted(out.glob("*.whl")) if done.returncode == 0 else []
        if not found:
            said = "\n    ".join(done.stderr.strip().splitlines()[-10:])
            raise RequirementsError(f"No wheel can be built of {line!r}: {said}", hint="Try `uv build --wheel` there.")
        return found[0].name, found[0].read_bytes()


def _copy(source: Source, folder: Path) -> None:
    for entry in source.entries:
        if entry.mode not in (FILE, PROGRAM):
            continue
        [(_, data)] = source.read([entry.blob])
        path = folder / entry.path
        os.makedirs(path.parent, exist_ok=True)
        path.write_bytes(data)
