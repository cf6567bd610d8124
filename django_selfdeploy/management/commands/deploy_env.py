"""manage.py deploy_env: see and change a target's variables."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from django_selfdeploy.env_files import PLACES
from django_selfdeploy.management.base import DeployCommand
from django_selfdeploy.management.env_actions import ACTIONS, expect_fitting, split


class Command(DeployCommand):
    help = "See and change the variables of a target. What reads them is restarted without losing a request."
    takes_lock = True
    takes_target = False

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Options may stand between the words, as in `set --in encrypted NAME=VALUE`."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]
        return parser

    def more_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=tuple(ACTIONS), help="What to do.")
        words = (
            "A key of settings.SELFDEPLOY (default: default), then what the action is about: `get NAME`, "
            "`set NAME=VALUE`, `set NAME -` for standard input, `unset NAME`, `diff RELEASE RELEASE`, "
            "`rotate SECRET_KEY`."
        )
        parser.add_argument("words", nargs="*", metavar="[target] word", help=words)
        parser.add_argument("--reveal", action="store_true", help="list: show the values.")
        parser.add_argument("--release", default="", metavar="ID", help="get: of a release on the host.")
        place = "set, unset, edit: where (default: the encrypted file, else the local one, else the hosts' own)."
        parser.add_argument("--in", default="", choices=("", *PLACES), dest="place", metavar="PLACE", help=place)
        parser.add_argument("--no-push", action="store_true", help="Change no host, or let what runs there be.")
        parser.add_argument("--force", action="store_true", help="push: restart though no value changed.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would change, and change nothing.")

    def perform(self, *, action: str, words: list[str], **options: Any) -> int:
        expect_fitting(action, options)
        target, rest = split(words)
        return ACTIONS[action](self, self.project(target, **options), rest, options)
