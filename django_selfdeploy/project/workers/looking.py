"""Looking for all workers that the project needs, and for tasks that none of them would know."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from ..facts import Message
from . import celery_worker, channels_worker, huey_worker, q2_worker, rq_worker, tasks_worker
from .found import Found, Looked, Remark

FINDERS: dict[str, Callable[[], Looked]] = {
    "Celery": celery_worker.find,
    "django.tasks": tasks_worker.find,
    "django-q2": q2_worker.find,
    "huey": huey_worker.find,
    "RQ": rq_worker.find,
    "Channels": channels_worker.find,
}

QUEUES: dict[str, Callable[[], Counter[str]]] = {
    "Celery": celery_worker.unknown,
    "django.tasks": tasks_worker.unknown,
    "django-q2": q2_worker.unknown,
    "huey": huey_worker.unknown,
    "RQ": rq_worker.unknown,
}

SCHEDULES: dict[str, Callable[[], Iterator[Remark]]] = {
    "Celery": celery_worker.in_tables,
    "django-q2": q2_worker.in_tables,
}

PATIENCE = 5.0
"""Seconds that a queue may take to answer: a deployment does not wait for it longer."""


def look() -> tuple[tuple[Found, ...], tuple[Message, ...]]:
    """The processes that the project needs besides the web server, and what is to be said of them."""
    found: list[Found] = []
    remarks: list[Remark] = []
    for library, find in FINDERS.items():
        try:
            looked = find()
        except Exception as error:  # noqa: BLE001 - a library may change; the site does not depend on it
            text = f"What {library} needs could not be found out ({type(error).__name__}: {error})."
            remarks.append(Remark("selfdeploy.W099", text, "Name its processes in PROCESSES."))
            continue
        found += looked.found
        remarks += looked.remarks
    return tuple(found), tuple(map(_message, remarks))


def _message(remark: Remark) -> Message:
    return Message(remark.level, remark.id, remark.text, remark.hint)


def queued_tasks() -> dict[str, Any]:
    """Messages about tasks that wait, or are scheduled, under names that this release does not have; `note` tells
    which queues could not be looked into.
    """
    messages: list[dict[str, Any]] = []
    blind: list[str] = []
    for library, unknown in QUEUES.items():
        try:
            with _bounded(PATIENCE):
                names = unknown()
                schedule = tuple(SCHEDULES[library]()) if library in SCHEDULES else ()
        except Exception as error:  # noqa: BLE001 - a queue that does not answer stops no deployment
            blind.append(f"{library} ({_plain(error)})")
            continue
        messages += [{"id": one.id, "level": one.level, "text": one.text} for one in schedule]
        messages += [_waiting(library, names)] if names else []
    note = f"(selfdeploy.I097) not looked into: {'; '.join(blind)}" if blind else ""
    return {"messages": messages, "note": note}


def _waiting(library: str, names: Counter[str]) -> dict[str, Any]:
    count = sum(names.values())
    listed = ", ".join(f"{name!r} ({number})" for name, number in sorted(names.items()))
    wait = "1 task waits" if count == 1 else f"{count} tasks wait"
    text = f"{wait} in {library} that this release does not have: {listed}."
    remark = Remark("selfdeploy.W090", text)
    return {"id": remark.id, "level": remark.level, "text": text}


def _plain(error: Exception) -> str:
    """The first line, short: it goes into the line of a step."""
    text = (str(error) or type(error).__name__).splitlines()[0]
    return text if len(text) <= 100 else f"{text[:97]}..."


@contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the block after `seconds`. For the main thread of a process of its own."""

    def out_of_time(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"no answer in {seconds:g} s")

    before = signal.signal(signal.SIGALRM, out_of_time)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
