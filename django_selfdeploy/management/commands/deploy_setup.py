"""manage.py deploy_setup: prepare the hosts once, so that deployments need no root."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from django_selfdeploy import setting_up
from django_selfdeploy.management.base import DeployCommand
from django_selfdeploy.management.setup import print_left, print_outcome, print_scripts
from django_selfdeploy.setting_up import Setup


class Command(DeployCommand):
    help = "Prepare the target's hosts as root, once, so that deployments need no root."

    def more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", default="", metavar="NAME", help="Who logs in (default: root).")
        parser.add_argument("--sudo", action="store_true", help="Become root by sudo after the login.")
        key = "Public key that may log in to deploy; more than once for several (default: those you log in with)."
        parser.add_argument("--key", action="append", default=[], metavar="FILE.pub", help=key)
        as_user = "Who deploys on this machine (default: who called sudo). Hosts have it in their address."
        parser.add_argument("--deploy-as", default="", metavar="NAME", help=as_user)
        parser.add_argument("--firewall", action="store_true", help="Let visitors through ufw, where it is on.")
        parser.add_argument("--script", action="store_true", help="Print a script for an administrator instead.")
        parser.add_argument("--dry-run", action="store_true", help="Print the plan, and change nothing.")

    def perform(self, *, target: str, script: bool, dry_run: bool, **options: Any) -> int:
        project = self.project(target, **options)
        asked = Setup(
            login=options["user"],
            sudo=options["sudo"],
            keys=tuple(options["key"]),
            user=options["deploy_as"],
            firewall=options["firewall"],
        )
        if script:
            return print_scripts(self, setting_up.scripts(project, asked))
        able = setting_up.can_prepare(project)
        if dry_run:
            look = setting_up.examine if able else setting_up.plans
            return print_left(self, look(project, asked), **options)
        if not able:
            return print_scripts(self, setting_up.scripts(project, asked), why="Only root can prepare this machine.")
        with self.listeners(project, **options) as listeners:
            changed = setting_up.prepare(project, asked, listeners)
        return print_outcome(self, target, changed, **options)
