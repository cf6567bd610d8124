"""manage.py deploy_status: release, processes, health, last deployments."""

from __future__ import annotations

from typing import Any

from django_selfdeploy.core.hand import as_text
from django_selfdeploy.management.base import DeployCommand
from django_selfdeploy.operations import connected, look
from django_selfdeploy.preparation import look_for


class Command(DeployCommand):
    help = "Show what is live and how it fares. Exit code 1 when it is not healthy."

    def perform(self, *, target: str, as_json: bool, **options: Any) -> int:
        project = self.project(target)
        with connected(project) as connection:
            look(project, connection)
            found = connection.status(look=look_for(project.target), deployments=5)
        if as_json:
            self.print_json(found)
        elif options["verbosity"]:
            self.stdout.write(as_text(found))
        return 0 if found["healthy"] else 1
