"""What a deployment is told in: the lines for people, made from events and plans. Nothing is written here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from django_selfdeploy.core.actions.base import Action
from django_selfdeploy.core.events import Finished, Live, Started
from django_selfdeploy.core.plan import Plan, Step

from .lines import fit

NAME_WIDTH = 36
"""Columns for the name of a step: one more than "drain and stop the previous release"."""

SECONDS_WIDTH = 9


class Style(Enum):
    """How a piece of a line looks where there are colours; the values are styles of rich."""

    PLAIN = "none"
    GOOD = "green"
    BAD = "bold red"
    WARNING = "yellow"
    DIM = "dim"
    BOLD = "bold"


@dataclass(frozen=True)
class Piece:
    text: str
    style: Style = Style.PLAIN


Line = tuple[Piece, ...]


@dataclass(frozen=True)
class Marks:
    """The sign before the name of a step, by the step's status."""

    done: str
    failed: str
    undone: str
    unfinished: str
    spinner: str

    @property
    def all(self) -> str:
        return f"{self.done}{self.failed}{self.undone}{self.unfinished}{self.spinner}"

    @property
    def width(self) -> int:
        return max(map(len, (self.done, self.failed, self.undone, self.unfinished)))

    def of(self, status: str) -> str:
        known = {"done": self.done, "failed": self.failed, "undone": self.undone}
        return known.get(status, self.unfinished)


SIGNS = Marks(done="✓", failed="✗", undone="←", unfinished="?", spinner="⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
LETTERS = Marks(done="ok", failed="FAILED", undone="undone", unfinished="?", spinner="|/-\\")
"""For streams that know no other characters than ASCII's."""

_status_styles = {"done": Style.GOOD, "failed": Style.BAD, "undone": Style.WARNING}


def plain_text(line: Line) -> str:
    return "".join(piece.text for piece in line).rstrip()


def seconds(amount: float) -> str:
    return f"{amount:.1f} s"


def started(event: Started) -> Line:
    release, target = fit(event.release), fit(event.target)
    if event.kind == "deploy":
        return (Piece(f"deploying {release}" + (f" to {target}" if target else "")),)
    doing = "rolling back" if event.kind == "rollback" else fit(event.kind)
    preposition = " to" if event.kind == "rollback" else " of"
    return (Piece(doing + (f"{preposition} {release}" if release else "") + (f" on {target}" if target else "")),)


def heading(marks: Marks, name: str) -> Line:
    """The name of a step that begins, above its commands."""
    return (Piece(f"{_margin(marks)}{fit(name)}"),)


def step(marks: Marks, *, status: str, name: str, took: float | None, note: str = "") -> Line:
    """The one line that remains of a step; `took` is in seconds, None where nobody knows."""
    time = seconds(took) if took is not None else ""
    return (
        Piece(f"  {marks.of(status):{marks.width}} ", _status_styles.get(status, Style.WARNING)),
        Piece(f"{fit(name):{NAME_WIDTH}}{time:>{SECONDS_WIDTH}}"),
        Piece(f"   {fit(note)}" if note else "", Style.DIM),
    )


def spinning(marks: Marks, *, name: str, took: float) -> Line:
    """The line of a step while it is being done; it looks like the one that remains."""
    sign = marks.spinner[int(took * 10) % len(marks.spinner)]
    return (
        Piece(f"  {sign:{marks.width}} "),
        Piece(f"{fit(name):{NAME_WIDTH}}"),
        Piece(f"{seconds(took):>{SECONDS_WIDTH}}", Style.DIM),
    )


def action(marks: Marks, what: str) -> Line:
    """What is done in a step: `$` for a command, whose program has a path, `-` for anything else."""
    return _doing(what, marks.width + 5)


def output(marks: Marks, text: str) -> Line:
    """One line that a command wrote."""
    return (Piece(f"{_margin(marks)}    {fit(text)}", Style.DIM),)


def live(event: Live) -> Line:
    url = f"   {fit(event.url)}" if event.url else ""
    return (Piece(f"live after {seconds(event.seconds)}{url}", Style.BOLD),)


def undoing(reason: str) -> Line:
    """Only the first line of the reason: the rest of it is output that stands above already."""
    return (Piece(f"taking back: {fit(reason.partition(chr(10))[0])}", Style.WARNING),)


def warned(text: str) -> Iterator[Line]:
    return _prefixed("warning", text, Style.WARNING)


def remarked(text: str) -> Iterator[Line]:
    return _prefixed("note", text, Style.DIM)


def _prefixed(prefix: str, text: str, style: Style) -> Iterator[Line]:
    first, *others = text.split("\n")
    yield (Piece(f"{prefix}: {fit(first)}", style),)
    for other in others:
        yield (Piece(f"  {fit(other)}", style),)


def finished(event: Finished, *, switched: bool) -> Line:
    """The closing line. Whoever failed after the switch cannot say that nothing happened."""
    after = f"after {seconds(event.seconds)}"
    unchanged = "" if switched else "; what was live still is"
    closings = {
        "unchanged": Piece("nothing to do", Style.GOOD),
        "succeeded": Piece(f"done in {seconds(event.seconds)}", Style.GOOD),
        "failed": Piece(f"failed {after}{unchanged}", Style.BAD),
        "incomplete": Piece(f"incomplete after {seconds(event.seconds)}: live, but a migration is missing", Style.BAD),
        "switched back": Piece(f"switched back {after}, the old release is live", Style.BAD),
        "cancelled": Piece(f"cancelled {after}{unchanged}", Style.WARNING),
    }
    return (closings.get(event.status) or Piece(f"{fit(event.status)} {after}"),)


def planned(plan: Plan, *, verbosity: int) -> Iterator[Line]:
    """The dry run; `verbosity` 0 is the steps alone, 1 also their actions, 2 also what takes them back."""
    about = f"{plan.kind} of {plan.release}" + (f" on {plan.target}" if plan.target else "")
    count = len(plan.steps)
    yield (Piece(f"{fit(about)}: {count} step{'' if count == 1 else 's'}"),)
    phase = ""
    for number, member in enumerate(plan.steps, 1):
        if member.phase != phase:
            phase = member.phase
            yield ()
            yield (Piece(fit(phase), Style.BOLD),)
        yield (Piece(f"{number:4}. {fit(member.name)}"),)
        yield from _actions(member, verbosity)


def _actions(member: Step, verbosity: int) -> Iterator[Line]:
    if verbosity >= 1:
        yield from (_described(one, indent=6) for one in member.actions)
    if verbosity >= 2 and member.undo:
        yield (Piece(" " * 6 + "to take it back:", Style.DIM),)
        yield from (_described(one, indent=8) for one in member.undo)


def _described(one: Action, *, indent: int) -> Line:
    return _doing(one.describe(), indent)


def _doing(what: str, indent: int) -> Line:
    sign = "$" if what.startswith(("/", "'/")) else "-"
    return (Piece(f"{' ' * indent}{sign} {fit(what)}", Style.DIM),)


def _margin(marks: Marks) -> str:
    """As wide as what stands before the name of a step."""
    return " " * (marks.width + 3)
