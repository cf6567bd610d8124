"""manage.py deploy_config: the generated files."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from django_selfdeploy import operations
from django_selfdeploy.management.base import DeployCommand
from django_selfdeploy.management.rehearsal import differences
from django_selfdeploy.options import Options
from django_selfdeploy.steps.activate import generated_files


class Command(DeployCommand):
    help = "Print the generated configuration files, or with --diff what differs from what is live."

    def more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--diff", action="store_true", help="Only what differs from what is live.")

    def perform(self, *, target: str, diff: bool, as_json: bool, **options: Any) -> int:
        asked = Options(allow_dirty=True)
        context, _ = operations.rehearse(self.project(target), asked, sql=False)
        files = differences(context) if diff else generated_files(context)
        if as_json:
            self.print_json({"files": files, "diff": diff})
            return 0
        for name, text in files.items():
            self.stdout.write(f"# {name}\n{text}")
        if diff and not files:
            self.stdout.write("Nothing differs from what is live.")
        return 0
