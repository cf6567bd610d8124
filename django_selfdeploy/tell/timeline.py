"""The steps of a deployment drawn to scale, in a lane for each host: where bars begin, how long they are, what was live
when.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

THINNEST = 0.5
"""The width, in percent of the scale, that even a step of no time has: else nobody sees it."""

SHORTEST = 0.01
"""The shortest scale, in seconds; journals count in milliseconds."""

TICKS = 8
"""At most so many marks on the scale."""

EVENTFUL = ("failed", "interrupted", "running")
"""What somebody who looks at a deployment looks for among its steps."""


class Row(Protocol):
    """What is drawn; `at` and `seconds` are seconds since the command was given, and its duration."""

    number: int
    phase: str
    name: str
    status: str
    at: float | None
    seconds: float | None
    note: str
    tail: str


@dataclass(frozen=True)
class Run:
    """What one host did; `duration` and `live_after` are seconds since the command was given, None is not known."""

    host: str
    status: str
    duration: float | None
    live_after: float | None
    steps: tuple[Row, ...]


@dataclass(frozen=True)
class Mark:
    """A place on the scale with its label; `anchor` is SVG's text-anchor."""

    x: str
    label: str
    anchor: str


@dataclass(frozen=True)
class Bar:
    """One step. `x` and `width` are texts in percent, or empty where the journal does not tell the time."""

    number: int
    name: str
    status: str
    when: str
    took: str
    x: str
    width: str
    note: str
    tail: str


@dataclass(frozen=True)
class Stretch:
    """Steps of one phase that follow each other; `x`, `width` and `took` reach from the first to the last."""

    phase: str
    took: str
    x: str
    width: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Lane:
    """One host; `live` is None when the release did not go live on it. `opened` where a step went wrong, or runs."""

    host: str
    status: str
    took: str
    live: Mark | None
    stretches: tuple[Stretch, ...]
    opened: bool


@dataclass(frozen=True)
class Timeline:
    """`live` is when the release was live on every host where it went live; None when it went live on none."""

    ticks: tuple[Mark, ...]
    live: Mark | None
    lanes: tuple[Lane, ...]


def draw(runs: Iterable[Run]) -> Timeline:
    """The timeline of what the hosts did, in their order, on one scale that ends with the last of them."""
    told = list(runs)
    scale = max([SHORTEST, *(second for run in told for second in _seconds_of(run))])
    lives = [run.live_after for run in told if run.live_after is not None]
    return Timeline(
        ticks=tuple(_mark(second, scale, f"{second:g} s", room=0.0) for second in _ticks(scale)),
        live=_live(max(lives, default=None), scale),
        lanes=tuple(_lane(run, scale) for run in told),
    )


def spoken(seconds: float | None) -> str:
    """A duration for people, such as "0.04 s", "4.2 s", "1 min 12 s"; empty for None."""
    if seconds is None:
        return ""
    if 0 < seconds < 0.01:
        return "<0.01 s"
    if seconds < 0.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def _seconds_of(run: Run) -> Iterator[float]:
    yield from (run.duration or 0.0, run.live_after or 0.0)
    yield from ((row.at or 0.0) + (row.seconds or 0.0) for row in run.steps)


def _lane(run: Run, scale: float) -> Lane:
    phases = itertools.groupby(run.steps, key=lambda row: row.phase)
    stretches = tuple(_stretch(phase, list(group), scale) for phase, group in phases)
    opened = any(row.status in EVENTFUL for row in run.steps)
    return Lane(run.host, run.status, spoken(run.duration), _live(run.live_after, scale), stretches, opened)


def _live(second: float | None, scale: float) -> Mark | None:
    return None if second is None else _mark(second, scale, f"live after {spoken(second)}", room=0.1)


def _ticks(scale: float) -> Iterator[float]:
    """Round numbers from nought to the end of the scale, a step of 1, 2 or 5 times a power of ten apart."""
    power = 10.0 ** math.floor(math.log10(scale / TICKS))
    step = next(power * factor for factor in (1, 2, 5, 10, 20) if scale / (power * factor) <= TICKS)
    for number in range(math.floor(scale / step) + 1):
        yield number * step


def _mark(second: float, scale: float, label: str, *, room: float) -> Mark:
    """The label is centred on its place where it has `room`, a share of the scale, on both sides."""
    share = second / scale
    anchor = "start" if share < room else "end" if share > 1 - room else "middle"
    return Mark(_percent(100 * share), label, anchor)


def _stretch(phase: str, rows: list[Row], scale: float) -> Stretch:
    bars = tuple(_bar(row, scale) for row in rows)
    begins = [row.at for row in rows if row.at is not None]
    if not begins:
        return Stretch(phase, "", "", "", bars)
    begin = min(begins)
    ended = [(row.at or 0.0) + row.seconds for row in rows if row.seconds is not None]
    seconds = max(0.0, max(ended) - begin) if len(ended) == len(rows) else None
    return Stretch(phase, spoken(seconds), *_extent(begin, seconds, scale), bars)


def _bar(row: Row, scale: float) -> Bar:
    x, width = ("", "") if row.at is None else _extent(row.at, row.seconds, scale)
    when = "" if row.at is None else f"begins after {spoken(row.at)}"
    return Bar(row.number, row.name, row.status, when, spoken(row.seconds), x, width, row.note, row.tail)


def _extent(at: float, seconds: float | None, scale: float) -> tuple[str, str]:
    """A step that has not ended reaches to the end of the scale."""
    begin = min(max(100 * at / scale, 0.0), 100 - THINNEST)
    length = 100.0 if seconds is None else max(100 * seconds / scale, THINNEST)
    return _percent(begin), _percent(min(length, 100 - begin))


def _percent(value: float) -> str:
    return f"{value:.2f}%"
