"""A command of the live release, for a person who waits for what it writes: no plan, no lock, no journal."""

from __future__ import annotations

import os
import selectors
import subprocess
from collections.abc import Callable, Sequence
from typing import IO

from .children import INHERITED, end_group
from .errors import HostError

Tell = Callable[[str, bytes], None]


def run(argv: Sequence[str], *, tell: Tell, gone: Callable[[], bool]) -> int:
    """The exit status of `argv`; what it writes goes to `tell` with "output" or "errors" as it comes.

    When nobody waits any more, which `gone` knows, it is ended. Raises HostError when it cannot be started.
    """
    environment = {name: os.environ[name] for name in (*INHERITED, "TERM") if name in os.environ}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    try:
        child = subprocess.Popen(tuple(argv), env=environment, start_new_session=True, **pipes)  # type: ignore[call-overload]
    except OSError as error:
        raise HostError(f"{argv[0]!r} cannot be run: {error.strerror}.") from error
    try:
        _pass_on(child, {child.stdout: "output", child.stderr: "errors"}, tell, gone)
    finally:
        end_group(child)
        child.stdout.close()
        child.stderr.close()
    return int(child.returncode)


def _pass_on(
    child: subprocess.Popen[bytes], streams: dict[IO[bytes], str], tell: Tell, gone: Callable[[], bool]
) -> None:
    with selectors.DefaultSelector() as selector:
        for stream, name in streams.items():
            selector.register(stream, selectors.EVENT_READ, name)
        while selector.get_map():
            if gone():
                return
            for key, _ in selector.select(0.2):
                data = os.read(key.fd, 1 << 16)
                if data:
                    tell(key.data, data)
                else:
                    selector.unregister(key.fileobj)
    child.wait()
