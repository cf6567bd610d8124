"""manage.py deploy_attach: what becomes of a deployment that goes on without us."""

from __future__ import annotations

from typing import Any

from django_selfdeploy.following import error_of, follow
from django_selfdeploy.management.base import DeployCommand


class Command(DeployCommand):
    help = "Follow the deployment that is at work, or tell how the last one ended; after a lost connection, say."

    def perform(self, *, target: str, **options: Any) -> int:
        project = self.project(target, **options)
        with self.listeners(project, **options) as listeners:
            stories = follow(project, listeners)
        errors = [error for story in stories.values() if (error := error_of(story))]
        if errors:
            raise errors[0]
        return 0
