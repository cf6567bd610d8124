"""Starting again after a reboot: a systemd unit or an @reboot line of crontab, whichever the machine has."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass

from . import atomic
from .actions.base import Action, ActionFailed, World
from .codec import record
from .layout import Layout
from .machine import unit_of

UNIT = """[Unit]
Description=django-selfdeploy: {root}
After=network.target
ConditionPathExists={root}/bin/selfdeploy

[Service]
Type=forking
{user}\
ExecStart={root}/bin/selfdeploy start
ExecStop={root}/bin/selfdeploy stop
RemainAfterExit=yes
TimeoutStopSec=180

[Install]
WantedBy=multi-user.target
"""


def unit_text(root: str, user: str = "root") -> str:
    """The unit that starts the site in `root` as `user`. Before the first deployment it has nothing to start."""
    return UNIT.format(root=root, user="" if user == "root" else f"User={user}\n")


@record
@dataclass(frozen=True)
class StartAtBoot(Action):
    """Install the unit or the crontab line; once it is there nothing is done."""

    root: str
    by: str

    def describe(self) -> str:
        return f"start again after a reboot, by {self.by}"

    def do(self, world: World) -> None:
        if self.by == "systemd":
            self._systemd()
        elif self.by == "cron":
            self._cron()

    def _systemd(self) -> None:
        path = unit_of(Layout(self.root))
        atomic.write(path, unit_text(self.root).encode())
        _expect("systemctl", "daemon-reload")
        _expect("systemctl", "enable", os.path.basename(path))

    def _cron(self) -> None:
        line = f"@reboot {self.root}/bin/selfdeploy start"
        listed = subprocess.run(("crontab", "-l"), capture_output=True, text=True, stdin=subprocess.DEVNULL)
        table = listed.stdout if listed.returncode == 0 else ""
        if line in table.splitlines():
            return
        joined = table if not table or table.endswith("\n") else f"{table}\n"
        _expect("crontab", "-", given=f"{joined}{line}\n")


def _expect(*argv: str, given: str = "") -> None:
    done = subprocess.run(argv, input=given, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise ActionFailed(f"`{' '.join(argv)}` ended with status {done.returncode}: {done.stderr.strip()}")
