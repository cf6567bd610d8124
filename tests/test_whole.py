"""What many hosts tell becomes one story, whoever is asked first."""

import io
import itertools
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_selfdeploy import reaching
from django_selfdeploy.core import journal
from django_selfdeploy.core.errors import HostError
from django_selfdeploy.hosts.memory import MemoryConnection
from django_selfdeploy.management.commands import deploy_history
from django_selfdeploy.options import Project
from django_selfdeploy.tell.whole import STATUSES, history, merged
from tests.making import target
from tests.stories import ID, story

ERROR = {"error": "NotReady", "message": "It answers 500.\nIts log.", "hint": "See it.", "exit_code": 11}


def test_one_story_stays_as_it_is() -> None:
    assert merged([story()]) == story()


def test_the_whole_lasts_from_the_first_to_the_last() -> None:
    early = story(host="web1", started="2026-11-22T10:11:11.000Z")
    late = story(host="web2", finished="2026-11-22T10:11:19.000Z", seconds=7.5, live_after=6.0)
    whole = merged([late, early])
    assert (whole["started"], whole["finished"]) == (early["started"], late["finished"])
    assert (whole["seconds"], whole["live_after"]) == (7.5, 6.0)
    assert (whole["host"], "steps" in whole) == ("web1, web2", False)


def test_while_one_host_is_at_it_the_whole_has_not_ended() -> None:
    whole = merged([story(host="web1"), story(host="web2", status="running", finished=None, seconds=None)])
    assert (whole["status"], whole["finished"], whole["seconds"], whole["live_after"]) == ("running", None, None, 1.503)


ORDER = ("running", "interrupted", "switched back", "failed", "cancelled", "postponed", "succeeded", "unchanged")


@pytest.mark.parametrize(("worse", "better"), list(itertools.combinations(ORDER, 2)))
def test_the_status_that_matters_most_is_that_of_the_whole(worse: str, better: str) -> None:
    told = [story(host="web1", status=better), story(host="web2", status=worse), story(host="web3", status=better)]
    assert merged(told)["status"] == worse


def test_every_status_of_a_journal_has_its_place() -> None:
    known = {value for name, value in vars(journal).items() if name.isupper() and isinstance(value, str)}
    assert set(STATUSES) - {""} == known


def test_the_error_that_came_first_names_its_host() -> None:
    later = {**ERROR, "message": "Taken back."}
    told = [story(host=f"web{n}", status="failed", error=later, seconds=4.0 + n) for n in (1, 2)]
    first = story(host="web3", status="failed", error=ERROR, seconds=3.0)
    assert merged([*told, first])["error"] == {**ERROR, "message": "web3: It answers 500.\nIts log."}


def test_an_error_without_a_duration_came_last() -> None:
    """A runner that was killed is told by the next one, when nobody knows any more."""
    killed = {"error": "Interrupted", "message": "The runner was killed in 'load'.", "hint": "", "exit_code": 1}
    told = [
        story(host="web1", status="interrupted", error=killed, seconds=None),
        story(host="web2", status="failed", error=ERROR),
    ]
    assert merged(told)["error"]["message"].startswith("web2: ")
    assert merged(told)["status"] == "interrupted"


def test_an_error_that_names_its_host_does_not_name_it_twice() -> None:
    error = {**ERROR, "message": "'web2' cannot be reached."}
    whole = merged([story(host="web1"), story(host="web2", status="failed", error=error)])
    assert whole["error"] == error


def test_warnings_of_some_name_them_and_those_of_all_do_not() -> None:
    told = [story(host=f"web{n}", warnings=["No backup.", *(["Disk full."] if n > 1 else [])]) for n in (1, 2, 3)]
    assert merged(told)["warnings"] == ["No backup.", "web2, web3: Disk full."]


def test_versions_that_differ_are_told_together() -> None:
    told = [story(host=f"web{n}", versions={"django": "5.2", "python": f"3.1{n}"}) for n in (1, 2)]
    assert merged(told)["versions"] == {"django": "5.2", "python": "3.11, 3.12"}


def test_what_the_first_host_does_not_say_another_one_does() -> None:
    new = story(host="web1", previous="", commit=None)
    whole = merged([new, story(host="web2")])
    assert (whole["previous"], whole["commit"]) == (story()["previous"], story()["commit"])


texts = st.sampled_from(["", "web1", "web2"])
numbers = st.none() | st.floats(min_value=0, max_value=10)
moments = st.none() | st.sampled_from(["2026-11-22T10:11:12.000Z", "2026-11-22T10:11:13.000Z"])
told = st.fixed_dictionaries(
    {"id": st.just(ID)},
    optional={
        "host": texts,
        "status": st.sampled_from([*STATUSES, "other"]) | st.none(),
        "started": moments,
        "finished": moments,
        "seconds": numbers,
        "live_after": numbers,
        "error": st.none() | st.just({}) | st.just(ERROR),
        "warnings": st.none() | st.lists(texts),
        "versions": st.none() | st.dictionaries(texts, texts),
    },
)


@given(st.lists(told, min_size=1, max_size=4, unique_by=lambda each: each.get("host") or "").flatmap(st.permutations))
def test_no_order_makes_a_difference(stories: list[dict[str, Any]]) -> None:
    assert merged(stories) == merged(reversed(stories))


# the history


def test_the_history_is_a_story_each_deployment_newest_first() -> None:
    ids = ["20261122-101112-001", "20261122-101112-002", "20261122-101112-003"]
    web1 = [story(each, host="web1") for each in reversed(ids)]
    web2 = [story(each, host="web2") for each in reversed(ids[1:])]
    found = history([*web1, *web2], count=2)
    assert [(each["id"], each["host"]) for each in found] == [(ids[2], "web1, web2"), (ids[1], "web1, web2")]
    assert history([*web2, *web1], count=2) == found
    assert [each["host"] for each in history([*web1, *web2])] == ["web1, web2", "web1, web2", "web1"]


def test_the_history_tells_what_came_of_it_on_each_host() -> None:
    failed = story(host="web1", status="failed", error=ERROR, live_after=None)
    [row] = history([story(host="web2"), failed])
    same = {"release": ID, "previous": story()["previous"], "seconds": 2.0}
    assert row["hosts"] == [
        {**same, "host": "web1", "status": "failed", "live_after": None, "error": ERROR},
        {**same, "host": "web2", "status": "succeeded", "live_after": 1.503, "error": None},
    ]


def test_a_host_that_is_asked_twice_counts_once() -> None:
    assert len(history([story(), story()])[0]["hosts"]) == 1


SUBJECT = "Keep the words of an entry"
FAILED = {"status": "failed", "error": ERROR}
LINES = (
    ([story()], f"{ID}  deploy  {ID}  succeeded  2.0 s  ada  {SUBJECT}"),
    ([story(host=f"web{n}") for n in (1, 2)], f"{ID}  deploy  {ID}  succeeded  2.0 s  ada  2 hosts  {SUBJECT}"),
    (
        [story(host="web1"), story(host="web2", **FAILED), story(host="web3")],
        f"{ID}  deploy  {ID}  failed  2.0 s  ada  succeeded: web1, web3; failed: web2  {SUBJECT}  web2: It answers 500.",
    ),
    ([{"id": ID, "seconds": None}], f"{ID}        -"),
)


@pytest.mark.parametrize(("stories", "line"), LINES)
def test_a_deployment_is_a_line_for_people(stories: list[dict[str, Any]], line: str) -> None:
    [row] = history(stories)
    assert deploy_history.line(row) == line


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> deploy_history.Command:
    """The command, on a host that has two journals, one that has the newer one, and one that gives no answer."""
    older = story("20261121-101112-001", **FAILED)
    journals = {"web1": [story(host="web1"), older], "web2": [story(host="web2")]}

    found: reaching.Reached = {name: MemoryConnection(replies={"story": told}) for name, told in journals.items()}
    found["web3"] = HostError("web3 cannot be reached.")
    monkeypatch.setattr(reaching, "reached", lambda project: nullcontext(found))
    project = Project(Path("/site"), target(HOSTS=list(found)))
    monkeypatch.setattr(deploy_history.Command, "project", lambda self, target, **options: project)
    return deploy_history.Command(stdout=io.StringIO(), stderr=io.StringIO())


def test_the_command_prints_a_line_each_deployment(asked: deploy_history.Command) -> None:
    assert asked.perform(target="default", count=20, as_json=False) == HostError.exit_code
    assert [line.split()[0] for line in asked.stdout.getvalue().splitlines()] == [ID, "20261121-101112-001"]
    assert asked.stderr.getvalue() == "web3 gives no answer: web3 cannot be reached.\n"


def test_the_command_prints_json(asked: deploy_history.Command) -> None:
    assert asked.perform(target="default", count=1, as_json=True) == HostError.exit_code
    [row] = json.loads(asked.stdout.getvalue())
    keys = ("host", "status", "release", "previous", "seconds", "live_after", "error")
    assert row == {
        **{key: story()[key] for key in deploy_history.KEYS},
        "error": None,
        "hosts": [{**{key: story()[key] for key in keys}, "host": name} for name in ("web1", "web2")],
    }
