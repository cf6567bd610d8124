"""What the workers of one test run make once, and share."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .controller import short_folder


@contextmanager
def shared(note: Path, make: Callable[[Path], object]) -> Iterator[Path]:
    """A folder that is made and filled by the first who comes, and removed by the last who leaves.

    All who share it name the same `note`, a file in which they keep where it is and how many they are.
    """
    with _held(note) as about:
        if not about["users"]:
            about["folder"] = str(_filled(make))
        about["users"] += 1
        folder = Path(about["folder"])
    yield folder
    with _held(note) as about:
        about["users"] -= 1
        if not about["users"]:
            shutil.rmtree(folder)


def _filled(make: Callable[[Path], object]) -> Path:
    folder = short_folder()
    try:
        make(folder)
    except BaseException:
        shutil.rmtree(folder)
        raise
    return folder


@contextmanager
def _held(note: Path) -> Iterator[dict[str, Any]]:
    """What the note says, to be changed; others wait meanwhile."""
    with open(note, "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        about = json.loads(file.read() or '{"users": 0, "folder": ""}')
        yield about
        file.truncate(0)
        file.write(json.dumps(about))
