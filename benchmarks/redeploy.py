"""What the deployer costs beyond the work that nobody can do without, as ratios within one run.

    python -m benchmarks.redeploy --runs 5

Each command is measured beside its unavoidable parts, one after the other, so that a machine that is slower for a
while is slower for both. Every figure is a median. It ends with 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.parts import Parts, add_commands, add_wheel
from benchmarks.site import Controller, Site, Told, controller, short_folder

WATCH = 1
"""Seconds for which the deployments here watch a new release: taken off, because it is wanted and not work."""


@dataclass(frozen=True)
class Row:
    """A command beside its yardstick, each measured once per run; all seconds.

    `live` is from the command to the switch, or to its end where nothing switches, `whole` to its end less the
    watch. `goal` is the most that live / yardstick may be; None where nothing was promised.
    """

    what: str
    yardstick: str
    goal: float | None
    live: tuple[float, ...]
    whole: tuple[float, ...]
    parts: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The median of the ratios, each of one run."""
        return median(live / parts for live, parts in zip(self.live, self.parts, strict=True))

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        return "met" if self.ratio <= self.goal else "MISSED"


@dataclass
class Measured:
    """Seconds by name, one per run; filled while it goes on, hence not frozen."""

    parts: dict[str, list[float]] = field(default_factory=dict)
    live: dict[str, list[float]] = field(default_factory=dict)
    whole: dict[str, list[float]] = field(default_factory=dict)
    steps: list[dict[str, float]] = field(default_factory=list)
    """Of the one-line deployments; see stretches()."""

    def part(self, name: str, seconds: float) -> None:
        self.parts.setdefault(name, []).append(seconds)

    def command(self, name: str, told: Told) -> None:
        switched = told.release != ""
        self.live.setdefault(name, []).append(told.live if switched else told.seconds)
        self.whole.setdefault(name, []).append(told.seconds - (WATCH if switched else 0))

    def row(self, what: str, goal: float | None, *names: str) -> Row:
        """The yardstick is the sum of the parts `names`."""
        parts = tuple(map(sum, zip(*(self.parts[name] for name in names), strict=True)))
        return Row(what, " + ".join(names), goal, tuple(self.live[what]), tuple(self.whole[what]), parts)

    def new_requirements(self, goal: float) -> Row:
        """Its yardstick has another deployment in it: what one line costs."""
        what = "new requirements"
        lines, installs = self.live["one line"], self.parts["uv"]
        parts = tuple(goal * line + uv for line, uv in zip(lines, installs, strict=True))
        return Row(what, f"{goal} x one line + uv", 1.0, tuple(self.live[what]), tuple(self.whole[what]), parts)


def rows(found: Measured) -> tuple[Row, ...]:
    """Every command with the goal of the design."""
    return (
        found.row("first deployment", 1.2, "uv", "copy", "first Django", "gunicorn"),
        found.row("nothing changed", 2.0, "noop"),
        found.row("one line", 1.3, "noop", "Django", "gunicorn"),
        found.row("one line, tested", 1.3, "noop", "Django", "tests", "gunicorn"),
        found.new_requirements(1.3),
        found.row("restart", None, "noop", "Django", "gunicorn"),
        found.row("rollback", None, "noop", "gunicorn"),
    )


def measure(runs: int) -> Measured:
    """Deploy and do the parts by hand in turns, `runs` times."""
    found = Measured()
    with controller() as made, short_folder() as folder, Site(made, folder, **_target()) as site:
        add_commands(site.project)
        site.commit("Add the commands of the benchmark")
        site.tell("deploy")
        parts = Parts(site, folder / "parts", made)
        for number in range(1, runs + 1):
            _first(found, made)
            _unchanged(found, site, parts)
            _one_line(found, site, parts)
            _tested(found, site, parts)
            _requirements(found, site, parts, number)
            found.command("restart", site.tell("deploy_restart"))
            found.command("rollback", site.tell("deploy_rollback"))
            print(f"run {number} of {runs}", file=sys.stderr)
    return found


def _target(**more: Any) -> dict[str, Any]:
    return {"WATCH": WATCH, "TESTS": False, "SMOKE": {"SKIP": ["/slow/"]}, **more}


def _first(found: Measured, made: Controller) -> None:
    with short_folder() as folder, Site(made, folder, **_target()) as site:
        add_commands(site.project)
        site.commit("Add the commands of the benchmark")
        parts = Parts(site, folder / "parts", made)
        found.part("uv", parts.install())
        found.part("copy", parts.copy())
        found.part("first Django", parts.django())
        parts.gunicorn()
        found.command("first deployment", site.tell("deploy"))


def _unchanged(found: Measured, site: Site, parts: Parts) -> None:
    site.tell("deploy")  # after a rollback of the run before something has changed
    before = parts.noop()
    found.command("nothing changed", site.tell("deploy"))
    found.part("noop", median((before, parts.noop())))


def _one_line(found: Measured, site: Site, parts: Parts) -> None:
    site.change_line()
    parts.copy()
    found.part("Django", parts.django())
    told = site.tell("deploy")
    found.part("gunicorn", parts.gunicorn())
    found.command("one line", told)
    found.steps.append(dict(stretches(told)))


def _tested(found: Measured, site: Site, parts: Parts) -> None:
    site.change_line()
    found.part("tests", parts.tests())
    site.target["TESTS"] = True
    found.command("one line, tested", site.tell("deploy"))
    site.target["TESTS"] = False


def _requirements(found: Measured, site: Site, parts: Parts, number: int) -> None:
    path = Path(site.project, "requirements.txt")
    kept = [line for line in path.read_text().splitlines() if "selfdeploy-trial" not in line]
    path.write_text("\n".join([*kept, add_wheel(site.root.parent, number), ""]))
    site.commit(f"Require another package, {number}")
    found.command("new requirements", site.tell("deploy"))


def stretches(told: Told) -> Iterator[tuple[str, float]]:
    """Where the seconds up to the switch went: (step, seconds), and ("", seconds) for all that is between."""
    last, between = told.began, 0.0
    for heard in told.heard:
        if heard.name == "started":
            yield "start", heard.at - told.began
            last = heard.at
        elif heard.name == "step_started":
            between += heard.at - last
            last = heard.at
        elif heard.name == "step_finished":
            yield str(heard.fields["name"]), heard.at - last
            last = heard.at
        elif heard.name == "live":
            break
    yield "", between


# What is printed


def table(found: Measured) -> str:
    """For people: the commands beside their yardsticks, the parts, and the steps of the one-line deployment."""
    return "\n".join((*_commands(rows(found)), "", *_parts(found), "", *_steps(found.steps)))


def _commands(listed: Sequence[Row]) -> Iterator[str]:
    runs = f"median of {len(listed[0].live)}, s"
    yield f"{runs:20}{'live':>7}{'end':>7}   {'compared with':36}{'s':>7}{'ratio':>7}{'goal':>6}"
    for row in listed:
        times = f"{median(row.live):7.2f}{median(row.whole):7.2f}"
        goal = "" if row.goal is None else f"{row.goal:.1f}"
        yardstick = f"{row.yardstick:36}{median(row.parts):7.2f}{row.ratio:7.2f}{goal:>6}"
        yield f"{row.what:20}{times}   {yardstick}  {row.verdict}".rstrip()


def _parts(found: Measured) -> Iterator[str]:
    yield f"{'part':20}{'median':>7}{'least':>7}{'most':>7}"
    for name, seconds in found.parts.items():
        yield f"{name:20}{median(seconds):7.3f}{min(seconds):7.3f}{max(seconds):7.3f}"


def _steps(steps: Sequence[dict[str, float]]) -> Iterator[str]:
    yield "step of one line"
    for name in steps[0]:
        yield f"{name or 'between the steps':30}{median(each.get(name, 0.0) for each in steps):7.3f}"


def to_json(found: Measured) -> dict[str, Any]:
    """For programs; seconds, one figure for each run."""
    commands = [{**vars(row), "ratio": row.ratio, "verdict": row.verdict} for row in rows(found)]
    return {"commands": commands, "parts": found.parts, "steps": found.steps}


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(words)
    found = measure(given.runs)
    print(json.dumps(to_json(found), indent=2) if given.json else table(found))
    return 1 if any(row.verdict == "MISSED" for row in rows(found)) else 0


if __name__ == "__main__":
    sys.exit(main())
