"""This machine: the runner is a process of its own session, so that Ctrl-C and a closed terminal do not end it."""

from __future__ import annotations

import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO, cast

from ..core.errors import RunnerLost
from ..core.wire import Channel
from .base import Connection

BOOT = "import sys; sys.path.insert(0, sys.argv.pop(1)); from core.__main__ import main; sys.exit(main(sys.argv[1:]))"
"""Starts the same package `core` that is shipped to other hosts, from where it is installed."""


@contextmanager
def connected() -> Iterator[Connection]:
    """A runner on this machine, for as long as the block lasts. It outlives us when it has switched."""
    nonce = secrets.token_hex(8)
    package = str(Path(__file__).resolve().parent.parent)
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(
            (sys.executable, "-I", "-S", "-c", BOOT, package, "serve", nonce),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            cwd="/",
            start_new_session=True,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        channel = Channel(cast("BinaryIO", child.stdout), cast("BinaryIO", child.stdin))
        try:
            yield Connection(channel, greet=lambda: _greet(channel, nonce), trouble=lambda: _last_words(child, said))
        finally:
            _let_go(child)


def _greet(channel: Channel, nonce: str) -> None:
    try:
        channel.expect_hello(nonce)
    except ValueError as error:
        raise RunnerLost(f"The runner does not start on this machine: {error}") from error


def _let_go(child: subprocess.Popen[bytes]) -> None:
    """Close both ends. A runner with nothing to do ends at once; one that must finish goes on alone."""
    for stream in (child.stdin, child.stdout):
        try:
            if stream is not None:
                stream.close()
        except OSError:
            pass
    try:
        child.wait(0.5)
    except subprocess.TimeoutExpired:
        child.returncode = 0  # it goes on alone: no warning about a child that still runs


def _last_words(child: subprocess.Popen[bytes], said: IO[bytes]) -> str:
    with suppress(subprocess.TimeoutExpired):
        child.wait(2)
    said.seek(0)
    return said.read().decode("utf-8", "replace")[-2000:]
