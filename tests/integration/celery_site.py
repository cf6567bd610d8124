"""A site with Celery: tasks that leave a mark when they begin and when they end, and who gives them work all the time."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from celery import Celery

from . import processes
from .site import Site
from .waiting import until

APP = """
import os
import time
from pathlib import Path

from celery import Celery
from celery.signals import before_task_publish

app = Celery("website", broker="{broker}")
app.conf.update(
    broker_connection_retry_on_startup=True,
    task_ignore_result=True,
    task_time_limit=30,
    worker_concurrency=4,
    beat_max_loop_interval=0.5,
    beat_schedule={{"tick": {{"task": "pages.tasks.tick", "schedule": 0.5}}}},
)
app.autodiscover_tasks(["pages"], force=True)


@before_task_publish.connect
def note(sender=None, **kwargs):
    if sender == "pages.tasks.tick":
        with open("{folder}/ticks", "a") as file:
            file.write(f"{{time.time()}} {{os.getpid()}}\\n")
"""

TASKS = """
import os
import time

from celery import shared_task

CODE = "{code}"


def mark(kind, number, more=""):
    handle = os.open(f"{folder}/{{kind}}-{{number}}", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    os.write(handle, (CODE + more).encode())
    os.close(handle)


@shared_task
def work(number, seconds):
    try:
        mark("begun", number)
    except FileExistsError:
        mark("twice", f"{{number}}-{{time.time()}}")
        raise
    time.sleep(seconds)
    mark("done", number)


@shared_task
def tick():
    pass


{more}
"""

CLOCK = """
import os
import signal
import time

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "A scheduler of the project's own, which fails where another one runs, and takes its time to end."
    stopping = False

    def handle(self, *args, **options):
        signal.signal(signal.SIGTERM, self.stop)
        os.close(os.open("{folder}/clock", os.O_CREAT | os.O_EXCL))
        while not self.stopping:
            time.sleep(0.5)
        os.unlink("{folder}/clock")

    def stop(self, *signal_and_frame):
        self.stopping = True
"""

GONE = "@shared_task\ndef gone():\n    pass\n"


class CelerySite:
    """A site whose tasks leave marks in a folder. It changes as tasks are given, so it is not frozen."""

    def __init__(self, site: Site, broker: str) -> None:
        self.site, self.marks = site, site.folder / "marks"
        self._app = Celery("tests", broker=broker)
        self.given: list[int] = []
        self.marks.mkdir()
        site.write("website/celery.py", APP.format(broker=broker, folder=self.marks))
        site.write("pages/management/commands/clock.py", CLOCK.format(folder=self.marks))
        site.append("requirements.txt", "celery[redis]\npackaging\n")

    def write_tasks(self, code: str, more: str = "") -> None:
        """The code of the tasks, as a commit."""
        self.site.write("pages/tasks.py", TASKS.format(code=code, folder=self.marks, more=more))
        self.site.commit(f"Work as {code}")

    def give(self, seconds: float) -> int:
        """Put a task into the queue; its number."""
        number = len(self.given)
        self.given.append(number)
        self._app.send_task("pages.tasks.work", args=(number, seconds))
        return number

    def give_later(self, name: str) -> None:
        """Put a task into the queue that is not due before this test is over."""
        self._app.send_task(name, countdown=600)

    def code_of(self, number: int) -> str:
        """The code by which a task was done, once it is."""
        path = self.marks / f"done-{number}"
        until(path.exists, what=f"task {number} is done")
        return until(path.read_text, what=f"task {number} says by which code")

    def expect_all_done_once(self) -> None:
        """No task is lost, none is cut off, none is done twice."""
        until(lambda: len(self._of("done")) >= len(self.given), what="all tasks are done")
        assert sorted(self._of("begun")) == sorted(self._of("done")) == sorted(map(str, self.given))
        assert self._of("twice") == []

    def _of(self, kind: str) -> list[str]:
        return [path.name.partition("-")[2] for path in self.marks.glob(f"{kind}-*")]

    @contextmanager
    def at_work(self, seconds: tuple[float, ...] = (0.02, 0.1, 0.6)) -> Iterator[None]:
        """Give tasks all the while that the block runs."""
        ended = threading.Event()

        def give() -> None:
            while not ended.wait(0.3):
                self.give(seconds[len(self.given) % len(seconds)])

        thread = threading.Thread(target=give)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    # beat

    def beats(self) -> list[int]:
        """The processes that are Celery's beat now."""
        return [pid for pid in _pids() if _is_beat(pid, self.site.root)]

    def expect_one_beat_at_a_time(self) -> None:
        """Whoever ticked was never followed by one before it, and nobody ticked twice at a time."""
        lines = (self.marks / "ticks").read_text().split("\n")[:-1]
        ticks = [(float(at), int(pid)) for at, pid in map(str.split, lines)]
        turns = [pid for number, (_, pid) in enumerate(ticks) if number == 0 or ticks[number - 1][1] != pid]
        assert max(Counter(turns).values()) == 1, ticks
        close = [later for earlier, later in itertools.pairwise(ticks) if later[0] - earlier[0] < 0.25]
        assert close == [], ticks


class Watcher:
    """Looks at /proc all the while that the block runs, and remembers the most beats that there were at a time."""

    def __init__(self, site: CelerySite) -> None:
        self._site, self._ended = site, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.most, self.looks = 0, 0

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.is_set():
            self.most = max(self.most, len(self._site.beats()))
            self.looks += 1
            time.sleep(0.03)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _is_beat(pid: int, root: Path) -> bool:
    words = processes.command_line(pid).split()
    return "beat" in words and "celery" in " ".join(words) and any(str(root) in word for word in words)
