"""What `python -c` on a host begins with: finds the runner there, or asks for it and leaves it, and becomes it.

It is sent in the command line, so it is one file that needs only the standard library, and says its lines itself.
Arguments: nonce, name of the runner's folder, bytes of its files, seconds of silence, root of the site or "".
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

PATIENCE = 120
"""Seconds for everything here: a controller that is cut off meanwhile must not leave a process."""

KEPT, DAYS = 5, 30
"""How many older runners stay on a host, and for how many days without use."""


def main() -> None:
    """Never returns."""
    nonce, name, size, silence, root = sys.argv[2:7]
    detach()
    places = bases(root)
    folder = next((found for base in places if usable(found := os.path.join(base, name), int(size))), "")
    before = b""
    if not folder:
        say("runner-wanted", nonce)
        data, before = received(nonce)
        folder = laid_down(places, name, data, int(size), nonce)
    os.utime(folder)  # when it was used last
    sys.path.insert(0, folder)
    from core.__main__ import main as run  # type: ignore[import-not-found]

    signal.alarm(0)
    sys.exit(run(["serve", nonce, silence], before))


def detach() -> None:
    """The end of the login must not end us."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.alarm(PATIENCE)
    with contextlib.suppress(OSError):  # we lead a session already
        os.setsid()
    os.umask(0o022)
    os.chdir("/")


def bases(root: str) -> list[str]:
    """Where a runner may be kept, the best first."""
    own = os.path.join(os.path.expanduser("~"), ".cache", "django-selfdeploy")
    below = [os.path.join(root, "bin")] if root and os.path.isdir(os.path.join(root, "bin")) else []
    return [own, *below, "/var/tmp/django-selfdeploy-%d" % os.geteuid()]  # noqa: S108, UP031 - it is made private


def private(path: str, hidden: int) -> bool:
    """Whether it is a folder, ours, and without the permissions `hidden` for others."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return found.st_uid == os.geteuid() and found.st_mode & 0o170000 == 0o040000 and not found.st_mode & hidden


def usable(folder: str, size: int) -> bool:
    """Whether a whole runner is there that nobody else can have changed; a crash may have left empty files."""
    if not private(folder, 0o077) or not private(os.path.dirname(folder), 0o022):
        return False
    total = 0
    for place, _, names in os.walk(folder):
        total += sum(os.path.getsize(os.path.join(place, name)) for name in names if name.endswith(".py"))
    return total == size


def say(word: str, nonce: str, text: str = "") -> None:
    os.write(1, ("selfdeploy-%s %s %s\n" % (word, nonce, text)).encode("utf-8", "replace"))  # noqa: UP031


def received(nonce: str) -> tuple[bytes, bytes]:
    """The runner's files as they come, and what came before and after them."""
    mark = b"selfdeploy-files %s " % nonce.encode()
    got = before = b""
    while True:
        line, end, rest = got.partition(b"\n")
        if not end:
            got += more()
            continue
        got = rest
        if line.startswith(mark):
            break
        before += line + end
    size = int(line[len(mark) :])
    while len(got) < size:
        got += more()
    return got[:size], before + got[size:]


def more() -> bytes:
    data = os.read(0, 1 << 16)
    if not data:
        sys.exit(0)
    return data


def laid_down(places: list[str], name: str, data: bytes, size: int, nonce: str) -> str:
    """The folder in which the runner is now; the reasons are said where there is none."""
    import atexit
    import shutil
    import tempfile

    reasons = []
    for base in places:
        try:
            return kept(base, name, data, size)
        except OSError as error:
            reasons.append("%s: %s" % (base, error.strerror or error))  # noqa: UP031
    last = os.environ.get("TMPDIR", "/tmp")  # noqa: S108 - mkdtemp makes it ours alone
    try:
        folder = tempfile.mkdtemp(prefix="selfdeploy-", dir=last)
        atexit.register(shutil.rmtree, folder, True)
        unpack(folder, data)
    except OSError as error:
        reasons.append("%s: %s" % (last, error.strerror or error))  # noqa: UP031
        say("unable", nonce, "; ".join(reasons))
        sys.exit(98)
    return folder


def kept(base: str, name: str, data: bytes, size: int) -> str:
    """Leave the runner in `base`; whole or not at all, since others may come at the same time."""
    import shutil
    import tempfile

    os.makedirs(base, 0o700, exist_ok=True)
    if not private(base, 0o022):
        raise OSError("it belongs to somebody else, or others may write to it")
    folder = os.path.join(base, name)
    work = tempfile.mkdtemp(prefix=".new-", dir=base)
    new = os.path.join(work, name)
    try:
        unpack(new, data)
        if not usable(folder, size):
            if os.path.lexists(folder):
                os.rename(folder, os.path.join(work, "broken"))
            os.rename(new, folder)
    except OSError:
        if not usable(folder, size):  # else another controller was faster
            raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    forget_old(base, folder)
    return folder


def unpack(folder: str, data: bytes) -> None:
    """Write the files into the folder, which is made for us alone."""
    import json
    import zlib

    os.makedirs(folder, 0o700, exist_ok=True)
    for path, text in json.loads(zlib.decompress(data).decode()):
        whole = os.path.join(folder, path)
        os.makedirs(os.path.dirname(whole), 0o700, exist_ok=True)
        with open(whole, "w", encoding="utf-8", newline="") as file:
            file.write(text)


def forget_old(base: str, folder: str) -> None:
    """Remove the runners that nobody has used for long, and what was left half-made."""
    import shutil

    used = {}
    for name in os.listdir(base):
        path = os.path.join(base, name)
        if name.startswith(("runner-", ".new-")) and path != folder and private(path, 0):
            used[path] = os.path.getmtime(path)
    newest = sorted((path for path in used if "/runner-" in path), key=lambda path: -used[path])[:KEPT]
    for path, when in used.items():
        limit = DAYS if path in newest else 0 if "/runner-" in path else 1
        if time.time() - when > limit * 86400:
            shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    main()
