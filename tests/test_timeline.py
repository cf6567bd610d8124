"""The drawing of a deployment is to scale, whatever the journal lacks."""

from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from django_selfdeploy.tell.timeline import TICKS, Bar, Lane, Mark, Run, Stretch, Timeline, spoken
from django_selfdeploy.tell.timeline import draw as draw_all


@dataclass
class Step:
    number: int
    phase: str
    name: str
    at: float | None
    seconds: float | None
    status: str = "done"
    note: str = ""
    tail: str = ""


def bar(number: int, name: str, when: str, took: str, x: str, width: str, status: str = "done") -> Bar:
    return Bar(number, name, status, when, took, x, width, note="", tail="")


def draw(steps: list[Step], *, duration: float | None, live_after: float | None) -> Timeline:
    return draw_all([Run("web1", "succeeded", duration, live_after, tuple(steps))])


def stretches(steps: list[Step], *, duration: float | None, live_after: float | None = None) -> tuple[Stretch, ...]:
    [lane] = draw(steps, duration=duration, live_after=live_after).lanes
    return lane.stretches


def test_bars_begin_and_end_where_their_steps_did() -> None:
    steps = [
        Step(1, "stage", "take the source", 0.0, 1.0),
        Step(2, "stage", "load", 1.0, 0.5),
        Step(3, "switch", "switch", 1.5, 0.0),
        Step(4, "finish", "drain", 1.5, 2.5),
    ]
    assert draw(steps, duration=4.0, live_after=1.5) == Timeline(
        ticks=tuple(
            Mark(x, label, "middle")
            for x, label in (
                ("0.00%", "0 s"),
                ("12.50%", "0.5 s"),
                ("25.00%", "1 s"),
                ("37.50%", "1.5 s"),
                ("50.00%", "2 s"),
                ("62.50%", "2.5 s"),
                ("75.00%", "3 s"),
                ("87.50%", "3.5 s"),
                ("100.00%", "4 s"),
            )
        ),
        live=Mark("37.50%", "live after 1.5 s", "middle"),
        lanes=(
            Lane(
                "web1",
                "succeeded",
                "4.0 s",
                Mark("37.50%", "live after 1.5 s", "middle"),
                stretches=(
                    Stretch(
                        "stage",
                        "1.5 s",
                        "0.00%",
                        "37.50%",
                        (
                            bar(1, "take the source", "begins after 0.00 s", "1.0 s", "0.00%", "25.00%"),
                            bar(2, "load", "begins after 1.0 s", "0.50 s", "25.00%", "12.50%"),
                        ),
                    ),
                    Stretch(
                        "switch",
                        "0.00 s",
                        "37.50%",
                        "0.50%",
                        (bar(3, "switch", "begins after 1.5 s", "0.00 s", "37.50%", "0.50%"),),
                    ),
                    Stretch(
                        "finish",
                        "2.5 s",
                        "37.50%",
                        "62.50%",
                        (bar(4, "drain", "begins after 1.5 s", "2.5 s", "37.50%", "62.50%"),),
                    ),
                ),
                opened=False,
            ),
        ),
    )


def test_a_step_that_has_not_ended_reaches_to_the_end() -> None:
    steps = [Step(1, "stage", "load", 1.0, None, status="running")]
    [drawn] = stretches(steps, duration=4.0)
    assert drawn.bars == (bar(1, "load", "begins after 1.0 s", "", "25.00%", "75.00%", status="running"),)


def test_a_step_without_times_has_no_bar() -> None:
    drawn = draw([Step(1, "stage", "load", None, None)], duration=4.0, live_after=None)
    assert drawn.lanes[0].stretches == (Stretch("stage", "", "", "", (bar(1, "load", "", "", "", ""),)),)
    assert drawn.live is drawn.lanes[0].live is None


def test_a_step_that_began_last_is_seen_at_the_end() -> None:
    [drawn] = stretches([Step(1, "stage", "load", 1.0, None, status="running")], duration=None)
    assert (drawn.x, drawn.width, drawn.took) == ("99.50%", "0.50%", "")


def test_nothing_is_drawn_of_nothing() -> None:
    assert draw_all([]).lanes == ()
    assert stretches([], duration=None) == ()


def test_hosts_have_lanes_of_their_own_on_one_scale() -> None:
    quick = Run("web1", "succeeded", 2.0, 1.0, (Step(1, "switch", "switch", 1.0, 0.5),))
    slow = Run("web2", "succeeded", 4.0, 3.0, (Step(1, "switch", "switch", 3.0, 0.5),))
    drawn = draw_all([quick, slow])
    assert drawn.live == Mark("75.00%", "live after 3.0 s", "middle")
    assert [(lane.host, lane.took, lane.live and lane.live.x) for lane in drawn.lanes] == [
        ("web1", "2.0 s", "25.00%"),
        ("web2", "4.0 s", "75.00%"),
    ]
    assert [lane.stretches[0].x for lane in drawn.lanes] == ["25.00%", "75.00%"]


@pytest.mark.parametrize("status", ["failed", "interrupted", "running", "done", "undone"])
def test_a_lane_is_open_where_something_is_to_be_seen(status: str) -> None:
    [lane] = draw([Step(1, "stage", "load", 1.0, 1.0, status=status)], duration=2.0, live_after=None).lanes
    assert lane.opened == (status in ("failed", "interrupted", "running"))


@pytest.mark.parametrize(("live_after", "anchor"), [(0.1, "start"), (5.0, "middle"), (9.9, "end")])
def test_the_label_of_the_mark_stays_inside(live_after: float, anchor: str) -> None:
    mark = draw([], duration=10.0, live_after=live_after).live
    assert mark is not None
    assert mark.anchor == anchor


SECONDS = (
    (None, ""),
    (0.0, "0.00 s"),
    (0.003, "<0.01 s"),
    (0.04, "0.04 s"),
    (0.994, "0.99 s"),
    (0.996, "1.0 s"),
    (4.163, "4.2 s"),
    (59.94, "59.9 s"),
    (59.96, "1 min 00 s"),
    (72.0, "1 min 12 s"),
    (3599.7, "1 h 00 min"),
    (7384.0, "2 h 03 min"),
)


@pytest.mark.parametrize(("seconds", "text"), SECONDS)
def test_durations_are_spoken_for_people(seconds: float | None, text: str) -> None:
    assert spoken(seconds) == text


times = st.none() | st.floats(min_value=-1e6, max_value=1e9)


@example([], -1.0, -1.0)
@example([], 5e-324, None)
@given(st.lists(st.builds(Step, st.integers(), st.text(), st.text(), times, times)), times, times)
def test_nothing_leaves_the_scale(steps: list[Step], duration: float | None, live_after: float | None) -> None:
    drawn = draw(steps, duration=duration, live_after=live_after)
    assert 1 <= len(drawn.ticks) <= TICKS + 1
    bars = [bar for stretch in drawn.lanes[0].stretches for bar in (stretch, *stretch.bars) if bar.width]
    for begin, width in ((float(bar.x[:-1]), float(bar.width[:-1])) for bar in bars):
        assert begin >= 0
        assert width > 0
        assert begin + width <= 100.01
