"""supervisor, the process manager that is used when none is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.actions.packages import Package
from ..core.actions.system import EnableUnit, RunService
from ..core.boot import unit_text
from ..core.errors import ConfigError
from ..core.machine import unit_of
from ..core.release import EARLY, WORKERS, Control
from .base import Needs, ProcessManager, option
from .rendering import render

if TYPE_CHECKING:
    from ..conf import Target
    from ..context import Context
    from ..core.layout import Layout
    from ..core.release import Program

SCOPES = ("own", "system")


@dataclass(frozen=True)
class Supervisor(ProcessManager):
    """supervisord >= 4.2.5: one of our own under the root, or the machine's."""

    name = "supervisor"

    scope: str = option("own", "own: a supervisord under the root, as the deploying user; system: the machine's.")
    socket: str = option("/run/supervisor.sock", "Socket of the machine's supervisord (scope system).")
    include: str = option("/etc/supervisor/conf.d", "Include folder of the machine's supervisord (scope system).")
    log_size: str = option("20MB", "Size at which a program's log is rotated.")
    log_backups: int = option(5, "Rotated logs that are kept of each program.")

    def problems(self) -> tuple[str, ...]:
        return () if self.scope in SCOPES else (f"scope {self.scope!r} is not one of {', '.join(SCOPES)}.",)

    def needs(self, target: Target, layout: Layout, user: str) -> Needs:
        if self.scope == "system":
            return self._machines(user)
        if not target.start_at_boot:
            return Needs()
        unit = EnableUnit(unit_of(layout), unit_text(layout.root, user))
        cron = Package("cron", program="crontab", without_systemd=True)
        return Needs(
            packages=(cron,),
            services=(RunService("cron", "/run/crond.pid", without_systemd=True),),
            units=(unit,),
        )

    def _machines(self, user: str) -> Needs:
        """Who speaks to root's supervisord, or writes a file of it, is root: no rule of sudo makes that less."""
        if user != "root":
            raise ConfigError(
                f"{user!r} cannot use the machine's supervisord: it runs as root whatever it is told.",
                hint='Leave the scope of PROCESS_MANAGER at "own", or deploy as root.',
            )
        return Needs(
            packages=(Package("supervisor", program="supervisord"),),
            services=(RunService("supervisor", "/run/supervisord.pid"),),
        )

    def control(self, layout: Layout) -> Control:
        if self.scope == "system":
            return Control(self.socket, self.include, own=False)
        start = (f"{layout.tools}/bin/supervisord", "--configuration", f"{layout.etc}/supervisord.conf")
        return Control(layout.control, layout.programs, own=True, start=start)

    def files(self, context: Context, programs: tuple[Program, ...]) -> dict[str, str]:
        early = tuple(program for program in programs if program.early)
        workers = tuple(program for program in programs if not program.early)
        files = {EARLY: early, WORKERS: workers} if workers else {EARLY: early}
        return {name: self._text(context, those) for name, those in files.items()}

    def _text(self, context: Context, programs: tuple[Program, ...]) -> str:
        rows = [self._row(context, program) for program in programs]
        values = {"part": self, "programs": rows, "folder": context.project, "release": context.release}
        return render("supervisor/programs.conf", values)

    def _row(self, context: Context, program: Program) -> dict[str, Any]:
        target = context.target
        process = context.processes.get(program.name)
        own = process.command if process else target.app_server.command(context)
        several = process is not None and process.numprocs > 1
        return {
            "group": program.group,
            "command": context.launched(*own),
            "numprocs": process.numprocs if process else 1,
            "process_name": "%(program_name)s_%(process_num)02d" if several else "%(program_name)s",
            "stopsignal": (process.stop_signal if process else "") or "TERM",
            "stopwaitsecs": int(program.stop_seconds),
            # each process rotates its log by itself, so each needs its own
            "log": f"{context.layout.release_log(context.release)}/{program.name}",
            "log_end": "_%(process_num)02d.log" if several else ".log",
            # a worker's children must hear TERM from their parent, a server's workers too: KILL goes to all
            "killasgroup": "true",
        }

    def root_files(self, context: Context) -> dict[str, str]:
        if self.scope == "system":
            return {}
        return {"supervisord.conf": render("supervisor/supervisord.conf", {"layout": context.layout})}
