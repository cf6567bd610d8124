"""manage.py deploy_config: the generated files."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from django_selfdeploy.management.base import DeployCommand
from django_selfdeploy.management.rehearsal import differences
from django_selfdeploy.options import Options
from django_selfdeploy.rehearsing import rehearse
from django_selfdeploy.steps.activate import generated_files


class Command(DeployCommand):
    help = "Print the generated configuration files, or with --diff what differs from what is live."

    def more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--diff", action="store_true", help="Only what differs from what is live.")

    def perform(self, *, target: str, diff: bool, as_json: bool, **options: Any) -> int:
        asked = Options(allow_dirty=True)
        rehearsed = rehearse(self.project(target, **options), asked, sql=False)
        for name, one in rehearsed.items():
            files = differences(one) if diff else generated_files(one.context)
            if as_json:
                self.print_json({**({"host": name} if name else {}), "files": files, "diff": diff})
            else:
                self._print(files, f"{name}: " if len(rehearsed) > 1 else "", diff=diff)
        return 0

    def _print(self, files: dict[str, str], head: str, *, diff: bool) -> None:
        for name, text in files.items():
            self.stdout.write(f"# {head}{name}\n{text}")
        if diff and not files:
            self.stdout.write(f"{head}Nothing differs from what is live.")
