"""Running a manage.py command in the live release: here as a child that can ask its user, on hosts by their runners."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

from django_selfdeploy.core.children import INHERITED
from django_selfdeploy.core.errors import NothingThere
from django_selfdeploy.hosts.fleet import Fleet
from django_selfdeploy.options import Project
from django_selfdeploy.tell.voices import Voices


@dataclass(frozen=True)
class Ran:
    """What came of it on a host: the exit status, and what it wrote where that was kept instead of shown."""

    host: str
    status: int
    output: str = ""
    errors: str = ""


def run_here(project: Project, words: tuple[str, ...], *, kept: bool) -> Ran:
    """Raises NothingThere where nothing is live."""
    manage = f"{project.layout.bin}/manage"
    if not os.path.exists(manage):
        raise NothingThere("Nothing is live.", hint="Deploy first: `manage.py deploy`.")
    environment = {name: os.environ[name] for name in (*INHERITED, "TERM") if name in os.environ}
    if not kept:
        return Ran("", subprocess.call((manage, *words), env=environment))
    done = subprocess.run((manage, *words), capture_output=True, text=True, env=environment)
    return Ran("", done.returncode, done.stdout, done.stderr)


def run_on(fleet: Fleet, words: tuple[str, ...], *, kept: bool) -> tuple[Ran, ...]:
    """On all hosts at once; what several write is shown line by line with the host's name."""
    voices = Voices(sys.stdout.buffer, sys.stderr.buffer, kept=kept, named=fleet.several)
    statuses = fleet.each(lambda name, connection: connection.run(words, voices.of(name)))
    voices.end()
    return tuple(Ran(name, status, **(voices.texts(name) if kept else {})) for name, status in statuses.items())
