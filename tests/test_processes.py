"""Which processes run besides the web server: those of the settings, those that were found, and on which host."""

from typing import Any

import pytest

from django_selfdeploy import process_judgements
from django_selfdeploy.context import Context
from django_selfdeploy.core.errors import ReleaseError
from django_selfdeploy.core.release import Program
from django_selfdeploy.places import part_of
from django_selfdeploy.process_options import Process
from django_selfdeploy.project.facts import ProjectFacts
from django_selfdeploy.project.workers.found import Found
from django_selfdeploy.steps import activate, judge
from tests.making import NEW, OLD, context, deployed, facts, release, target

CELERY = Found("celery", ("celery", "worker"), ("celery", "worker"), "There is an app.", 310.0)
BEAT = Found(
    "beat", ("celery", "beat"), ("celery", "beat"), "There is a schedule.", 60.0, role="beat", one_host=True, alone=True
)
HUEY = Found("huey", ("python", "manage.py", "run_huey"), ("run_huey",), "It is installed.", stop_signal="INT")


def made(settings: dict[str, Any] | None = None, *found: Found, **changes: Any) -> Context:
    return context(settings=settings, facts=facts(workers=found), **changes)


def test_what_is_found_runs_as_it_was_found() -> None:
    assert made({}, CELERY, BEAT, HUEY).processes == {
        "celery": Process(("celery", "worker"), 310.0, stop_signal="TERM"),
        "beat": Process(("celery", "beat"), 60.0, role="beat", one_host=True, overlap=False, stop_signal="TERM"),
        "huey": Process(("python", "manage.py", "run_huey"), 600.0, stop_signal="INT"),
    }


def test_none_leaves_one_out_and_find_processes_all() -> None:
    assert set(made({"PROCESSES": {"beat": None}}, CELERY, BEAT).processes) == {"celery"}
    assert made({"FIND_PROCESSES": False}, CELERY, BEAT).processes == {}


def test_an_entry_of_the_same_name_changes_what_it_says_and_wins_with_a_command() -> None:
    changed = made({"PROCESSES": {"celery": {"NUMPROCS": 2, "STOP_TIMEOUT": 60}}}, CELERY).processes
    assert changed == {"celery": Process(("celery", "worker"), 60.0, 2, stop_signal="TERM")}
    own = made({"PROCESSES": {"celery": {"COMMAND": ["mine"]}}}, CELERY).processes
    assert own == {"celery": Process(("mine",))}


def test_a_command_that_does_its_work_takes_its_place() -> None:
    mine = {"PROCESSES": {"mails": {"COMMAND": ["celery", "-A", "shop", "worker"]}}}
    assert set(made(mine, CELERY, BEAT).processes) == {"mails", "beat"}


def test_programs_know_how_they_hand_over() -> None:
    settings = {
        "PROCESSES": {
            "feed": {"COMMAND": ["feed"], "OVERLAP": True},
            "clock": {"COMMAND": ["clock"], "OVERLAP": False},
            "beat": {"OVERLAP": True},
        }
    }
    found = {one.name: one for one in activate.programs(made(settings, CELERY, BEAT))}
    prefix = f"mysite-{NEW}"
    assert found["celery"] == Program("celery", f"{prefix}-celery", False, 310.0)
    assert found["feed"] == Program("feed", f"{prefix}-feed", False, 60.0, beside=True)
    assert found["clock"] == Program("clock", f"{prefix}-clock", False, 60.0, alone=True)
    assert found["beat"] == Program("beat", f"{prefix}-beat", False, 60.0, beside=True)
    assert {one.name for one in found.values() if one.early} == {"web", "feed", "beat"}


HOSTS = ["all1", {"ADDRESS": "work1", "ROLES": ["worker", "beat"]}, {"ADDRESS": "web1", "ROLES": ["web"]}]


def test_on_several_hosts_what_is_found_runs_where_its_role_is_and_beat_once() -> None:
    where = {
        name: tuple(made({"HOSTS": HOSTS}, CELERY, BEAT, host=name).processes) for name in ("all1", "work1", "web1")
    }
    assert where == {"all1": ("celery", "beat"), "work1": ("celery",), "web1": ()}


def test_what_a_host_has_to_run_is_part_of_what_it_is() -> None:
    both = target(HOSTS=HOSTS, PROCESSES={"mail": {"COMMAND": ["mail"]}})
    assert [part_of(both, name) for name in ("all1", "work1", "web1", "")] == [
        ("worker", "beat", "mail"),
        ("worker", "mail"),
        (),
        (),
    ]


def test_what_is_new_is_told_with_its_reason() -> None:
    assert process_judgements.told(made({}, CELERY)) == (
        "(selfdeploy.I091) The process 'celery' runs `celery worker`: There is an app.",
    )
    had = release(OLD, programs=(Program("celery", f"mysite-{OLD}-celery", False, 1.0),))
    assert process_judgements.told(made({}, CELERY, state=deployed(had))) == ()


def test_a_process_that_runs_nowhere_is_told() -> None:
    web = {"HOSTS": [{"ADDRESS": "web1", "ROLES": ["web"]}]}
    assert process_judgements.without_host(made(web, CELERY, host="web1")) == (
        "(selfdeploy.W095) No host has the role 'worker', so the process 'celery' that was found runs nowhere.",
    )
    assert process_judgements.without_host(made({"HOSTS": HOSTS}, CELERY, BEAT, host="web1")) == ()
    assert process_judgements.without_host(made({}, CELERY)) == ()


def test_an_entry_without_a_command_that_nothing_was_found_for_is_refused() -> None:
    process_judgements.judge(made({"PROCESSES": {"celery": {}, "beat": None}}, CELERY))
    with pytest.raises(ReleaseError) as caught:
        process_judgements.judge(made({"PROCESSES": {"celry": {}}}, CELERY))
    assert (caught.value.message, caught.value.hint) == (
        "(selfdeploy.E091) PROCESSES['celry'] has no command, and no process of that name was found.",
        "Give it a COMMAND. Found were: celery.",
    )


def test_the_record_says_what_runs_and_why() -> None:
    settings = {"PROCESSES": {"clock": {"COMMAND": ["clock"], "OVERLAP": False}}}
    assert process_judgements.about(made(settings, CELERY)) == [
        {"name": "clock", "command": ["clock"], "numprocs": 1, "stop_timeout": 60.0, "alone": True, "reason": ""},
        {
            "name": "celery",
            "command": ["celery", "worker"],
            "numprocs": 1,
            "stop_timeout": 310.0,
            "alone": False,
            "reason": "There is an app.",
        },
    ]


def test_the_processes_of_all_hosts_in_words() -> None:
    contexts = {name: made({"HOSTS": HOSTS}, CELERY, BEAT, host=name) for name in ("all1", "work1", "web1")}
    assert process_judgements.in_words(contexts) == {
        "celery": "celery worker; all1, work1; There is an app.",
        "beat": "celery beat; all1; There is a schedule.",
    }
    clock = {"PROCESSES": {"clock": {"COMMAND": ["clock", "a b"]}}}
    assert process_judgements.in_words({"": made(clock)}) == {"clock": "clock 'a b'"}


def test_waiting_tasks_are_looked_at_once_where_there_are_workers() -> None:
    assert [type(one).__name__ for one in judge.queued_tasks(made({}, CELERY)).actions] == ["Judge"]
    assert judge.queued_tasks(made({}, CELERY, leads=False)).actions == ()
    assert judge.queued_tasks(made()).actions == ()


def test_facts_about_workers_travel_as_json() -> None:
    before = facts(workers=(CELERY, BEAT, HUEY))
    assert ProjectFacts.from_json(before.to_json()) == before
