"""One deployment at a time: flock(2) on a file of the root, held by the runner and the commands it starts.

The kernel frees it when the last of them has ended; what is written in the file is only for the message.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from . import processes
from .children import MARK
from .errors import Locked
from .journal import now
from .layout import Layout

POLL = 0.1
GRACE = 5.0
"""Seconds between TERM and KILL for the orphans of a runner that was killed."""

AGENT = "selfdeploy_agent"
"""In the command line of a Django process: an orphaned one finishes its migration and ends by itself."""


class Lock:
    """The lock of a root, held from `take` to the end of this process."""

    def __init__(self, layout: Layout) -> None:
        self._path = layout.lock
        self.handle: int | None = None
        self._content: dict[str, Any] = {}

    def take(self, about: dict[str, Any], *, wait: float, tell: Callable[[str], None]) -> None:
        """Take it, waiting at most `wait` seconds. Raises Locked, naming who holds it since when.

        Orphans of a runner that was killed are ended; only a Django process among them is waited for, since a
        migration is better finished than cut.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(self._path, flags, 0o600)
        began = time.monotonic()
        told = False
        while not _locked(handle):
            holder = read(self._path)
            alive = _alive(holder)
            orphaned = not alive and _end_orphans(holder)
            patience = wait if alive else max(wait, GRACE)
            if not orphaned and time.monotonic() - began >= patience:
                os.close(handle)
                raise refusal(holder)
            if not told:
                tell(f"waiting for {described(holder)}")
                told = True
            time.sleep(POLL)
        self.handle = handle
        self._content = {
            **about,
            "pid": os.getpid(),
            "started": processes.started(os.getpid()),
            "boot": processes.boot(),
            "host": socket.gethostname(),
            "since": now(),
            "step": "",
        }
        self._write()

    def at(self, step: str, **more: Any) -> None:
        """Say for the next one who asks which step is being done."""
        self._content.update(step=step, **more)
        with contextlib.suppress(OSError):  # on a full disk the message is old, and the lock is held all the same
            self._write()

    def release(self) -> None:
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None

    def _write(self) -> None:
        assert self.handle is not None
        data = json.dumps(self._content).encode()
        os.ftruncate(self.handle, 0)
        os.pwrite(self.handle, data, 0)


def read(path: str) -> dict[str, Any]:
    """What the holder wrote about itself; empty where that cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def holder(layout: Layout) -> dict[str, Any] | None:
    """What the present holder wrote about itself; None when nobody holds the lock."""
    try:
        handle = os.open(layout.lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if _locked(handle):
            return None
    finally:
        os.close(handle)
    return read(layout.lock)


def described(content: dict[str, Any]) -> str:
    """For example "`deploy` of ann (pid 4711 on web1, since 2026-..., at 'run the tests')"."""
    if not content:
        return "another deployment"
    kind, who, pid = (content.get(key, "?") for key in ("kind", "who", "pid"))
    where = f"pid {pid} on {content.get('host', '?')}, since {content.get('since', '?')}"
    step = f", at {content['step']!r}" if content.get("step") else ""
    return f"`{kind}` of {who} ({where}{step})"


def refusal(content: dict[str, Any]) -> Locked:
    return Locked(
        f"Another deployment is at work: {described(content)}.",
        hint="Wait for it with `--lock-wait SECONDS`, or look at it with `deploy_unlock`.",
    )


def break_free(layout: Layout, *, kill: bool) -> dict[str, Any] | None:
    """The holder; with `kill` it is asked to end (it takes back what it began), and what stays is killed.

    Raises Locked where it cannot be read who that is.
    """
    content = holder(layout)
    if content is None or not kill:
        return content
    if "pid" not in content:
        raise refusal(content)
    if _alive(content):
        _signal(int(content["pid"]), signal.SIGTERM)
        deadline = time.monotonic() + 2 * GRACE
        while _alive(content) and time.monotonic() < deadline:
            time.sleep(POLL)
        if _alive(content):
            _signal(int(content["pid"]), signal.SIGKILL)
    for pid in processes.with_variable(MARK, str(content.get("deployment", ""))):
        _signal(pid, signal.SIGKILL)
    return content


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _alive(content: dict[str, Any]) -> bool:
    """Whether the runner that wrote this still runs; yes, where nothing can be read."""
    if "pid" not in content:
        return True
    if content.get("boot") != processes.boot():
        return False
    return processes.started(int(content["pid"])) == content.get("started")


def _end_orphans(content: dict[str, Any]) -> bool:
    """Whether there were any."""
    marked = processes.with_variable(MARK, str(content.get("deployment", "")))
    orphans = [pid for pid in marked if AGENT not in processes.name(pid)]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in orphans:
            _signal(pid, number)
        deadline = time.monotonic() + GRACE
        while any(processes.started(pid) for pid in orphans) and time.monotonic() < deadline:
            time.sleep(POLL)
    return bool(marked)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
