"""gunicorn, the application server that is used when none is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import AppServer, option
from .rendering import render

if TYPE_CHECKING:
    from ..context import Context

WSGI_WORKERS = ("sync", "gthread", "gevent")

GREENLETS = 1000
"""Requests that a gevent worker answers at a time (gunicorn's worker_connections)."""


@dataclass(frozen=True)
class Gunicorn(AppServer):
    """gunicorn >= 23 on the release's unix socket."""

    name = "gunicorn"
    distribution = "gunicorn"

    workers: int = option(2, "Worker processes.")
    threads: int = option(4, "Threads of each worker; those of other classes than gthread have one.")
    worker_class: str = option("gthread", "gthread, sync or gevent.")
    timeout: int = option(30, "Seconds without a sign of life after which a worker is killed.")
    graceful_timeout: int = option(30, "Seconds that requests may take to finish when the server stops.")
    max_requests: int = option(0, "Requests after which a worker is replaced; 0 for never.")
    max_requests_jitter: int = option(0, "Random addition to max_requests, so that workers do not go together.")
    backlog: int = option(2048, "Connections that may wait to be accepted.")

    @property
    def has_threads(self) -> bool:
        """Whether its workers use `threads`: gunicorn runs gthread for a sync worker with several."""
        return self.worker_class == "gthread"

    def problems(self) -> tuple[str, ...]:
        if self.worker_class not in WSGI_WORKERS:
            return (f"worker_class {self.worker_class!r} is not one of {', '.join(WSGI_WORKERS)}.",)
        if self.workers < 1 or self.threads < 1:
            return ("workers and threads are at least 1.",)
        return ()

    def command(self, context: Context) -> tuple[str, ...]:
        return ("gunicorn", "--config", f"{context.etc}/gunicorn.conf.py")

    def check(self, context: Context) -> tuple[str, ...]:
        return (*self.command(context), "--check-config")

    def files(self, context: Context) -> dict[str, str]:
        values = {
            "part": self,
            "threads": self.threads if self.has_threads else 1,
            "application": context.known_facts.application,
            "socket": context.layout.socket(context.release),
            "prefix": context.known_facts.script_name,
            "folder": context.project,
            "release": context.release,
            "group": context.state.front_user,
            "socket_group": context.target.front.socket_group(context),
        }
        return {"gunicorn.conf.py": render("gunicorn/gunicorn.conf.py", values)}

    def stop_seconds(self) -> float:
        return self.graceful_timeout + 5.0

    def concurrency(self) -> tuple[int, int]:
        at_a_time = {"gthread": self.threads, "gevent": GREENLETS}.get(self.worker_class, 1)
        return (self.workers, at_a_time)
