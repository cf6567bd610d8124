"""What settings are compared with: the target as it will run, and what was seen where the settings are loaded."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..facts import Message

Values = Mapping[str, Any]
"""Settings by name, as the project has them."""

LEVELS = {"I": logging.INFO, "W": logging.WARNING, "E": logging.ERROR}


@dataclass(frozen=True)
class Surroundings:
    """The target `alias` in numbers. `front` is the name of its front server, "" where no visitors come.

    `proxied` tells whether a proxy before the front server is trusted to speak TLS, None where nobody knows. `hsts`
    says that the front server sets Strict-Transport-Security itself. There are `workers` on each of `hosts` web
    hosts, which answer `threads` requests each at a time, and `processes` besides them on all hosts together. These are
    the `named` ones of the settings; with `finds`, others that are found run too.
    """

    alias: str = "default"
    front: str = "nginx"
    proxied: bool | None = False
    hsts: bool = False
    workers: int = 2
    threads: int = 4
    hosts: int = 1
    processes: int = 0
    named: tuple[str, ...] = ()
    finds: bool = True

    def joined_by(self, found: Mapping[str, int]) -> Surroundings:
        """The same with the processes that were `found`, by name how many tasks each runs at a time."""
        more = sum(count for name, count in found.items() if name not in self.named) if self.finds else 0
        return replace(self, processes=self.processes + more)

    @property
    def is_plain(self) -> bool:
        """Whether visitors reach the site by http alone."""
        return self.front != "" and self.proxied is False

    @property
    def is_proxied(self) -> bool:
        return self.front != "" and self.proxied is True

    @property
    def is_shared_out(self) -> bool:
        """Whether two requests of a visitor may be answered by different processes."""
        return self.workers * self.hosts > 1


@dataclass(frozen=True)
class Limit:
    """How many connections a server takes from the project at a time, and `reason`: whose limit it is."""

    count: int
    reason: str


@dataclass(frozen=True)
class Sight:
    """What was seen where the settings are loaded; None for what was not looked at.

    `shows_errors` is whether the logger of failed requests reaches anybody, `resets_passwords` whether a URL sends
    mails for that, `mail_answers` whether this host's own mail server listens. `site` is the domain of the row that
    SITE_ID names, "" for none. `limits` are by alias; `lacking` are modules that caches need and that are not
    installed. `as_deployed` says that the settings are loaded with the variables of the target.
    """

    shows_errors: bool | None = None
    resets_passwords: bool = False
    mail_answers: bool | None = None
    site: str | None = None
    limits: tuple[tuple[str, Limit], ...] = ()
    lacking: tuple[tuple[str, str], ...] = ()
    as_deployed: bool = False


def told(name: str, text: str, hint: str) -> Message:
    """A message with the level that the letter of its id stands for."""
    return Message(LEVELS[name.partition(".")[2][:1]], name, text, hint)
