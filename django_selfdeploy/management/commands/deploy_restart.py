"""manage.py deploy_restart: the live release made anew, with the variables and settings of now."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django_selfdeploy import operations
from django_selfdeploy.management.base import DeployCommand, asked


class Command(DeployCommand):
    help = "Restart the live release without losing a request; it takes up the .env and SELFDEPLOY of now."
    takes_lock = True

    def perform(self, *, target: str, **options: Any) -> int:
        project = self.project(target, **options)
        with self.listeners(project, **options) as listeners:
            outcome = operations.restart(project, asked(**options), listeners)
        if options["as_json"]:
            self.print_json({"outcome": asdict(outcome)})
        return 0
