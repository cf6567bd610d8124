import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

PAGES = Path(__file__).resolve().parents[2]


class Command(BaseCommand):
    """A small build: one file of the static files is made from another that people edit."""

    help = "Makes pages/static/humans.txt from pages/humans.json."

    def handle(self, *args: Any, **options: Any) -> None:
        people = json.loads((PAGES / "humans.json").read_text(encoding="utf-8"))
        lines = "".join(f"\t{what}: {name}\n" for what, name in people.items())
        (PAGES / "static/humans.txt").write_text(f"/* TEAM */\n{lines}", encoding="utf-8")
        self.stdout.write(f"humans.txt names {len(people)}")
