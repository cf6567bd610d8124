"""Commands that the runner starts: watched, streamed, bounded in time, ended as a group."""

from __future__ import annotations

import codecs
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence

from .actions.base import ActionFailed, World
from .errors import Cancelled
from .text import Tail

MARK = "SELFDEPLOY_DEPLOYMENT"
"""Environment variable by which recovery knows the children of a runner that was killed."""

GRACE = 5.0
"""Seconds between TERM and KILL for a command that is called off."""


def surroundings(world: World, extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child: what it needs to find itself, never what the controller had in its own."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    kept.setdefault("PATH", os.defpath)
    return {**kept, **extra, MARK: world.deployment}


INHERITED = (
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_CACHE_HOME"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "PIP_CERT", "PIP_CONFIG_FILE", "PIP_INDEX_URL"),
    *("UV_CACHE_DIR", "UV_CONFIG_FILE", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_NATIVE_TLS"),
    *("UV_SYSTEM_CERTS", "PIP_EXTRA_INDEX_URL", "http_proxy", "https_proxy", "no_proxy", "XDG_RUNTIME_DIR"),
)
"""Variables of the host's own environment that commands may need: where packages come from, and how."""


def run(
    world: World,
    argv: Sequence[str],
    *,
    cwd: str,
    environment: Mapping[str, str],
    timeout: float,
    quiet: bool = False,
) -> tuple[int, str]:
    """Run `argv` and return its exit status and the head and tail of its output (stdout and stderr as one).

    Raises ActionFailed when it cannot be started or takes more than `timeout` seconds, Cancelled when the
    deployment is called off; in both cases the whole process group has ended before.
    """
    try:
        child = subprocess.Popen(
            tuple(argv),
            cwd=cwd,
            env=surroundings(world, environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=() if world.lock_handle is None else (world.lock_handle,),
        )
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        raise ActionFailed(f"{argv[0]!r} cannot be run: {error.strerror}.") from error
    tail = Tail()
    try:
        _stream(world, child, tail, time.monotonic() + timeout, quiet)
    except BaseException:
        end_group(child)
        raise
    finally:
        assert child.stdout is not None
        child.stdout.close()
    return child.returncode, str(tail)


def _stream(world: World, child: subprocess.Popen[bytes], tail: Tail, deadline: float, quiet: bool) -> None:
    assert child.stdout is not None
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            if world.cancelled():
                raise Cancelled("The deployment was called off.")
            if time.monotonic() > deadline:
                raise ActionFailed(f"{child.args[0]!r} took too long and was ended.")  # type: ignore[index]
            if not selector.select(0.05):
                if child.poll() is not None:
                    break
                continue
            data = os.read(child.stdout.fileno(), 1 << 16)
            if not data:
                break
            text = decoder.decode(data)
            tail.add(text)
            if not quiet:
                world.tell(text)
    child.wait()


def end_group(child: subprocess.Popen[bytes]) -> None:
    """TERM, after GRACE seconds KILL, to the child and whatever it started."""
    for number, patience in ((signal.SIGTERM, GRACE), (signal.SIGKILL, GRACE)):
        try:
            os.killpg(child.pid, number)
        except (ProcessLookupError, PermissionError):
            break
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            continue
        break
    child.poll()
