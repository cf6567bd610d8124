"""manage.py deploy_history: what was deployed, when, by whom, and what came of it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from django_selfdeploy.management.base import DeployCommand

KEYS = ("id", "kind", "release", "commit", "who", "status", "started", "finished", "seconds", "live_after")


class Command(DeployCommand):
    help = "List the last deployments, newest first, from the journals on the host."

    def more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--count", type=int, default=20, metavar="N", help="How many (default: %(default)s).")

    def perform(self, *, target: str, count: int, as_json: bool, **options: Any) -> int:
        with self.looking(self.project(target, **options)) as fleet:
            stories = fleet.first.stories(count)
        if as_json:
            self.print_json(
                [{**{key: story.get(key) for key in KEYS}, "error": story.get("error")} for story in stories]
            )
            return 0
        for story in stories:
            self.stdout.write(_line(story))
        if not stories:
            self.stdout.write("Nothing was deployed yet.")
        return 0


def _line(story: dict[str, Any]) -> str:
    seconds = story.get("seconds")
    took = f"{seconds:.1f} s" if seconds is not None else "-"
    error = (story.get("error") or {}).get("message", "").splitlines()
    parts = (story["id"], story.get("kind", ""), story.get("release", ""), story.get("status", ""), took)
    return "  ".join((*parts, story.get("who", ""), story.get("subject") or "", *error[:1])).rstrip()
