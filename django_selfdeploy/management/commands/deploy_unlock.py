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
        with self.looking(self.project(target, **options)) as fleet:
            holders = fleet.each(lambda name, connection: connection.holder(kill=kill))
        for name, holder in holders.items():
            where = {"host": name} if name else {}
            if as_json:
                self.print_json({**where, "holder": holder, "killed": kill and holder is not None})
            else:
                self.stdout.write(f"{name}: {_said(holder, kill)}" if fleet.several else _said(holder, kill))
        return 0


def _said(holder: dict[str, Any] | None, kill: bool) -> str:
    if holder is None:
        return "Nobody holds the lock."
    return f"{'Ended' if kill else 'The lock is held by'} {described(holder)}."
