"""manage.py deploy_unlock: who holds the lock, and, if asked, an end to it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from django_selfdeploy.core.lock import described
from django_selfdeploy.management.base import DeployCommand


class Command(DeployCommand):
    help = "Say who holds the lock. A lock without a holder does not exist, so there is nothing to remove."

    def more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--kill", action="store_true", help="End the deployment that holds it; it takes itself back."
        )

    def perform(self, *, target: str, kill: bool, as_json: bool, **options: Any) -> int:
        with self.looking(target) as connection:
            holder = connection.holder(kill=kill)
        if as_json:
            self.print_json({"holder": holder, "killed": kill and holder is not None})
        elif holder is None:
            self.stdout.write("Nobody holds the lock.")
        else:
            self.stdout.write(f"{'Ended' if kill else 'The lock is held by'} {described(holder)}.")
        return 0
