"""The steps of a deployment drawn to scale: where each bar begins, how long it is, what was live when."""

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
class Timeline:
    """`live` is None when the release did not go live."""

    ticks: tuple[Mark, ...]
    live: Mark | None
    stretches: tuple[Stretch, ...]


def draw(rows: Iterable[Row], *, duration: float | None, live_after: float | None) -> Timeline:
    """The timeline of `rows` in their order, on a scale that ends with the deployment."""
    steps = list(rows)
    ends = [(row.at or 0.0) + (row.seconds or 0.0) for row in steps]
    scale = max([*ends, duration or 0.0, live_after or 0.0, SHORTEST])
    said = f"live after {spoken(live_after)}"
    live = None if live_after is None else _mark(live_after, scale, said, room=0.1)
    phases = itertools.groupby(steps, key=lambda row: row.phase)
    return Timeline(
        ticks=tuple(_mark(second, scale, f"{second:g} s", room=0.0) for second in _ticks(scale)),
        live=live,
        stretches=tuple(_stretch(phase, list(group), scale) for phase, group in phases),
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
