"""One changed line on 1, 4, 8 and 16 hosts: what it costs them, the controller and the line between.

    python -m benchmarks.hosts --hosts 1,4,8,16 --delay 50

All hosts share the cores of this machine, so their own work is the bound, and ratios are what counts. It needs root,
because hosts are namespaces, and it ends with 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks.crowd import Cost, Crowd, crowd
from benchmarks.plainly import PLAIN, Plainly

OURS = "selfdeploy"

CPU_GOAL, MEMORY_GOAL, BYTES_GOAL, TRIPS_GOAL = 3.0, 200e6, 30_000, 4
WALL_GOAL, DELAY_GOAL = 1.3, 1.5


@dataclass(frozen=True)
class Row:
    """One deployer on so many hosts, medians of all runs. Seconds and bytes; `delay` in milliseconds.

    `worked` is what all hosts worked, `busiest` the one that worked most; `free` are the cores that others left.
    `sent`, `received`, `connections`, `channels` and `round_trips` are of the host that had most of them.
    """

    deployer: str
    hosts: int
    delay: int
    wall: float
    live: float
    worked: float
    busiest: float
    free: float
    cpu: float
    memory: int
    sent: int
    received: int
    connections: int
    channels: int
    round_trips: int

    @property
    def work(self) -> float:
        """The seconds that the hosts' work takes at least: no host is faster than its own work."""
        return max(self.worked / self.free, self.busiest)

    @property
    def rest(self) -> float:
        return self.wall - self.work


@dataclass(frozen=True)
class Goal:
    what: str
    found: float
    most: float

    @property
    def verdict(self) -> str:
        return "met" if self.found <= self.most else "MISSED"


def row(deployer: str, delay: int, costs: Sequence[Cost], *, cores: int) -> Row:
    """The medians of several runs on the same hosts."""

    def most(name: str) -> int:
        return int(median(max(getattr(host, name) for host in cost.hosts) for cost in costs))

    return Row(
        deployer=deployer,
        hosts=len(costs[0].hosts),
        delay=delay,
        wall=median(cost.wall for cost in costs),
        live=median(cost.live for cost in costs),
        worked=median(cost.total.cpu for cost in costs),
        busiest=median(max(host.cpu for host in cost.hosts) for cost in costs),
        free=median(left_by_others(cost, cores) for cost in costs),
        cpu=median(cost.cpu for cost in costs),
        memory=int(median(cost.memory for cost in costs)),
        sent=most("sent"),
        received=most("received"),
        connections=most("connections"),
        channels=most("channels"),
        round_trips=int(median(max(cost.round_trips, default=0) for cost in costs)),
    )


def left_by_others(cost: Cost, cores: int) -> float:
    """The cores that the rest of the machine left us, at least a tenth of one."""
    return max(0.1, cores - cost.others / cost.elapsed)


def goals(rows: Sequence[Row]) -> tuple[Goal, ...]:
    """What was promised, as far as these rows tell."""
    ours = [row for row in rows if row.deployer == OURS]
    fewest, most = min(row.hosts for row in ours), max(row.hosts for row in ours)
    [largest] = [row for row in ours if row.hosts == most and not row.delay]
    found = [
        Goal(f"{most} hosts: seconds / (CPU seconds the hosts need / cores)", largest.wall / largest.work, WALL_GOAL),
        Goal(f"{most} hosts: CPU seconds of the controller", largest.cpu, CPU_GOAL),
        Goal(f"{most} hosts: MB of the controller", largest.memory / 1e6, MEMORY_GOAL / 1e6),
        Goal("kB sent to a host, at most", max(row.sent for row in ours) / 1e3, BYTES_GOAL / 1e3),
        Goal("connections to a host, at most", max(row.connections for row in ours), 1),
        Goal("channels to a host, at most", max(row.channels for row in ours), 1),
        *(Goal("round trips to one host", row.round_trips, TRIPS_GOAL) for row in ours if row.hosts == 1),
        *(Goal("round trips to each of several hosts", row.round_trips, TRIPS_GOAL) for row in ours if row.hosts > 1),
    ]
    slow = {row.hosts: row for row in ours if row.delay}
    if fewest < most and slow:
        what = f"{fewest} -> {most} hosts at {slow[most].delay} ms, their work excluded"
        found.append(Goal(what, slow[most].rest / slow[fewest].rest, DELAY_GOAL))
    return tuple(dict.fromkeys(found))


def measure(counts: Sequence[int], *, delay: int, runs: int, peers: bool) -> tuple[Row, ...]:
    """Deploy to more and more hosts, as fast as the wire goes and then over a long one."""
    cores = len(os.sched_getaffinity(0))
    with crowd(max(counts)) as hosts:
        plainly = Plainly(hosts) if peers else None
        rows: list[Row] = []
        for late in dict.fromkeys((0, delay)):
            hosts.delay(late)
            for count in counts:
                ours, plain = _turns(hosts, plainly, count, runs)
                rows.append(row(OURS, late, ours, cores=cores))
                rows += [row(PLAIN, late, plain, cores=cores)] if plain else []
                print(f"{count} hosts, {late} ms more per round trip: done", file=sys.stderr)
        return tuple(rows)


def _turns(hosts: Crowd, plainly: Plainly | None, count: int, runs: int) -> tuple[list[Cost], list[Cost]]:
    """Ours and the peer's in turns, so that a machine that is slower for a while is slower for both."""
    ours, plain = [], []
    for _ in range(runs):
        hosts.change_line()
        ours.append(hosts.deploy(count))
        plain += [plainly.deploy(count)] if plainly else []
    return ours, plain


# What is printed


def table(rows: Sequence[Row]) -> str:
    """For people: each deployer on so many hosts, then the goals."""
    return "\n".join((*_rows(rows), "", *_goals(goals(rows))))


HEADINGS = (
    *("wall s", "live s", "CPU s", "work s", "ratio", "rest s", "ctl s", "ctl MB"),
    *("conns", "chans", "sent", "got", "trips"),
)


def _rows(rows: Sequence[Row]) -> Iterator[str]:
    yield f"{'deployer':19}{'hosts':>6}{'ms':>4}" + "".join(f"{heading:>7}" for heading in HEADINGS)
    for row in rows:
        live = f"{row.live:.2f}" if row.live else "-"
        times = f"{row.wall:7.2f}{live:>7}{row.worked:7.2f}{row.work:7.2f}"
        ratios = f"{row.wall / row.work:7.2f}{row.rest:7.2f}{row.cpu:7.2f}{row.memory / 1e6:7.0f}"
        line = f"{row.connections:7}{row.channels:7}{row.sent / 1e3:7.1f}{row.received / 1e3:7.1f}"
        yield f"{row.deployer:19}{row.hosts:6}{row.delay:4}{times}{ratios}{line}{row.round_trips or '-':>7}"


def _goals(found: Sequence[Goal]) -> Iterator[str]:
    yield f"{'':62}{'found':>8}{'goal':>8}"
    for goal in found:
        yield f"{goal.what:62}{goal.found:8.2f}{goal.most:8.1f}  {goal.verdict}"


def to_json(rows: Sequence[Row]) -> dict[str, Any]:
    """For programs; seconds and bytes."""
    return {
        "rows": [{**asdict(row), "work": row.work, "rest": row.rest} for row in rows],
        "goals": [{**asdict(goal), "verdict": goal.verdict} for goal in goals(rows)],
    }


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=_counts, default=(1, 4, 8, 16), metavar="N,N,...")
    parser.add_argument("--delay", type=int, default=50, metavar="MS", help="added to a round trip; 0 for none")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peers", action="store_true", help="beside it a script of bash, rsync and ssh")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(words)
    rows = measure(given.hosts, delay=given.delay, runs=given.runs, peers=given.peers)
    print(json.dumps(to_json(rows), indent=2) if given.json else table(rows))
    return 1 if any(goal.verdict == "MISSED" for goal in goals(rows)) else 0


def _counts(text: str) -> tuple[int, ...]:
    return tuple(sorted({int(word) for word in text.split(",")}))


if __name__ == "__main__":
    sys.exit(main())
