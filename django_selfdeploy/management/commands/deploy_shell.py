"""manage.py deploy_shell: a Python shell in the live release."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django_selfdeploy import inventory
from django_selfdeploy.core.errors import NothingThere
from django_selfdeploy.hosts import openssh
from django_selfdeploy.management.base import DeployCommand
from django_selfdeploy.management.becoming import become
from django_selfdeploy.operations import look
from django_selfdeploy.reaching import chosen, connected


class Command(DeployCommand):
    help = "Open Django's shell in the live release, with its settings and variables; of hosts, on the first."

    def perform(self, *, target: str, **options: Any) -> int:
        project = self.project(target, **options)
        lead = inventory.lead(chosen(project)) if project.target.hosts else None
        with connected(replace(project, hosts=(lead.name,) if lead else ())) as fleet:
            [state] = look(project, fleet).values()
        if state.live is None:
            raise NothingThere(f"Nothing is live on {state.host!r}.", hint="Deploy first: `manage.py deploy`.")
        command = (f"{state.root}/bin/manage", "shell")
        become(openssh.words(lead.address, project.target.ssh, command=command) if lead else command)
        return 0
