"""Finding everything that settings lack at once: a process that is thrown away imports them with stand-ins.

Settings stop at the first variable that they lack. In a fork that variable is given a stand-in and the import tried
again, until it succeeds or stops for another reason. So a name is told only when the settings have really failed for
it: one that they ask for and do without is none. The fork can do no harm. An audit hook refuses to write a file, to
connect, to start a program; what a second import would do to the first one's modules dies with it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from .contract import Contract
from .culprit import Problem, culprits
from .observing import Recorder

SECONDS = 30
MOST = 200
"""Variables after which it is enough."""

FORBIDDEN = re.compile(
    r"os\.(chmod|chown|exec|fork|forkpty|kill|killpg|link|mkdir|mkfifo|posix_spawn|putpath|remove|rename|rmdir|symlink"
    r"|system|truncate|utime|startfile)|subprocess\.Popen|pty\.spawn|shutil\.\w+|socket\.(bind|connect|getaddrinfo"
    r"|gethostby\w+|sendto|sendmsg)|sqlite3\.connect|tempfile\.\w+|_thread\.start_\w+|webbrowser\.open"
)
"""Events of Python's audit table that change something, or that would leave the process."""

STAND_INS = {
    "int": "1",
    "float": "1",
    "Decimal": "1",
    "bool": "False",
    "json": "{}",
    "dict": "",
    "list": "",
    "tuple": "",
    "db_url": "sqlite://:memory:",
    "cache_url": "dummycache://",
    "email_url": "dummymail://",
    "url": "http://localhost/",
    "urlparse": "http://localhost/",
    "search_url": "simple://",
}


@dataclass(frozen=True)
class Tried:
    """What is wrong with which variables, and what settings read that got stand-ins for them."""

    problems: tuple[Problem, ...]
    contract: Contract


def everything(recorder: Recorder, error: Exception, importing: Callable[[], Any]) -> Tried | None:
    """Every variable for which the settings fail, that of `error` first; None where it is about something else.

    `importing` imports the settings again. What that does to this process is nothing.
    """
    first = culprits(recorder, error)
    if not first:
        return None
    told = _in_fork(lambda: _told(_tried(recorder, first, importing), recorder))
    if told is None:
        return Tried(first, recorder.contract)
    return Tried(tuple(Problem(**row) for row in told["problems"]), Contract.from_json(told["contract"]))


def _told(problems: tuple[Problem, ...], recorder: Recorder) -> dict[str, Any]:
    return {"problems": [asdict(one) for one in problems], "contract": recorder.contract.to_json()}


def _tried(recorder: Recorder, found: tuple[Problem, ...], importing: Callable[[], Any]) -> tuple[Problem, ...]:
    given: dict[str, Problem] = {}
    while found and len(given) < MOST and not any(one.name in given for one in found):
        for one in found:
            given[one.name] = one
            recorder.stand_ins.add(one.name)
            os.environ[one.name] = stand_in(one)
        try:
            importing()
        except Exception as error:  # noqa: BLE001 - what it is about is asked next
            found = culprits(recorder, error)
        else:
            found = ()
    return tuple(given.values())


def stand_in(problem: Problem) -> str:
    """A value that does nothing and that most casts take; where the cast is not known it is told from the name."""
    if problem.cast in STAND_INS:
        return STAND_INS[problem.cast]
    if re.search(r"DATABASE\w*_UR[LI]$|DB_UR[LI]$", problem.name):
        return STAND_INS["db_url"]
    return "http://localhost/" if re.search(r"_(UR[LI]|ENDPOINT|DSN)$", problem.name) else "1"


def _in_fork(work: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """What `work` returns in a fork of this process; None where that fails or takes too long."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _work(work, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        data = stream.read()
    os.waitpid(child, 0)
    return dict(json.loads(data)) if data else None


def _work(work: Callable[[], dict[str, Any]], writing: int) -> NoReturn:
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SECONDS)
        silent = os.open(os.devnull, os.O_RDWR)
        for handle in (0, 1, 2):
            os.dup2(silent, handle)
        sys.dont_write_bytecode = True
        with open(writing, "wb", closefd=False) as stream:
            sys.addaudithook(_refuse)
            stream.write(json.dumps(work()).encode())
    finally:
        os._exit(0)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        _, mode, flags = arguments
        writes = any(letter in str(mode or "") for letter in "wax+") or int(flags or 0) & (os.O_WRONLY | os.O_RDWR)
        if writes:
            raise PermissionError("Settings that are tried with stand-ins may not write.")
    elif FORBIDDEN.fullmatch(event):
        raise PermissionError(f"Settings that are tried with stand-ins may not do this: {event}.")
