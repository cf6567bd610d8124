"""Pages of a release, and whether a new one answers them worse than the old one."""

from __future__ import annotations

from dataclasses import dataclass

from . import http
from .probe import QUESTION
from .release import ProbeSpec

LATE = "no answer in time"
TOO_MANY = 429


@dataclass(frozen=True)
class Seen:
    """How a page was answered: `status` is 0 where there was no answer, and `trouble` says why."""

    path: str
    status: int
    trouble: str = ""

    @property
    def late(self) -> bool:
        return self.trouble == LATE

    @property
    def badness(self) -> int:
        """0 for success and redirects, 1 for a refusal, 2 for an error, 3 for no answer (RFC 9110, 15)."""
        if self.status == TOO_MANY:
            return 0
        return {0: 3, 5: 2, 4: 1}.get(self.status // 100, 0)

    def __str__(self) -> str:
        return str(self.status) if self.status else f"no answer ({self.trouble})"


def see(address: str, spec: ProbeSpec, path: str, *, timeout: float) -> Seen:
    """GET `path` at `address` as the probe of the release asks for its page; redirects are not followed."""
    headers = {"Host": spec.host, QUESTION: "1", "User-Agent": "django-selfdeploy"}
    if spec.https:
        headers["X-Forwarded-Proto"] = "https"
    try:
        return Seen(path, http.get(address, path, headers, timeout=timeout).status)
    except http.NoAnswer as error:
        return Seen(path, 0, str(error))


def got_worse(old: Seen | None, new: Seen, *, must_work: bool) -> bool:
    """Whether `new` stops a deployment. Without an old answer an error does, and for a page that `must_work` a
    refusal too. A page that was as bad before stops nothing: visitors lose nothing.
    """
    if old is None:
        return new.badness >= (1 if must_work else 2)
    return new.badness > old.badness
