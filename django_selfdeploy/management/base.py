"""What all commands have in common: the target, its hosts, --json, and errors with their exit codes."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_selfdeploy import conf
from django_selfdeploy.core.errors import ConfigError, DeployError
from django_selfdeploy.hosts.base import Listener
from django_selfdeploy.hosts.fleet import Fleet
from django_selfdeploy.operations import look
from django_selfdeploy.options import Options, Project
from django_selfdeploy.project.place import project_folder
from django_selfdeploy.project.safety.schedule import is_kind
from django_selfdeploy.reaching import answering, connected
from django_selfdeploy.tell.chorus import Chorus
from django_selfdeploy.tell.console import Console
from django_selfdeploy.tell.jsonlines import JsonLines, dumps

from .keeping import Keeper

STARTED = time.monotonic()


class DeployCommand(BaseCommand):
    """A command about one target. Sub-classes write `perform`; its DeployErrors become exit codes."""

    requires_system_checks = []
    takes_target = True
    takes_hosts = True
    takes_lock = False

    def add_arguments(self, parser: CommandParser) -> None:
        self.more_arguments(parser)
        if self.takes_target:
            help_text = "A key of settings.SELFDEPLOY (default: default)."
            parser.add_argument("target", nargs="?", default="default", help=help_text)
        if self.takes_hosts:
            some = "Some of the target's hosts only, with commas between (default: all)."
            parser.add_argument("--hosts", default="", metavar="NAMES", help=some)
            trust = "Trust a host whose key is not known yet, and remember the key; one that changed is refused."
            parser.add_argument("--accept-new-host-key", action="store_true", help=trust)
        if self.takes_lock:
            wait = "Seconds to wait for another deployment to end (default: %(default)s)."
            parser.add_argument("--lock-wait", type=float, default=0.0, metavar="SECONDS", help=wait)
        parser.add_argument("--json", action="store_true", dest="as_json", help="Print JSON, for programs.")

    def more_arguments(self, parser: CommandParser) -> None:
        """Options of the command's own."""

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code = self.perform(**options)
        except DeployError as error:
            if options["as_json"]:
                self.print_json({"error": as_json(error)})
            raise CommandError(str(error), returncode=error.exit_code) from error
        if code:
            raise SystemExit(code)

    def perform(self, *args: Any, **options: Any) -> int:
        """Do it; the exit code. Raises DeployError."""
        raise NotImplementedError

    def project(self, target: str, **options: Any) -> Project:
        """The project on this machine with the target and the hosts that were named. Raises ConfigError."""
        configured = getattr(settings, "SELFDEPLOY", None)
        module = os.environ.get("DJANGO_SETTINGS_MODULE", "")
        loaded = conf.load(target, configured, settings_module=module)
        hosts = tuple(name for name in options.get("hosts", "").split(",") if name)
        return Project(project_folder(), loaded, hosts, options.get("accept_new_host_key", False))

    @contextmanager
    def looking(self, project: Project) -> Iterator[Fleet]:
        """Runners that have looked at the target's hosts and hold no lock."""
        with connected(project) as fleet:
            look(project, fleet)
            yield fleet

    @contextmanager
    def asking(self, project: Project) -> Iterator[tuple[Fleet, int]]:
        """As `looking`, the hosts that answer, and an exit code: of the others it is told why they do not, and the
        code is that of the first. Raises its error where no host answers.
        """
        with answering(project) as (fleet, silent):
            codes = [error.exit_code for error in silent.values()]
            if fleet is None:
                raise next(iter(silent.values()))
            for name, error in silent.items():
                self.unanswered(name, error)
            yield fleet, next(iter(codes), 0)

    def unanswered(self, host: str, error: DeployError) -> None:
        """Tell why a host says nothing, while others do."""
        self.stderr.write(f"{host} gives no answer: {error}")

    @contextmanager
    def listeners(self, project: Project, **options: Any) -> Iterator[tuple[Listener, ...]]:
        """The console, or JSON lines with --json; and who keeps the records of other hosts here."""
        with Keeper(project, self.stderr) as keeper:
            if options["as_json"]:
                yield (JsonLines(self.stdout), keeper)
                return
            colour = False if options["no_color"] else True if options["force_color"] else None
            with Console(self.stdout, verbosity=options["verbosity"], colour=colour) as console:
                try:
                    yield (Chorus(console), keeper)
                except DeployError as error:
                    error.message = console.untold(error.message)
                    raise

    def print_json(self, value: Any) -> None:
        self.stdout.write(dumps(value))


def asked(**options: Any) -> Options:
    """The options of a command as the operations take them."""
    return Options(
        commit=options.get("commit", ""),
        allow_dirty=options.get("allow_dirty", False),
        skip_tests=options.get("skip_tests", False),
        force=options.get("force", False),
        accept=tuple(options.get("accept") or ()),
        lock_wait=options.get("lock_wait", 0.0),
        wait=not options.get("no_wait", False),
        window_key=secrets.token_hex(16) if options.get("maintenance") else "",
        judged=judged(options.get("judged", ())),
        began=STARTED,
    )


def judged(given: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The kinds of migrations that were given on the command line as NAME=KIND. Raises ConfigError."""
    found = []
    for one in given:
        name, _, kind = one.rpartition("=")
        if not name or not is_kind(kind):
            hint = 'Write for example shop.0007_price=expand; it may also be "locking" or "contract".'
            raise ConfigError(f"--migration has {one!r}.", hint=hint)
        found.append((name, kind))
    return tuple(found)


def as_json(error: DeployError) -> dict[str, Any]:
    """An error for programs."""
    name = type(error).__name__
    return {"error": name, "message": error.message, "hint": error.hint, "exit_code": error.exit_code}
