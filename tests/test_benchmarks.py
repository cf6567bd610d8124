"""The arithmetic of the benchmarks and the tables that they print; nothing is timed here."""

import ast
import json
import math
import subprocess
import zipfile
from dataclasses import replace
from typing import Any

import pytest

from benchmarks import costs, crowd, hosts, parts, plainly, redeploy, switch
from benchmarks.costs import Counters
from benchmarks.crowd import Cost
from benchmarks.load import Report, Sample
from benchmarks.plainly import PLAIN
from benchmarks.redeploy import Measured, Row
from benchmarks.site import Heard, Told
from benchmarks.switch import Answers, Outcome, Switch


def heard(at: float, event: str, **fields: Any) -> Heard:
    return Heard(at, {"event": event, **fields})


TOLD = Told(
    100.0,
    104.0,
    (
        heard(100.5, "started", release="r1"),
        heard(100.625, "step_started", number=1, name="lay"),
        heard(100.75, "step_finished", number=1, name="lay"),
        heard(101.0, "step_started", number=2, name="switch"),
        heard(101.125, "step_finished", number=2, name="switch"),
        heard(101.25, "live", release="r1"),
        heard(101.5, "step_started", number=3, name="drain"),
        heard(103.0, "step_finished", number=3, name="drain"),
        Heard(104.0, {"outcome": {}}),
    ),
)
UNCHANGED = Told(100.0, 100.8, (heard(100.5, "started", release="r1"), heard(100.75, "finished")))


def test_a_command_is_seen_from_outside():
    assert (TOLD.release, TOLD.live, TOLD.seconds) == ("r1", 1.25, 4.0)
    assert (TOLD.end_of("drain"), TOLD.end_of("nothing")) == (103.0, 104.0)
    assert (UNCHANGED.release, math.isnan(UNCHANGED.live)) == ("", True)


def test_the_stretches_of_a_command_add_up_to_the_last_step_before_the_switch():
    found = dict(redeploy.stretches(TOLD))
    assert found == {"start": 0.5, "lay": 0.125, "switch": 0.125, "": 0.375}


# redeploy


def row(**changes: Any) -> Row:
    return replace(Row("one line", "noop + Django", 1.3, (2.0, 3.0, 9.0), (4.0, 5.0, 9.0), (2.0, 2.0, 3.0)), **changes)


def test_the_ratio_is_the_median_of_those_of_each_run():
    assert row().ratio == 1.5  # of 1.0, 1.5 and 3.0: a run that was slow for both counts once


def test_a_goal_is_met_missed_or_not_there():
    assert [row(goal=goal).verdict for goal in (1.5, 1.49, None)] == ["met", "MISSED", ""]


def measured() -> Measured:
    found = Measured()
    for name, seconds in (
        ("uv", 1.0),
        ("copy", 0.01),
        ("first Django", 2.0),
        ("noop", 0.4),
        ("Django", 0.8),
        ("tests", 1.0),
        ("gunicorn", 0.5),
    ):
        found.part(name, seconds)
    for name in ("first deployment", "one line", "one line, tested", "new requirements", "restart", "rollback"):
        found.command(name, TOLD)
    found.command("nothing changed", UNCHANGED)
    found.steps.append(dict(redeploy.stretches(TOLD)))
    return found


def test_the_wait_that_was_wanted_is_taken_off_where_there_was_one():
    assert measured().whole["one line"] == [4.0 - redeploy.WATCH]
    assert measured().whole["nothing changed"] == measured().live["nothing changed"] == [pytest.approx(0.8)]


def test_each_command_is_beside_its_parts_and_its_goal():
    assert redeploy.table(measured()).splitlines() == [
        "median of 1, s         live    end   compared with                             s  ratio  goal",
        "first deployment       1.25   3.00   uv + copy + first Django + gunicorn    3.51   0.36   1.2  met",
        "nothing changed        0.80   0.80   noop                                   0.40   2.00   2.0  met",
        "one line               1.25   3.00   noop + Django + gunicorn               1.70   0.74   1.3  met",
        "one line, tested       1.25   3.00   noop + Django + tests + gunicorn       2.70   0.46   1.3  met",
        "new requirements       1.25   3.00   1.3 x one line + uv                    2.62   0.48   1.0  met",
        "restart                1.25   3.00   noop + Django + gunicorn               1.70   0.74",
        "rollback               1.25   3.00   noop + gunicorn                        0.90   1.39",
        "",
        "part                 median  least   most",
        "uv                    1.000  1.000  1.000",
        "copy                  0.010  0.010  0.010",
        "first Django          2.000  2.000  2.000",
        "noop                  0.400  0.400  0.400",
        "Django                0.800  0.800  0.800",
        "tests                 1.000  1.000  1.000",
        "gunicorn              0.500  0.500  0.500",
        "",
        "step of one line",
        "start                           0.500",
        "lay                             0.125",
        "switch                          0.125",
        "between the steps               0.375",
    ]


def test_the_figures_of_each_run_go_to_json():
    found = json.loads(json.dumps(redeploy.to_json(measured()), allow_nan=False))
    assert found["commands"][2]["what"] == "one line"
    assert found["commands"][2]["parts"] == [pytest.approx(1.7)]
    assert found["commands"][2]["verdict"] == "met"


def test_the_commands_that_are_added_to_the_project_are_python():
    for body in parts.COMMANDS.values():
        assert "handle" in ast.dump(ast.parse(parts.COMMAND.format(body=body)))


def test_the_wheel_that_is_required_is_one(tmp_path):
    requirement = parts.add_wheel(tmp_path, 7)
    path = tmp_path / "selfdeploy_trial-7-py3-none-any.whl"
    assert requirement == f"selfdeploy-trial @ {path.as_uri()}"
    with zipfile.ZipFile(path) as wheel:
        about = wheel.read("selfdeploy_trial-7.dist-info/METADATA").decode()
    assert about == "Metadata-Version: 2.1\nName: selfdeploy-trial\nVersion: 7\n"


# switch


def sample(started: float, release: str, seconds: float = 0.01, **changes: Any) -> Sample:
    return replace(Sample(started, seconds, "fresh", 200, release=release), **changes)


FIRST = Switch("deploy 1", "r1", began=10, started=12, live=12.5, settled=13.5, ended=14, waiting=62, open=2)
SECOND = Switch("rollback 1", "r0", began=20, started=20.5, live=20.75, settled=21.5, ended=22)
SAMPLES = (
    *(sample(at, "r0") for at in (1.0, 2.0)),
    sample(11.0, "r0", 0.02),
    sample(12.45, "r0", 0.03),  # under way at the switch
    sample(12.5, "r1", 0.04),
    sample(15.0, "r1"),
    sample(20.4, "r0", 0.2),  # begun before the next switch, answered after it
    sample(21.0, "r0", 0.1),
)


def outcome(*samples: Sample, cut_short: str = "") -> Outcome:
    return Outcome("gthread", Report(samples or SAMPLES, cut_short=cut_short), (FIRST, SECOND))


def test_the_windows_are_those_of_the_switches_and_of_the_commands():
    assert outcome().switching == [(11.5, 13.5), (19.75, 21.5)]
    assert outcome().deploying == [(10, 14), (20, 22)]


def test_latency_is_told_for_quiet_times_for_deployments_and_for_switches():
    assert switch.latencies(outcome(), outcome().report) == pytest.approx(
        {
            "p50_quiet": 0.01,
            "p50_deploy": 0.02,
            "p50_switch": 0.04,
            "p99_quiet": 0.01,
            "p99_deploy": 0.02,
            "p99_switch": 0.2,
        }
    )
    assert switch.added_p99(outcome()) == pytest.approx(0.19)


def test_each_release_must_answer_after_its_switch_and_no_other():
    first, second = outcome().answers
    assert (first.count, first.stale) == (2, 0)
    assert first.first_after == pytest.approx(0.04)
    assert (second.count, second.stale) == (1, 0)
    assert outcome().good


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        (SAMPLES[:-1], (0, 0)),
        ((*SAMPLES, sample(21.1, "r1")), (1, 1)),
        ((*SAMPLES, sample(21.1, "r0", failure="refused", status=0)), (1, 0)),
    ],
    ids=["silent", "stale", "failed"],
)
def test_what_is_not_good(samples, found):
    judged = outcome(*samples)
    assert (judged.answers[1].count, judged.answers[1].stale) == found
    assert not judged.good


def test_a_load_that_ended_early_proves_nothing():
    assert not outcome(cut_short="after 10 s").good


def test_a_release_that_never_answered_has_no_first_answer():
    assert str(outcome(*SAMPLES[:-1]).answers[1]) == str(Answers(0, math.nan, 0))


def test_the_table_has_the_load_the_switches_and_the_judgement():
    lost = outcome(*SAMPLES[:-1], sample(13.0, "", failure="reset mid-answer"))
    assert f"{switch.table(lost)}\n" == TABLE


TABLE = """\
         ms       sent     failed     reconn  quiet p50 deploy p50 switch p50  quiet p99 deploy p99 switch p99
      fresh          8          1          0         10         20         40         10         20        200
        all          8          1          0

switch      release                       live s first ms   stop s  waiting     open  answers    stale
deploy 1    r1                              2.50       40     1.00       62        2        2        0
rollback 1  r0                              0.75        -     0.75        0        0        0        0

BAD: gthread: 8 requests in 20 s, 1 failed; p99 of a switch 190 ms above the quiet one; 1 x reset mid-answer; \
r0 never answered
"""


def test_the_outcome_goes_to_json():
    found = json.loads(json.dumps(switch.to_json(outcome(*SAMPLES[:-1])), allow_nan=False))
    assert (found["good"], found["load"]["sent"]) == (False, 7)
    assert [row["first_after"] for row in found["switches"]] == [pytest.approx(0.04), None]


# hosts


STAT = "4711 (a (b) c) S 1 4711 4711 0 -1 4194560 900 0 0 0 {} 20 0 1 0 100 1000 10"
DEVICES = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier
    lo:     700       7    0    0    0     0          0         0      700       7    0    0    0     0       0
  eth0:   20000      70    0    0    0     0          0         0     9000      60    0    0    0     0       0
"""
LOG = """\
Server listening on 0.0.0.0 port 22.
Accepted key ED25519 SHA256:abc found at /home/deploy/.ssh/authorized_keys:1
Accepted publickey for deploy from 10.1.2.1 port 50000 ssh2: ED25519 SHA256:abc
Starting session: command for deploy from 10.1.2.1 port 50000 id 0
Starting session: command for deploy from 10.1.2.1 port 50000 id 1
"""


def test_a_process_has_used_its_own_time_and_that_of_the_children_it_waited_for():
    ticks = costs.TICK
    assert costs.cpu_seconds(STAT.format(f"{ticks} {ticks} {2 * ticks} {ticks // 2}")) == 4.5


def test_the_counters_of_a_host_are_read_from_its_processes_its_wire_and_its_log():
    stat = STAT.format(f"{costs.TICK} 0 0 0")
    assert costs.counters([stat, stat], DEVICES, LOG) == Counters(2.0, 20_000, 9_000, 1, 2)


def test_a_host_without_a_wire_is_no_host():
    with pytest.raises(ValueError, match=r"There is no device 'eth0'\."):
        costs.counters([], DEVICES.replace("eth0", "wlan0"), LOG)


def test_a_machine_that_waits_is_not_busy():
    ticks = costs.TICK
    text = f"cpu  {ticks} {ticks} {ticks} {99 * ticks} {99 * ticks} {ticks} {ticks} {ticks} 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n"
    assert costs.busy_seconds(text) == 6.0


def cost(*cpu: float, wall: float, **changes: Any) -> Cost:
    counted = tuple(Counters(each, 20_000 + number, 9_000, 1, 1) for number, each in enumerate(cpu))
    found = Cost(wall, wall - 1, 0.75, 70_000_000, counted, 0.0, wall + 0.4, (4,) if len(cpu) == 1 else (7, 7))
    return replace(found, **changes)


def test_the_figures_of_a_row_are_medians_and_those_of_the_host_that_had_most():
    found = hosts.row(hosts.OURS, 0, [cost(1.0, 2.0, wall=at) for at in (3.0, 4.0, 50.0)], cores=2)
    assert (found.hosts, found.wall, found.live, found.worked, found.busiest) == (2, 4.0, 3.0, 3.0, 2.0)
    assert (found.sent, found.received, found.connections, found.channels, found.round_trips) == (
        20_001,
        9_000,
        1,
        1,
        7,
    )


def test_work_takes_as_long_as_all_of_it_on_all_cores_and_as_that_of_the_busiest_host():
    even = hosts.row(hosts.OURS, 0, [cost(2.0, 2.0, 2.0, 2.0, wall=5.0)], cores=2)
    alone = hosts.row(hosts.OURS, 0, [cost(2.0, wall=3.0)], cores=2)
    assert (even.work, even.rest, alone.work, alone.rest) == (4.0, 1.0, 2.0, 1.0)


def test_cores_that_others_use_are_not_ours():
    busy = cost(2.0, 2.0, wall=9.6, others=15.0)
    assert hosts.row(hosts.OURS, 0, [busy], cores=2).free == pytest.approx(0.5)
    assert hosts.left_by_others(replace(busy, others=99.0), 2) == 0.1


def compared(wall: float = 4.0) -> tuple[hosts.Row, ...]:
    def rows(delay: int, more: float) -> list[hosts.Row]:
        one, two = cost(1.0, wall=2.0 + more), cost(2.0, 2.0, wall=wall + more)
        return [hosts.row(hosts.OURS, delay, [one], cores=1), hosts.row(hosts.OURS, delay, [two], cores=1)]

    plain = hosts.row(PLAIN, 0, [cost(3.0, wall=4.0, live=0.0, round_trips=())], cores=1)
    return (*rows(0, 0.0), plain, *rows(50, 0.5))


def test_the_goals_are_asked_of_us_and_not_of_the_yardstick():
    assert f"{hosts.table(compared())}\n" == HOSTS_TABLE


def test_what_takes_longer_than_the_work_of_the_hosts_misses_its_goals():
    missed = [goal.what for goal in hosts.goals(compared(wall=8.0)) if goal.verdict == "MISSED"]
    assert missed == [
        "2 hosts: seconds / (CPU seconds the hosts need / cores)",
        "round trips to each of several hosts",
        "1 -> 2 hosts at 50 ms, their work excluded",
    ]


def test_the_rows_and_goals_of_hosts_go_to_json():
    found = json.loads(json.dumps(hosts.to_json(compared()), allow_nan=False))
    assert [(row["deployer"], row["hosts"], row["delay"]) for row in found["rows"]][1:3] == [
        ("selfdeploy", 2, 0),
        ("bash + rsync + ssh", 1, 0),
    ]
    assert found["goals"][0]["verdict"] == "met"


def test_the_texts_that_are_run_are_of_their_languages():
    ast.parse(crowd.COUNTED.read_text())
    assert subprocess.run(("bash", "-n"), input=plainly.SCRIPT, text=True).returncode == 0


HOSTS_TABLE = """\
deployer            hosts  ms wall s live s  CPU s work s  ratio rest s  ctl s ctl MB  conns  chans   sent    got  trips
selfdeploy              1   0   2.00   1.00   1.00   1.00   2.00   1.00   0.75     70      1      1   20.0    9.0      4
selfdeploy              2   0   4.00   3.00   4.00   4.00   1.00   0.00   0.75     70      1      1   20.0    9.0      7
bash + rsync + ssh      1   0   4.00      -   3.00   3.00   1.33   1.00   0.75     70      1      1   20.0    9.0      -
selfdeploy              1  50   2.50   1.50   1.00   1.00   2.50   1.50   0.75     70      1      1   20.0    9.0      4
selfdeploy              2  50   4.50   3.50   4.00   4.00   1.12   0.50   0.75     70      1      1   20.0    9.0      7

                                                                 found    goal
2 hosts: seconds / (CPU seconds the hosts need / cores)           1.00     1.3  met
2 hosts: CPU seconds of the controller                            0.75     3.0  met
2 hosts: MB of the controller                                    70.00   200.0  met
kB sent to a host, at most                                       20.00    30.0  met
connections to a host, at most                                    1.00     1.0  met
channels to a host, at most                                       1.00     1.0  met
round trips to one host                                           4.00     4.0  met
round trips to each of several hosts                              7.00     4.0  MISSED
1 -> 2 hosts at 50 ms, their work excluded                        0.33     1.5  met
"""
