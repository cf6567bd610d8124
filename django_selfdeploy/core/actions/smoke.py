"""Asking a new release, and where it matters the old one, for pages before the switch."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .. import smoke
from ..agent import AgentSpec
from ..codec import record
from ..release import ProbeSpec
from ..smoke import Seen
from .base import Action, ActionFailed, World
from .processes import last_lines

SIDE_BY_SIDE = 4
LEAST = 0.05
"""Seconds that a page is given at least, however little is left."""


@record
@dataclass(frozen=True)
class ComparePages(Action):
    """Ask the new release for `pages`, and the old one for those alone that the new one does not answer well.

    The old one has visitors, and its answer only counts where the new one's is bad. A page that got worse fails,
    unless it is `accepted`; those of `given` must work where nothing is known of the old release. A page that takes
    longer than `page_seconds` is not judged, unless it was given.
    """

    new: str
    old: str
    spec: ProbeSpec
    old_spec: ProbeSpec
    pages: tuple[str, ...]
    given: tuple[str, ...]
    seconds: float
    page_seconds: float
    agent: AgentSpec | None
    accepted: bool

    def describe(self) -> str:
        return f"ask for {len(self.pages)} pages: {', '.join(self.pages)}"

    def do(self, world: World) -> None:
        seen = self._seen(time.monotonic() + self.seconds)
        late = [one for one in seen if one.late and one.path not in self.given]
        bad = [one for one in seen if one.badness and one not in late]
        worse = []
        for one in bad:
            before = self._before(one.path)
            if smoke.got_worse(before, one, must_work=one.path in self.given):
                worse.append((one, before))
            elif one.badness > 1:
                world.warn(f"GET {one.path} is answered with {one}, as before.")
        if worse and not self.accepted:
            raise ActionFailed(self._told(world, worse))
        for one, before in worse:
            world.warn(f"(selfdeploy.E030) was overruled: {_sentence(one, before)}")
        slow = f", {len(late)} too slow to judge" if late else ""
        world.note(f"{len(seen)} pages, {len(worse)} worse{slow}")

    def _seen(self, deadline: float) -> list[Seen]:
        """The answers of the new release; a page for which no time is left is not asked."""

        def ask(path: str) -> Seen | None:
            left = deadline - time.monotonic()
            if left <= 0 and path not in self.given:
                return None
            most = left if path in self.given else min(left, self.page_seconds)
            return smoke.see(f"unix:{self.new}", self.spec, path, timeout=max(most, LEAST))

        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            return [one for one in pool.map(ask, self.pages) if one is not None]

    def _before(self, path: str) -> Seen | None:
        """The old release's answer; None where there is no old release."""
        if not self.old:
            return None
        return smoke.see(f"unix:{self.old}", self.old_spec, path, timeout=max(self.page_seconds, LEAST))

    def _told(self, world: World, worse: list[tuple[Seen, Seen | None]]) -> str:
        first, _ = worse[0]
        sentences = " ".join(_sentence(one, before) for one, before in worse)
        return f"{sentences}{self._why(world, first)}"

    def _why(self, world: World, one: Seen) -> str:
        if self.agent is None:
            return ""
        request = {"path": one.path, "host": self.spec.host, "https": self.spec.https}
        try:
            return last_lines(str(world.agent(self.agent).ask("explain", request, timeout=30.0, quiet=True)["why"]))
        except ActionFailed as error:
            return f" {error}"


def _sentence(one: Seen, before: Seen | None) -> str:
    then = f"; the release before answers with {before}" if before else ""
    return f"GET {one.path} is answered with {one}{then}."
