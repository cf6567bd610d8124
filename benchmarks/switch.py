"""Deployments and rollbacks under load: what was lost, and how much slower the answers were.

    python -m benchmarks.switch --deployments 5 --rollbacks 2 --worker-class gthread

The load goes through the front server of a real site. It ends with 1 when a request failed, when a release never
answered, or when one answered that was no longer live.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.load import Load, Mix, Report, Sample
from benchmarks.site import Heard, Site, Told, controller, short_folder
from django_selfdeploy.core import queue
from django_selfdeploy.core.layout import Layout

QUIET = 4.0
"""Seconds of load before the first deployment, to compare with."""

BEFORE = 1.0
"""Seconds before a switch that are counted to it."""

LAST_STEP = "drain and stop the previous release"

SERVERS: dict[str, dict[str, Any]] = {
    "gthread": {"worker_class": "gthread", "workers": 2, "threads": 4},
    "sync": {"worker_class": "sync", "workers": 6},
    "saturated": {"worker_class": "sync", "workers": 2},
}
"""Options of gunicorn. 4 places of the first two are taken by requests of 3 seconds."""

MIXES = {
    "gthread": Mix(keepalive=8, fresh=4, posts=2, slow=4, pause=0.04),
    "sync": Mix(keepalive=8, fresh=4, posts=2, slow=4, pause=0.04),
    # 40 answers a second are possible and 64 clients ask: the others always wait in the accept queue.
    "saturated": Mix(keepalive=20, fresh=40, posts=4, slow=0, path="/slow/?seconds=0.05", pause=0.0),
}


@dataclass(frozen=True)
class Switch:
    """One change of the live release; moments are of time.monotonic().

    `began` and `ended` are those of the command; between `started` and `live` the front server changed over,
    and at `settled` the release before had stopped. `waiting` requests were in the old release's queue at
    `started`, `open` ones in its processes.
    """

    name: str
    release: str
    began: float
    started: float
    live: float
    settled: float
    ended: float
    waiting: int = 0
    open: int = 0


@dataclass(frozen=True)
class Answers:
    """What the clients saw of a switch: `stale` answers came from a release that was no longer live."""

    count: int
    first_after: float
    stale: int


@dataclass(frozen=True)
class Outcome:
    """What is judged: the load's report, and the switches in their order."""

    server: str
    report: Report
    switches: tuple[Switch, ...]

    @property
    def switching(self) -> list[tuple[float, float]]:
        """The windows that belong to switches."""
        return [(switch.live - BEFORE, switch.settled) for switch in self.switches]

    @property
    def deploying(self) -> list[tuple[float, float]]:
        """The windows in which a command was at work, switches included."""
        return [(switch.began, switch.ended) for switch in self.switches]

    @property
    def answers(self) -> tuple[Answers, ...]:
        """What each switch gave, in their order."""
        starts = [switch.started for switch in self.switches[1:]]
        nexts = [switch.release for switch in self.switches[1:]]
        return tuple(
            answers_of(self.report.samples, switch, until=until, following=following)
            for switch, until, following in zip(self.switches, [*starts, math.inf], [*nexts, ""], strict=True)
        )

    @property
    def good(self) -> bool:
        answered = all(found.count and not found.stale for found in self.answers)
        return answered and not self.report.failed and not self.report.cut_short


def answers_of(samples: Sequence[Sample], switch: Switch, *, until: float, following: str) -> Answers:
    """Of the requests begun after the switch and before `until`, when the switch to `following` started."""
    later = [s for s in samples if switch.live <= s.started < until and not s.failure]
    own = [s.started + s.seconds for s in later if s.release == switch.release]
    stale = sum(s.release not in (switch.release, following) for s in later)
    return Answers(len(own), min(own, default=math.nan) - switch.live, stale)


def measure(server: str, *, deployments: int, rollbacks: int) -> Outcome:
    """Deploy a site, load it, and switch so many times."""
    parts = {"APP_SERVER": {"BACKEND": "gunicorn", "OPTIONS": SERVERS[server]}}
    with (
        controller() as made,
        short_folder() as folder,
        Site(made, folder, WATCH=1, TESTS=False, KEEP=deployments + 2, **parts) as site,
    ):
        site.tell("deploy")
        address = ("127.0.0.1", site.port)
        with Load(address, mix=MIXES[server], limit_seconds=3600, limit_requests=5_000_000) as load:
            time.sleep(QUIET)
            switches = tuple(_switches(site, deployments, rollbacks))
            time.sleep(QUIET / 2)
    return Outcome(server, load.report, switches)


def _switches(site: Site, deployments: int, rollbacks: int) -> Iterator[Switch]:
    for number in range(1, deployments + 1):
        site.change_line()
        yield _switch(site, f"deploy {number}", "deploy")
    for number in range(1, rollbacks + 1):
        yield _switch(site, f"rollback {number}", "deploy_rollback")


def _switch(site: Site, name: str, command: str) -> Switch:
    socket = Layout(str(site.root)).socket((site.root / "current").readlink().name)
    seen: list[tuple[float, queue.Queue]] = []

    def look(heard: Heard) -> None:
        if heard.name == "step_started" and heard.fields["name"] == "switch":
            seen.append((heard.at, queue.of(socket)))

    told = site.tell(command, listener=look)
    [(started, left)] = seen
    return _made(name, told, started, left)


def _made(name: str, told: Told, started: float, left: queue.Queue) -> Switch:
    settled = told.end_of(LAST_STEP)
    return Switch(name, told.release, told.began, started, told.live_at, settled, told.ended, left.waiting, left.open)


# What is printed


def table(outcome: Outcome) -> str:
    """For people: the load by kind of request, then the switches, then the judgement."""
    return "\n".join((*_loads(outcome), "", *_changes(outcome), "", _judgement(outcome)))


def _loads(outcome: Outcome) -> Iterator[str]:
    columns = (f"{when} {share}" for share in ("p50", "p99") for when in ("quiet", "deploy", "switch"))
    yield _line("ms", "sent", "failed", "reconn", *columns)
    for kind, part in outcome.report.by_kind().items():
        times = map(_milliseconds, latencies(outcome, part).values())
        yield _line(kind, part.sent, len(part.failed), part.reconnects, *times)
    report = outcome.report
    yield _line("all", report.sent, len(report.failed), report.reconnects)


def latencies(outcome: Outcome, part: Report) -> dict[str, float]:
    """Seconds, p50 then p99: with nothing under way, while a command is at work, and around the switches."""
    deploying, switching = outcome.deploying, outcome.switching
    return {
        "p50_quiet": part.p50(outside=deploying),
        "p50_deploy": part.p50(within=deploying, outside=switching),
        "p50_switch": part.p50(within=switching),
        "p99_quiet": part.p99(outside=deploying),
        "p99_deploy": part.p99(within=deploying, outside=switching),
        "p99_switch": part.p99(within=switching),
    }


def added_p99(outcome: Outcome) -> float:
    """Seconds that the p99 around the switches is above the quiet one, for the kind of request that lost most."""
    kinds = [latencies(outcome, part) for part in outcome.report.by_kind().values()]
    return max(found["p99_switch"] - found["p99_quiet"] for found in kinds)


def _changes(outcome: Outcome) -> Iterator[str]:
    names = ("live s", "first ms", "stop s", "waiting", "open", "answers", "stale")
    yield f"{'switch':12}{'release':27}" + _line(*names, width=9)
    for switch, found in zip(outcome.switches, outcome.answers, strict=True):
        took, stopping = switch.live - switch.began, switch.settled - switch.live
        times = (f"{took:.2f}", _milliseconds(found.first_after), f"{stopping:.2f}")
        counts = (switch.waiting, switch.open, found.count, found.stale)
        yield f"{switch.name:12}{switch.release:27}" + _line(*times, *counts, width=9)


def _judgement(outcome: Outcome) -> str:
    report = outcome.report
    told = [
        f"{outcome.server}: {report.sent} requests in {report.seconds:.0f} s, {len(report.failed)} failed",
        f"p99 of a switch {_milliseconds(added_p99(outcome))} ms above the quiet one",
        *(f"{count} x {why}" for why, count in Counter(s.failure for s in report.failed).items()),
    ]
    for switch, found in zip(outcome.switches, outcome.answers, strict=True):
        told += [] if found.count else [f"{switch.release} never answered"]
        told += [f"{found.stale} answers not from {switch.release}"] if found.stale else []
    told += [f"the load ended {report.cut_short}"] if report.cut_short else []
    return f"{'good' if outcome.good else 'BAD'}: {'; '.join(told)}"


def to_json(outcome: Outcome) -> dict[str, Any]:
    """For programs; times in seconds, null where nothing was measured."""
    kinds = outcome.report.by_kind()
    switches = zip(outcome.switches, outcome.answers, strict=True)
    return {
        "server": outcome.server,
        "good": outcome.good,
        "added_p99": added_p99(outcome),
        "latencies": {kind: _plain(latencies(outcome, part)) for kind, part in kinds.items()},
        "switches": [_plain({**asdict(switch), **asdict(found)}) for switch, found in switches],
        "load": outcome.report.to_json(),
    }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(v, float) and math.isnan(v) else v for name, v in values.items()}


def _milliseconds(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{seconds * 1000:.0f}"


def _line(*cells: object, width: int = 11) -> str:
    return "".join(f"{cell!s:>{width}}" for cell in cells)


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when something was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deployments", type=int, default=5)
    parser.add_argument("--rollbacks", type=int, default=2)
    parser.add_argument("--worker-class", choices=("gthread", "sync"), default="gthread")
    parser.add_argument("--saturated", action="store_true", help="2 sync workers, and 60 requests always wait")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(words)
    server = "saturated" if given.saturated else given.worker_class
    outcome = measure(server, deployments=given.deployments, rollbacks=given.rollbacks)
    print(json.dumps(to_json(outcome), indent=2) if given.json else table(outcome))
    return 0 if outcome.good else 1


if __name__ == "__main__":
    sys.exit(main())
