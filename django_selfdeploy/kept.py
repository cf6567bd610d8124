"""The source of a release that is on the host already: nothing of it needs to be sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .core.errors import SourceError
from .core.manifest import Entry
from .core.release import Release
from .source import Source


@dataclass(frozen=True)
class KeptSource(Source):
    """A source whose bytes are in a release's folder on the host, and nowhere else."""

    @classmethod
    def of(cls, release: Release, entries: tuple[Entry, ...]) -> KeptSource:
        return cls(
            kind="release",
            commit=release.commit or None,
            dirty=False,
            subject=release.subject,
            project=release.project,
            entries=entries,
            left_out=(),
        )

    def read(self, blobs: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        for blob in blobs:
            raise SourceError(
                f"A file of the live release was changed on the host: its bytes are no longer {blob[:8]}.",
                hint="Deploy instead of restarting: `manage.py deploy --force`.",
            )
        return iter(())

    def text(self, path: str) -> str | None:
        return None
