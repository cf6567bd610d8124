"""What was made from files, kept by the hash of what it was made from: nothing is made twice."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path


class Made:
    """The files that a release made; one that the release before has made is taken over as a hard link.

    An empty file stands for "not worth it", so that this is not tried again either. `count` is how many were
    made here; it grows, so the class is not frozen.
    """

    def __init__(self, folder: Path, before: Path | None) -> None:
        self._folder, self._before = folder, before
        self.count = 0
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, key: str, make: Callable[[], bytes | None]) -> Path | None:
        """The file for `key`; None where `make` says that it is not worth it. Threads may call it side by side."""
        path = self._folder / key
        if not path.exists() and not self._linked(key, path):
            self._write(path, make() or b"")
            self.count += 1
        return path if path.stat().st_size else None

    def _linked(self, key: str, path: Path) -> bool:
        return self._before is not None and link(self._before / key, path)

    def _write(self, path: Path, data: bytes) -> None:
        temporary = path.with_name(f".tmp-{secrets.token_hex(8)}")
        temporary.write_bytes(data)
        temporary.replace(path)


def link(source: Path, target: Path) -> bool:
    """Make `target` the same file on disk as `source`, or a copy where there are no links; False for no `source`."""
    try:
        os.link(source, target)
    except FileExistsError:
        return True
    except FileNotFoundError:
        return False
    except OSError:
        shutil.copy2(source, target)
    return True
