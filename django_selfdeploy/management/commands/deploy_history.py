"""manage.py deploy_history: what was deployed, when, by whom, and what came of it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from django_selfdeploy.management.base import DeployCommand
from django_selfdeploy.tell.whole import history

KEYS = ("id", "kind", "release", "commit", "who", "status", "started", "finished", "seconds", "live_after")
MORE = ("error", "hosts")


class Command(DeployCommand):
    help = "List the last deployments, newest first, from the journals on the hosts."

    def more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--count", type=int, default=20, metavar="N", help="How many (default: %(default)s).")

    def perform(self, *, target: str, count: int, as_json: bool, **options: Any) -> int:
        with self.asking(self.project(target, **options)) as (fleet, code):
            told = fleet.each(lambda name, connection: connection.stories(count))
        stories = history((story for listed in told.values() for story in listed), count=count)
        if as_json:
            self.print_json([{key: story.get(key) for key in (*KEYS, *MORE)} for story in stories])
            return code
        for story in stories:
            self.stdout.write(line(story))
        if not stories:
            self.stdout.write("Nothing was deployed yet.")
        return code


def line(story: dict[str, Any]) -> str:
    """A deployment as `history` tells it, for people; with its hosts when it has several."""
    seconds = story.get("seconds")
    took = f"{seconds:.1f} s" if seconds is not None else "-"
    error = ((story.get("error") or {}).get("message") or "").splitlines()
    parts = (story["id"], story.get("kind") or "", story.get("release") or "", story.get("status") or "", took)
    return "  ".join((*parts, story.get("who") or "", *_hosts(story), story.get("subject") or "", *error[:1])).rstrip()


def _hosts(story: dict[str, Any]) -> list[str]:
    """In one word when all ended alike, else who ended how."""
    by_status: dict[str, list[str]] = {}
    for host in story["hosts"]:
        by_status.setdefault(host["status"] or "", []).append(host["host"] or "")
    count = len(story["hosts"])
    if len(by_status) == 1:
        return [f"{count} hosts"] if count > 1 else []
    return ["; ".join(f"{status}: {', '.join(names)}" for status, names in by_status.items())]
