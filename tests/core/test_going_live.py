"""The steps that bring a release live, stop a site and start it again, whole."""

from dataclasses import replace

from django_selfdeploy.core.actions.files import Link, Remove, Write
from django_selfdeploy.core.actions.front import ServeFront, StopFront
from django_selfdeploy.core.actions.programs import (
    ForgetOthers,
    QuietPrograms,
    ShutDown,
    StartPrograms,
    StartSupervisor,
    StopPrograms,
)
from django_selfdeploy.core.actions.web import AwaitReady, AwaitWorkers, Drain, SmokeTest, Watch
from django_selfdeploy.core.agent import AgentSpec
from django_selfdeploy.core.going_live import going_live, patience, stop_previous
from django_selfdeploy.core.plan import Failure, Step
from django_selfdeploy.core.power import starting, stopping
from django_selfdeploy.core.release import NO_FRONT, Program, Release
from tests.making import LAYOUT, NEW, OLD, small_release

LINKED = Link("/srv/mysite/current", f"releases/{NEW}")
OLD_RELEASE = small_release(OLD)
WEB, MAIL = f"mysite-{NEW}-web", f"mysite-{NEW}-mail"
NEW_RELEASE = small_release(NEW, programs=(Program("web", WEB, True, 35.0), Program("mail", MAIL, False, 60.0)))
CONTROL, SOCKET = "/srv/mysite/run/supervisor.sock", f"/srv/mysite/releases/{NEW}/app.sock"
PROGRAMS, ETC = "/srv/mysite/etc/programs", f"/srv/mysite/releases/{NEW}/etc"
LINK, CONF = f"{PROGRAMS}/mysite-{NEW}.conf", f"{ETC}/supervisor.conf"
WORK_LINK, WORK_CONF = f"{PROGRAMS}/mysite-{NEW}-workers.conf", f"{ETC}/workers.conf"
FRONT = ("/srv/mysite/etc/programs/mysite-front.conf", "/srv/mysite/etc/mysite-front.conf")
LOG = f"Its log is kept until the next deployment: /srv/mysite/log/{NEW}/."
STOP = StopPrograms(CONTROL, (LINK, WORK_LINK), (WEB, MAIL), 70.0)
START_EARLY = StartPrograms(CONTROL, LINK, CONF, (WEB,), 70.0)
START_WORK = StartPrograms(CONTROL, WORK_LINK, WORK_CONF, (MAIL,), 70.0)

FORGET = ForgetOthers(NEW_RELEASE.control, "/srv/mysite/releases", NEW)
OPEN = Remove(("/srv/mysite/window",))
START = Step(
    "start",
    "start the processes",
    (StartSupervisor(NEW_RELEASE.control), START_EARLY),
    undo=(Drain(SOCKET, 0.05), STOP),
    failure=Failure("NotReady", "The processes of the new release do not start.", LOG),
)
READY = Step(
    "start",
    "wait until they answer",
    (AwaitReady(SOCKET, NEW_RELEASE.probe, NEW, CONTROL, (WEB,)),),
    failure=Failure("NotReady", "The new release does not work.", LOG),
)
QUIET = Step("start", "let the old workers take nothing more", (), failure=None)
WORK = Step(
    "hand over",
    "start the new workers",
    (START_WORK, AwaitWorkers(CONTROL, (MAIL,))),
    undo=(QuietPrograms(CONTROL, WORK_LINK, (MAIL,), (), 70.0),),
    failure=Failure(
        "NotReady",
        "The workers of the new release do not run.",
        f"{LOG} One that was found and is not wanted: PROCESSES = {{NAME: None}}.",
    ),
)
SWITCH = Step(
    "switch",
    "switch",
    (Link("/srv/mysite/current", f"releases/{NEW}"), ServeFront(NEW_RELEASE.front, CONTROL, *FRONT)),
    undo=(Link("/srv/mysite/current", f"releases/{OLD}"), ServeFront(OLD_RELEASE.front, CONTROL, *FRONT)),
    failure=Failure("SwitchedBack", "The switch did not work, and the old release is live again."),
)
SMOKE = Step(
    "confirm",
    "smoke test",
    (SmokeTest(NEW_RELEASE.front, NEW_RELEASE.probe, NEW),),
    undo=(Write(f"/srv/mysite/releases/{NEW}/.bad", "it failed the smoke test or the watch after the switch\n"),),
    failure=Failure("SwitchedBack", "The new release failed behind the front server; the old one is back."),
)
WATCH = Step(
    "confirm",
    "watch",
    (Watch(NEW_RELEASE.front, NEW_RELEASE.probe, NEW, CONTROL, (WEB, MAIL), 0.02),),
    failure=Failure("SwitchedBack", "The new release failed while it was watched; the old one is back."),
)


def test_a_release_goes_live_after_another_one() -> None:
    start, ready, quiet, *rest = going_live(LAYOUT, NEW_RELEASE, OLD_RELEASE)
    assert (start, ready, *rest) == (START, READY, WORK, SWITCH, SMOKE, WATCH)
    assert (quiet.actions, quiet.undo) == ((), ())


def test_the_first_release_that_fails_leaves_nothing_live() -> None:
    stop = StopFront(NEW_RELEASE.front, CONTROL, FRONT[0])
    switch = replace(SWITCH, undo=(stop, Remove(("/srv/mysite/current",))))
    start = replace(START, undo=(*START.undo, ShutDown(NEW_RELEASE.control)))
    found = going_live(LAYOUT, NEW_RELEASE, None, supervised=False)
    assert found == (start, READY, QUIET, WORK, switch, SMOKE, WATCH)


def test_a_release_may_be_asked_why_it_fails() -> None:
    agent = AgentSpec(("python",), "/srv")
    ready = replace(READY.actions[0], agent=agent)  # type: ignore[call-arg]
    found = going_live(LAYOUT, NEW_RELEASE, OLD_RELEASE, agent=agent)
    assert found[1] == replace(READY, actions=(ready,))


def test_a_release_without_workers_waits_for_its_server_only() -> None:
    found = going_live(LAYOUT, OLD_RELEASE, None)
    assert [type(action).__name__ for action in found[1].actions] == ["AwaitReady"]


def with_workers(identity: str, **about: dict[str, bool]) -> Release:
    """A release with a web server and the workers `about`."""
    prefix = f"mysite-{identity}"
    workers = (Program(name, f"{prefix}-{name}", False, 60.0, **flags) for name, flags in about.items())
    return small_release(identity, programs=(Program("web", f"{prefix}-web", True, 1.0), *workers))


def test_old_workers_take_nothing_more_before_new_ones_start_and_start_again_when_it_is_taken_back() -> None:
    old = with_workers(OLD, mail={}, beat={"alone": True})
    _, _, quiet, work, *_ = going_live(LAYOUT, with_workers(NEW, mail={}, beat={"alone": True}), old)
    mail, beat, web = (f"mysite-{OLD}-{name}" for name in ("mail", "beat", "web"))
    link, etc = f"{PROGRAMS}/mysite-{OLD}-workers.conf", f"/srv/mysite/releases/{OLD}/etc"
    assert quiet.actions == (QuietPrograms(CONTROL, link, (mail, beat), (beat,), 70.0),)
    assert quiet.undo == (
        StartPrograms(CONTROL, f"{PROGRAMS}/mysite-{OLD}.conf", f"{etc}/supervisor.conf", (web,), 70.0),
        StartPrograms(CONTROL, link, f"{etc}/workers.conf", (mail, beat), 70.0),
    )
    assert work.undo == (
        QuietPrograms(CONTROL, WORK_LINK, (MAIL, f"mysite-{NEW}-beat"), (f"mysite-{NEW}-beat",), 70.0),
    )


def test_what_works_beside_the_old_one_starts_with_the_server_and_stops_with_it() -> None:
    old, new = (with_workers(identity, live={"beside": True}) for identity in (OLD, NEW))
    start, ready, quiet, work, *_ = going_live(LAYOUT, new, old)
    live = f"mysite-{NEW}-live"
    assert start.actions[1] == StartPrograms(CONTROL, LINK, CONF, (WEB, live), 70.0)
    assert ready.actions[1] == AwaitWorkers(CONTROL, (live,))
    assert (quiet.actions, work.actions) == ((), ())
    assert stop_previous(LAYOUT, new, old).actions[1].groups == old.groups  # type: ignore[attr-defined]


def test_what_must_run_alone_from_now_on_waits_for_an_old_one_that_did_not_have_to() -> None:
    old = with_workers(OLD, clock={"beside": True}, mail={})
    quiet = going_live(LAYOUT, with_workers(NEW, clock={"alone": True}), old)[2]
    clock, mail = f"mysite-{OLD}-clock", f"mysite-{OLD}-mail"
    assert (quiet.actions[0].groups, quiet.actions[0].alone) == ((mail, clock), (clock,))  # type: ignore[attr-defined]


WORKERS = replace(NEW_RELEASE, programs=(Program("mail", MAIL, False, 60.0),), front=NO_FRONT, url="")
"""As it is on a host where visitors do not come."""


def test_a_release_that_does_not_serve_has_no_front_server_and_is_asked_for_no_page() -> None:
    start, ready, _, work, switch, smoke, watch = going_live(LAYOUT, WORKERS, None)
    assert (start.actions, ready.actions) == ((StartSupervisor(NEW_RELEASE.control),), ())
    assert work == WORK
    assert (switch.actions, switch.undo) == ((LINKED,), (Remove(("/srv/mysite/current",)),))
    assert smoke.actions == ()
    assert watch.actions == (Watch(NO_FRONT, NEW_RELEASE.probe, NEW, CONTROL, (MAIL,), 0.02),)
    assert watch.undo == SMOKE.undo  # a step without actions is left out, and it must be marked all the same


def test_a_host_that_visitors_no_longer_reach_loses_its_front_server_at_the_switch() -> None:
    switch = going_live(LAYOUT, WORKERS, OLD_RELEASE)[4]
    assert switch.actions == (LINKED, StopFront(OLD_RELEASE.front, CONTROL, FRONT[0]))
    assert switch.undo == SWITCH.undo
    switch = going_live(LAYOUT, OLD_RELEASE, WORKERS)[4]
    assert switch.undo == (LINKED, StopFront(OLD_RELEASE.front, CONTROL, FRONT[0]))


def test_a_host_of_workers_starts_and_stops_without_a_front_server() -> None:
    start, switch, smoke = starting(LAYOUT, WORKERS)
    assert [type(action).__name__ for action in start.actions] == ["ForgetOthers", "StartSupervisor", "StartPrograms"]
    assert (switch.actions, smoke.actions) == ((), ())
    assert stopping(LAYOUT, WORKERS) == stopping(LAYOUT, NEW_RELEASE)


def test_the_previous_release_is_drained_and_stopped() -> None:
    links, group = (f"{PROGRAMS}/mysite-{OLD}.conf", f"{PROGRAMS}/mysite-{OLD}-workers.conf"), f"mysite-{OLD}-web"
    assert stop_previous(LAYOUT, NEW_RELEASE, OLD_RELEASE) == Step(
        "finish",
        "drain and stop the previous release",
        (
            Drain(f"/srv/mysite/releases/{OLD}/app.sock", 0.05),
            StopPrograms(CONTROL, links, (group,), 11.0),
        ),
    )


def test_without_a_previous_release_nothing_is_stopped() -> None:
    for previous in (None, NEW_RELEASE):
        assert stop_previous(LAYOUT, NEW_RELEASE, previous).actions == ()


def test_the_slowest_program_decides_how_long_a_stop_may_take() -> None:
    assert (patience(NEW_RELEASE), patience(small_release(OLD, programs=()))) == (70.0, 10.0)


def test_our_own_supervisord_takes_all_with_it_when_a_site_stops() -> None:
    assert stopping(LAYOUT, NEW_RELEASE) == (Step("confirm", "stop the site", (ShutDown(NEW_RELEASE.control),)),)


def test_of_the_machines_supervisord_only_our_programs_are_stopped() -> None:
    shared = replace(NEW_RELEASE, control=replace(NEW_RELEASE.control, own=False))
    assert stopping(LAYOUT, shared) == (Step("confirm", "stop the site", (STOP,)),)


def test_a_site_starts_as_it_was() -> None:
    failure = Failure("NotReady", "The live release does not start.", "Read its log with `deploy_logs`.")
    assert starting(LAYOUT, NEW_RELEASE) == (
        Step("start", "start the processes", (FORGET, *START.actions, START_WORK, READY.actions[0]), failure=failure),
        Step("switch", "start the front server", (*SWITCH.actions[1:], OPEN), failure=failure),
        Step("confirm", "smoke test", SMOKE.actions, failure=failure),
    )
