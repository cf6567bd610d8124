"""For the deployer itself: the Django process of a release."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from django_selfdeploy.project import agent
from django_selfdeploy.tell.record import import_journals


class Command(BaseCommand):
    help = "Answer the questions of a deployment (used by the deployer; not for use by hand)."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("answers", type=int, help="Number of the descriptor to answer on.")

    def handle(self, *args: Any, answers: int, **options: Any) -> None:
        agent.serve(answers, sys.stdin, {"record": record})


def record(*, journals: str) -> dict[str, Any]:
    """Write the journals of the root to the database."""
    done = import_journals(Path(journals))
    return {"created": done.created, "updated": done.updated, "skipped": list(done.skipped)}
