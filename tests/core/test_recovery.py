"""What an interrupted run left is put right: each row of the table in core/recovery.py."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from django_selfdeploy.core.actions.base import Action
from django_selfdeploy.core.actions.files import CopyFile, Link, Remove, Write
from django_selfdeploy.core.actions.front import ServeFront
from django_selfdeploy.core.actions.programs import StartPrograms, StopPrograms
from django_selfdeploy.core.actions.variables import KeepVariables
from django_selfdeploy.core.actions.web import Drain
from django_selfdeploy.core.errors import NothingThere
from django_selfdeploy.core.going_live import links_of, start_working
from django_selfdeploy.core.journal import Journal, read
from django_selfdeploy.core.layout import Layout
from django_selfdeploy.core.plan import Step
from django_selfdeploy.core.power import starting, starting_again
from django_selfdeploy.core.recovery import CloseJournal, recover, settled
from django_selfdeploy.core.release import Program, Release
from django_selfdeploy.core.rollback import rollback_plan
from django_selfdeploy.core.state import HostState, Known
from django_selfdeploy.hosts.memory import MemoryWorld
from tests.making import LAYOUT, NEW, OLD, OLDER, deployed, host_state, known, running, small_release

OLDER_RELEASE, OLD_RELEASE, NEW_RELEASE = (small_release(name) for name in (OLDER, OLD, NEW))
JOURNAL = "20261122-101112-345"


def recovery(*actions: Action) -> Step:
    return Step("recover", "clear what was left behind", actions)


def drain(identity: str) -> Drain:
    return Drain(f"/srv/mysite/releases/{identity}/app.sock", 30.0)


def stop(identity: str, seconds: float = 11.0) -> StopPrograms:
    links = links_of("/srv/mysite/etc/programs", "mysite", identity)
    return StopPrograms("/srv/mysite/run/supervisor.sock", links, (f"mysite-{identity}-web",), seconds)


def remove(identity: str) -> Remove:
    return Remove((f"/srv/mysite/releases/{identity}", f"/srv/mysite/log/{identity}"))


def incomplete(state: HostState, identity: str = NEW) -> HostState:
    return replace(state, releases=(*state.releases, Known(identity, None, "")))


@pytest.mark.parametrize("state", [host_state(), deployed(OLDER_RELEASE, OLD_RELEASE)])
def test_a_host_in_order_needs_nothing(state: HostState) -> None:
    assert recover(LAYOUT, state) == recovery()


def test_a_folder_without_its_record_is_removed() -> None:
    assert recover(LAYOUT, incomplete(deployed(OLD_RELEASE))) == recovery(remove(NEW))


def test_a_folder_without_its_record_whose_programs_run_is_drained_stopped_and_removed() -> None:
    state = incomplete(deployed(OLD_RELEASE, processes=running(OLD_RELEASE, NEW_RELEASE)))
    assert recover(LAYOUT, state) == recovery(drain(NEW), stop(NEW), remove(NEW))


def test_before_anything_was_live_the_programs_of_a_broken_release_are_stopped_too() -> None:
    state = incomplete(host_state(processes=running(NEW_RELEASE)))
    assert recover(LAYOUT, state) == recovery(drain(NEW), stop(NEW, 60.0), remove(NEW))


def test_a_host_of_workers_goes_back_without_a_front_server() -> None:
    workers = [replace(one, programs=(replace(one.programs[0], serves=False),)) for one in (OLD_RELEASE, NEW_RELEASE)]
    state = deployed(*workers, processes=running(*workers), live_answers=False, unfinished=(JOURNAL,))
    step = recover(LAYOUT, state)
    assert step.actions[0] == Link("/srv/mysite/current", f"releases/{OLD}")
    assert not any(isinstance(action, ServeFront) for action in step.actions)


def test_programs_of_a_release_that_is_not_live_are_drained_and_stopped() -> None:
    state = deployed(OLD_RELEASE, NEW_RELEASE, processes=running(OLD_RELEASE, NEW_RELEASE))
    assert recover(LAYOUT, state) == recovery(drain(OLD), stop(OLD))


def with_a_worker(release: Release) -> Release:
    worker = Program("beat", f"mysite-{release.id}-beat", False, 5.0, alone=True)
    return replace(release, programs=(*release.programs, worker))


OLD_WORKS, NEW_WORKS = with_a_worker(OLD_RELEASE), with_a_worker(NEW_RELEASE)


def start_workers_of(release: Release) -> StartPrograms:
    [start] = start_working(LAYOUT, release)
    return start


def test_workers_that_were_told_to_stop_start_again_once_those_of_the_killed_deployment_are_gone() -> None:
    processes = (*running(OLD_RELEASE), *running(NEW_WORKS))
    state = incomplete(deployed(OLD_WORKS, processes=processes, unfinished=(JOURNAL,)))
    links = links_of("/srv/mysite/etc/programs", "mysite", NEW)
    assert recover(LAYOUT, state) == recovery(
        drain(NEW),
        StopPrograms("/srv/mysite/run/supervisor.sock", links, NEW_WORKS.groups, 15.0),
        remove(NEW),
        start_workers_of(OLD_WORKS),
        CloseJournal("/srv/mysite", JOURNAL),
    )


def test_a_release_whose_workers_were_stopped_is_one_to_go_back_to() -> None:
    processes = (*running(OLD_RELEASE), *running(NEW_WORKS))
    state = deployed(OLD_WORKS, NEW_WORKS, live_answers=False, processes=processes, unfinished=(JOURNAL,))
    assert settled(state) == OLD_WORKS
    assert recover(LAYOUT, state).actions[-2] == start_workers_of(OLD_WORKS)


def test_workers_of_a_release_to_go_back_to_are_stopped_before_those_of_the_live_one_start() -> None:
    processes = (*running(OLD_WORKS), *running(NEW_RELEASE))
    state = deployed(OLD_WORKS, NEW_WORKS, processes=processes, unfinished=(JOURNAL,))
    stop, start, _ = recover(LAYOUT, state, keep=OLD).actions
    assert (stop.groups, start) == (OLD_WORKS.workers, start_workers_of(NEW_WORKS))  # type: ignore[attr-defined]


def test_a_start_clears_the_workers_of_a_killed_deployment_first() -> None:
    state = incomplete(deployed(OLD_WORKS, processes=running(OLD_RELEASE, NEW_WORKS), unfinished=(JOURNAL,)))
    first, *rest = starting_again(LAYOUT, OLD_WORKS, state)
    assert first == recover(LAYOUT, state)
    assert tuple(rest) == starting(LAYOUT, OLD_WORKS)


def test_programs_of_a_release_to_go_back_to_may_run() -> None:
    state = deployed(OLD_RELEASE, NEW_RELEASE, processes=running(OLD_RELEASE, NEW_RELEASE))
    assert recover(LAYOUT, state, keep=OLD) == recovery()


def test_half_written_files_and_half_removed_folders_are_removed() -> None:
    left = ("/srv/mysite/.tmp-1a2b3c4d-current", "/srv/mysite/envs/broken", "/srv/mysite/releases/.del-1a2b3c4d-x")
    assert recover(LAYOUT, deployed(OLD_RELEASE, leftovers=left)) == recovery(Remove(left))


def test_journals_of_killed_runners_are_closed() -> None:
    state = deployed(OLD_RELEASE, unfinished=(JOURNAL, "20261122-101113-000"))
    expected = [CloseJournal("/srv/mysite", name) for name in state.unfinished]
    assert recover(LAYOUT, state) == recovery(*expected)


def test_a_new_release_that_does_not_answer_gives_way_to_the_one_that_still_runs() -> None:
    state = deployed(
        OLDER_RELEASE,
        OLD_RELEASE,
        NEW_RELEASE,
        live_answers=False,
        processes=running(OLD_RELEASE, NEW_RELEASE),
        unfinished=(JOURNAL,),
    )
    why = "it did not answer when its deployment was interrupted\n"
    conf, link = "/srv/mysite/etc/mysite-front.conf", "/srv/mysite/etc/programs/mysite-front.conf"
    assert recover(LAYOUT, state) == recovery(
        Link("/srv/mysite/current", f"releases/{OLD}"),
        ServeFront(OLD_RELEASE.front, "/srv/mysite/run/supervisor.sock", link, conf),
        Write(f"/srv/mysite/releases/{NEW}/.bad", why),
        drain(NEW),
        stop(NEW),
        CloseJournal("/srv/mysite", JOURNAL),
    )
    assert settled(state) == OLD_RELEASE


@pytest.mark.parametrize(
    "about",
    [
        {"live_answers": True, "unfinished": (JOURNAL,), "processes": running(OLD_RELEASE, NEW_RELEASE)},
        {"live_answers": False, "unfinished": (), "processes": running(OLD_RELEASE, NEW_RELEASE)},
        {"live_answers": False, "unfinished": (JOURNAL,), "processes": running(NEW_RELEASE)},
        {"live_answers": False, "unfinished": (JOURNAL,), "processes": None},
    ],
)
def test_otherwise_what_is_live_stays_live(about: dict[str, object]) -> None:
    state = deployed(OLD_RELEASE, NEW_RELEASE, **about)
    assert settled(state) == NEW_RELEASE
    assert not any(isinstance(action, Link) for action in recover(LAYOUT, state).actions)


def test_nothing_live_is_settled_on_nothing() -> None:
    assert settled(host_state()) is None
    dangling = host_state(current=OLD, releases=(Known(OLD, None, ""),))
    assert settled(dangling) is None


def test_everything_at_once_is_put_right_in_one_step() -> None:
    state = replace(
        incomplete(deployed(OLDER_RELEASE, OLD_RELEASE, processes=running(OLDER_RELEASE, OLD_RELEASE, NEW_RELEASE))),
        leftovers=("/srv/mysite/.tmp-x",),
        unfinished=(JOURNAL,),
    )
    assert recover(LAYOUT, state) == recovery(
        *(drain(OLDER), stop(OLDER)),
        *(drain(NEW), stop(NEW), remove(NEW)),
        Remove(("/srv/mysite/.tmp-x",)),
        CloseJournal("/srv/mysite", JOURNAL),
    )


def test_the_journal_of_a_killed_runner_is_closed_on_disk(tmp_path: Path) -> None:
    os.mkdir(tmp_path / "journal")
    layout = Layout(str(tmp_path))
    Journal(layout, {"id": JOURNAL})
    action = CloseJournal(str(tmp_path), JOURNAL)
    action.do(MemoryWorld())
    story = read(layout.journal(JOURNAL))
    assert story is not None
    assert (story["status"], action.describe()) == ("interrupted", f"close the journal of {JOURNAL}")


# rollback


def names(state: HostState, *, to: str = "") -> tuple[str, tuple[str, ...]]:
    plan = rollback_plan(LAYOUT, state, to=to, target="production")
    assert (plan.kind, plan.target) == ("rollback", "production")
    return plan.release, tuple(step.name for step in plan.steps)


USUAL = (
    "start the processes",
    "wait until they answer",
    "switch",
    "smoke test",
    "watch",
    "mark the release that was left",
    "drain and stop the previous release",
)


def test_a_rollback_goes_to_the_release_before_the_live_one() -> None:
    assert names(deployed(OLDER_RELEASE, OLD_RELEASE, NEW_RELEASE)) == (OLD, USUAL)
    assert names(deployed(OLDER_RELEASE, OLD_RELEASE, NEW_RELEASE, current=OLD)) == (OLDER, USUAL)


def test_a_rollback_passes_over_bad_and_incomplete_releases() -> None:
    state = deployed(OLDER_RELEASE, OLD_RELEASE, NEW_RELEASE)
    bad = replace(state, releases=known(OLDER_RELEASE, OLD_RELEASE, NEW_RELEASE, bad={OLD: "it failed"}))
    assert names(bad)[0] == OLDER
    broken = replace(state, releases=(state.releases[0], Known(OLD, None, ""), state.releases[2]))
    assert names(broken)[0] == OLDER


def test_a_rollback_to_a_release_by_its_name_may_go_to_a_bad_or_a_newer_one() -> None:
    state = deployed(OLDER_RELEASE, OLD_RELEASE, NEW_RELEASE, current=OLD)
    bad = replace(state, releases=known(OLDER_RELEASE, OLD_RELEASE, NEW_RELEASE, bad={NEW: "it failed"}))
    assert names(bad, to=NEW) == (NEW, USUAL)


def test_who_goes_back_marks_what_was_left_and_who_goes_forward_does_not() -> None:
    state = deployed(OLDER_RELEASE, OLD_RELEASE, NEW_RELEASE)
    back = rollback_plan(LAYOUT, state, to=OLD)
    forward = rollback_plan(LAYOUT, replace(state, current=OLD), to=NEW)
    assert back.steps[5].actions == (
        Remove((f"/srv/mysite/releases/{OLD}/.bad",)),
        KeepVariables(f"/srv/mysite/releases/{OLD}/source/.env", "/srv/mysite/shared/.env"),
        CopyFile(f"/srv/mysite/releases/{NEW}/migrations.json", f"/srv/mysite/releases/{OLD}/migrations.json"),
        Write(f"/srv/mysite/releases/{NEW}/.bad", f"rolled back to {OLD}\n"),
    )
    assert forward.steps[5].actions == (
        Remove((f"/srv/mysite/releases/{NEW}/.bad",)),
        KeepVariables(f"/srv/mysite/releases/{NEW}/source/.env", "/srv/mysite/shared/.env"),
        CopyFile(f"/srv/mysite/releases/{OLD}/migrations.json", f"/srv/mysite/releases/{NEW}/migrations.json"),
    )


def test_a_rollback_to_what_is_live_stops_nothing() -> None:
    assert names(deployed(OLD_RELEASE, NEW_RELEASE), to=NEW) == (NEW, USUAL[:-1])


def test_a_rollback_puts_right_what_was_left_but_keeps_the_programs_it_goes_to() -> None:
    state = incomplete(
        deployed(OLDER_RELEASE, OLD_RELEASE, processes=running(OLDER_RELEASE, OLD_RELEASE, NEW_RELEASE)), NEW
    )
    plan = rollback_plan(LAYOUT, state)
    assert plan.steps[0] == recovery(drain(NEW), stop(NEW), remove(NEW))


def test_without_a_good_release_before_it_there_is_no_way_back() -> None:
    for state in (host_state(), deployed(NEW_RELEASE), deployed(OLD_RELEASE, NEW_RELEASE, current=OLD)):
        with pytest.raises(NothingThere) as caught:
            rollback_plan(LAYOUT, state)
        assert str(caught.value) == (
            "There is no good release before the live one.\n"
            "`deploy_history` lists what there was; `deploy_rollback --to ID` goes to any release kept."
        )


def test_a_release_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(NothingThere) as caught:
        rollback_plan(LAYOUT, incomplete(deployed(OLDER_RELEASE, OLD_RELEASE)), to=NEW)
    assert str(caught.value) == f"There is no release {NEW!r}.\nThere are: {OLDER}, {OLD}."
    with pytest.raises(NothingThere) as caught:
        rollback_plan(LAYOUT, host_state(), to="../../etc")
    assert (caught.value.hint, caught.value.exit_code) == ("There are: none.", 14)
