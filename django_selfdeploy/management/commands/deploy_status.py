"""manage.py deploy_status: release, processes, health, last deployments, of every host."""

from __future__ import annotations

from typing import Any

from django_selfdeploy.core.hand import as_text
from django_selfdeploy.management.base import DeployCommand, as_json
from django_selfdeploy.surveying import Survey, survey


class Command(DeployCommand):
    help = "Show what is live and how it fares. Exit code 1 when it is not healthy."

    def perform(self, *, target: str, **options: Any) -> int:
        found = survey(self.project(target, **options))
        if options["as_json"]:
            self.print_json(_plain(found))
        elif options["verbosity"]:
            self._print(found)
        return 0 if found.healthy else 1

    def _print(self, found: Survey) -> None:
        for name, status in found.answered.items():
            self.stdout.write(f"{name}\n{_indented(as_text(status))}" if found.several else as_text(status))
        for name, error in found.silent.items():
            self.stdout.write(f"{name}\n{_indented(f'NO ANSWER  {error}')}")
        if found.several and len(found.releases) > 1:
            runs = ", ".join(release or "nothing" for release in found.releases)
            self.stdout.write(f"The hosts do not run the same: {runs}. The next `deploy` brings them to one release.")


def _plain(found: Survey) -> dict[str, Any]:
    if not found.several:
        return next(iter(found.answered.values()))
    silent = {name: {"healthy": False, "error": as_json(error)} for name, error in found.silent.items()}
    return {"healthy": found.healthy, "releases": list(found.releases), "hosts": {**found.answered, **silent}}


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
