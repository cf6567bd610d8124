"""A command of the user's that leads to a host (ProxyCommand of ssh_config(5)), as a socket."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 2.0
"""Seconds between the end of its input and TERM, and between TERM and KILL."""


@contextmanager
def proxied(command: str) -> Iterator[socket.socket]:
    """What the command reads and writes, for as long as the block lasts; what it complains of is for the user.

    ssh_config(5) has it that a shell runs it: the command is the user's own text, from the user's own file.
    """
    ours, its = socket.socketpair()
    with ours, its:
        words = ("/bin/sh", "-c", f"exec {command}")
        child = subprocess.Popen(words, stdin=its.fileno(), stdout=its.fileno(), start_new_session=True)
        its.close()
        try:
            yield ours
        finally:
            ours.close()
            _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            child.send_signal(number)
    child.wait()
