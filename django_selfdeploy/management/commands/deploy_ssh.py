"""manage.py deploy_ssh: log in to a host."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from django_selfdeploy import conf
from django_selfdeploy.conf import Target
from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.hosts import openssh
from django_selfdeploy.management.base import DeployCommand
from django_selfdeploy.management.becoming import become


class Command(DeployCommand):
    help = "Log in to a host as deployments do, for example `deploy_ssh web1`."
    takes_target = takes_hosts = False

    def more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("host", nargs="?", default="", help="A host of a target (default: the first).")
        parser.add_argument("--target", default="", help="A key of settings.SELFDEPLOY (default: that has the host).")

    def perform(self, *, host: str, target: str, **options: Any) -> int:
        configured = getattr(settings, "SELFDEPLOY", None)
        aliases = (target,) if target else conf.aliases(configured)
        known: dict[str, tuple[str, Target]] = {}
        for found in (self.project(alias).target for alias in aliases):
            for one in found.hosts:
                known.setdefault(one.name, (one.address, found))
        host = host or next(iter(known), "")
        if host not in known:
            names = ", ".join(known) or "this machine only"
            message = f"No target has a host {host!r}." if host else "No target has hosts."
            raise ConfigError(message, hint=f"SELFDEPLOY has: {names}.")
        address, found = known[host]
        become(openssh.words(address, found.ssh))
        return 0
