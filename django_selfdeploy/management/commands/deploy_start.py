"""manage.py deploy_start."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django_selfdeploy import operations
from django_selfdeploy.management.base import DeployCommand, asked


class Command(DeployCommand):
    help = "Start the live release again after deploy_stop or a reboot."
    takes_lock = True

    def perform(self, *, target: str, **options: Any) -> int:
        project = self.project(target, **options)
        with self.listeners(project, **options) as listeners:
            outcome = operations.power(project, "start", asked(**options), listeners)
        if options["as_json"]:
            self.print_json({"outcome": asdict(outcome)})
        return 0
