"""One deployment at a time."""

from __future__ import annotations

import json
import re
from itertools import pairwise

from . import processes
from .gate import held, let_on
from .order import expect_in_order
from .site import Site
from .waiting import until


def test_the_second_is_refused_and_told_who_is_at_work(site: Site) -> None:
    first = held(site)
    refused = site.deploy(check=False)
    holder = json.loads(site.manage("deploy_unlock", "--json").stdout)["holder"]
    told = site.manage("deploy_unlock").stdout
    let_on(site)
    assert first.end() == 0, first.story()
    assert refused.returncode == 75
    named = (
        rf"`deploy` of {holder['who']} \(pid {first.heard and holder['pid']} on \S+, since \S+Z, at 'run the tests'\)"
    )
    assert re.match(rf"CommandError: Another deployment is at work: {named}\.\n", refused.stderr), refused.stderr
    assert "--lock-wait" in refused.stderr
    assert re.match(rf"The lock is held by {named}\.\n", told), told
    assert site.manage("deploy_unlock").stdout == "Nobody holds the lock.\n"
    expect_in_order(site, live=site.current, status="succeeded")


def test_with_lock_wait_the_second_waits_and_then_deploys(site: Site) -> None:
    first = held(site)
    site.change("The second one")
    second = site.begin("deploy", "--lock-wait", "120")
    warning = second.until(lambda event: event["event"] == "warned", what="that it waits")
    assert warning["text"].startswith("waiting for `deploy` of "), warning
    let_on(site)
    assert first.end() == 0, first.story()
    went_live = site.current
    assert second.end() == 0, second.story()
    assert site.current > went_live
    expect_in_order(site, live=site.current, status="succeeded")
    assert site.journals[0]["subject"] == "The second one"
    assert site.journals[0]["started"] > site.journals[1]["finished"]


def test_unlock_kill_ends_the_deployment_which_takes_itself_back(site: Site) -> None:
    old, before = site.current, site.releases
    first = held(site)
    told = site.manage("deploy_unlock", "--kill").stdout
    assert first.end() == 130, first.story()
    assert re.match(r"Ended `deploy` of .*, at 'run the tests'\)\.\n", told), told
    assert first.error["message"] == "The runner was asked to end."
    expect_in_order(site, live=old, status="cancelled")
    assert site.releases == before


def test_the_lock_of_a_dead_runner_is_no_lock(site: Site) -> None:
    """Not even while a command that it had started lives on: that one is ended."""
    old = site.current
    first = held(site)
    orphans = {pid for pid in processes.children(first.runner) if "launch" in processes.command_line(pid)}
    first.kill_runner()
    assert first.end() == 13
    site.target["TESTS"] = False
    site.deploy("--force")
    until(lambda: not any(map(processes.is_alive, orphans)), what="the orphans end")
    assert site.current > old
    expect_in_order(site, live=site.current, status="succeeded")


def test_of_ten_at_once_one_deploys_at_a_time_and_none_is_lost(site: Site) -> None:
    before = {journal["id"] for journal in site.journals}
    site.target["TESTS"] = False
    site.change("A race")
    runnings = [site.begin("deploy", "--force") for _ in range(10)]
    codes = [running.end() for running in runnings]
    assert set(codes) <= {0, 75}, [running.story() for running in runnings]
    won = [journal for journal in reversed(site.journals) if journal["id"] not in before]
    assert len(won) == codes.count(0) >= 1
    assert {journal["status"] for journal in won} == {"succeeded"}
    assert all(one["finished"] < other["started"] for one, other in pairwise(won))
    for running in runnings:
        assert running.error.get("error", "Locked") == "Locked"
    expect_in_order(site, live=won[-1]["release"], status="succeeded")


def test_two_that_wait_for_each_other_with_the_same_commit_both_deploy(site: Site) -> None:
    site.target["TESTS"] = False
    runnings = [site.begin("deploy", "--force", "--lock-wait", "120") for _ in range(2)]
    assert [running.end() for running in runnings] == [0, 0], [running.story() for running in runnings]
    one, other = site.journals[:2]
    assert one["release"] != other["release"]
    expect_in_order(site, live=one["release"], status="succeeded")
