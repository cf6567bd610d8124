"""The steps that bring a complete release live: the same for a deployment, a rollback and the host's own script.

The web server of the new release works beside that of the old one until the switch. Workers hand over before it: the
old ones begin nothing more from the moment on at which new code may give them work that they do not know. Pure:
records in, steps out.
"""

from __future__ import annotations

from .actions.base import Action
from .actions.files import Link, Remove, Write
from .actions.front import ServeFront, StopFront
from .actions.programs import QuietPrograms, ShutDown, StartPrograms, StartSupervisor, StopPrograms
from .actions.web import AwaitReady, AwaitWorkers, Drain, SmokeTest, Watch
from .agent import AgentSpec
from .layout import Layout
from .plan import Failure, Phase, Step
from .release import BAD, EARLY, WORKERS, Release


def links_of(programs: str, app: str, identity: str) -> tuple[str, str]:
    """The files of a release in the include folder `programs`: what starts early, and the workers.

    They are two, so that no supervisord that starts again ever has the workers of two releases.
    """
    return f"{programs}/{app}-{identity}.conf", f"{programs}/{app}-{identity}-workers.conf"


def front_link(release: Release) -> str:
    return f"{release.control.programs}/{release.front.group}.conf"


def going_live(
    layout: Layout,
    new: Release,
    previous: Release | None,
    *,
    supervised: bool = True,
    agent: AgentSpec | None = None,
    key: str = "",
) -> tuple[Step, ...]:
    """From starting the new release's processes to its confirmation; any failure brings `previous` back.

    Where our own supervisord did not run before (`supervised` is False), a failure ends it again. `agent` is
    the new release's Django, where one is there to explain an error; `key` lets in while the site is closed.
    """
    return (
        start_processes(layout, new, supervised=supervised),
        wait_until_ready(layout, new, agent=agent),
        quiet_workers(layout, new, previous),
        start_workers(layout, new),
        switch(layout, new, previous),
        smoke_test(layout, new, key=key),
        watch(layout, new, key=key),
    )


def start_processes(layout: Layout, new: Release, *, supervised: bool) -> Step:
    """The new processes beside the old ones, on a socket of their own."""
    end = () if supervised else (ShutDown(new.control),)
    return Step(
        Phase.START.value,
        "start the processes",
        (StartSupervisor(new.control), *start_early(layout, new)),
        undo=(Drain(layout.socket(new.id), new.drain_seconds), stop_release(new), *end),
        failure=Failure("NotReady", "The processes of the new release do not start.", _log_of(layout, new)),
    )


def wait_until_ready(layout: Layout, new: Release, *, agent: AgentSpec | None) -> Step:
    """The server must answer the probe, what works beside it must run."""
    serving = tuple(program.group for program in new.programs if program.serves)
    beside = tuple(program.group for program in new.programs if program.beside)
    actions: tuple[Action, ...] = ()
    if serving:
        actions += (AwaitReady(layout.socket(new.id), new.probe, new.id, new.control.socket, serving, agent),)
    if beside:
        actions += (AwaitWorkers(new.control.socket, beside),)
    return Step(
        Phase.START.value,
        "wait until they answer",
        actions,
        failure=Failure("NotReady", "The new release does not work.", _log_of(layout, new)),
    )


def quiet_workers(layout: Layout, new: Release, previous: Release | None) -> Step:
    """The old workers take nothing more, and finish what they have begun; taken back, they start again after it."""
    name, names = "let the old workers take nothing more", {program.name: program for program in new.programs}
    if previous is None or previous.id == new.id:
        return Step(Phase.START.value, name, ())
    alone = tuple(
        old.group
        for old in previous.programs
        if not old.serves and (old.alone or (old.name in names and names[old.name].alone))
    )
    groups = tuple(dict.fromkeys((*previous.workers, *alone)))
    link = _links(previous)[1]
    quiet = QuietPrograms(previous.control.socket, link, groups, alone, patience(previous))
    return Step(
        Phase.START.value,
        name,
        (quiet,) if groups else (),
        undo=start_release(layout, previous) if groups else (),
        failure=Failure(
            "NotReady",
            "A program of the live release that runs alone does not end.",
            "Give it a longer STOP_TIMEOUT, or see with `deploy_logs` what it waits for.",
        ),
    )


def start_workers(layout: Layout, new: Release) -> Step:
    """The new workers, before any new code can give work to them. Taken back, they take nothing more at once; the
    start of the processes, taken back after it, waits for them.
    """
    control, groups = new.control.socket, new.workers
    alone = tuple(program.group for program in new.programs if program.alone)
    quiet = QuietPrograms(control, _links(new)[1], groups, alone, patience(new))
    return Step(
        Phase.HAND_OVER.value,
        "start the new workers",
        (*start_working(layout, new), AwaitWorkers(control, groups)) if groups else (),
        undo=(quiet,) if groups else (),
        failure=Failure(
            "NotReady",
            "The workers of the new release do not run.",
            f"{_log_of(layout, new)} One that was found and is not wanted: PROCESSES = {{NAME: None}}.",
        ),
    )


def switch(layout: Layout, new: Release, previous: Release | None) -> Step:
    """One rename of `current`. The front server is reloaded only where its configuration is another one."""
    return Step(
        Phase.SWITCH.value,
        "switch",
        (Link(layout.current, f"releases/{new.id}"), *serve_front(layout, new, instead_of=previous)),
        undo=_switch_back(layout, new, previous),
        failure=Failure("SwitchedBack", "The switch did not work, and the old release is live again."),
    )


def _switch_back(layout: Layout, new: Release, previous: Release | None) -> tuple[Action, ...]:
    if previous is None:
        return (*_stop_front(new), Remove((layout.current,)))
    return (Link(layout.current, f"releases/{previous.id}"), *serve_front(layout, previous, instead_of=new))


def serve_front(layout: Layout, release: Release, *, instead_of: Release | None = None) -> tuple[Action, ...]:
    """The front server of a release; none where visitors do not come, not even that of the release before."""
    if release.serves:
        conf = f"{layout.etc}/{release.front.group}.conf"
        return (ServeFront(release.front, release.control.socket, front_link(release), conf),)
    return _stop_front(instead_of) if instead_of else ()


def _stop_front(release: Release) -> tuple[Action, ...]:
    return (StopFront(release.front, release.control.socket, front_link(release)),) if release.serves else ()


def smoke_test(layout: Layout, new: Release, *, key: str = "") -> Step:
    """The page of the probe, as a visitor gets it; a release that fails here or later is marked bad."""
    return Step(
        Phase.CONFIRM.value,
        "smoke test",
        (SmokeTest(new.front, new.probe, new.id, key=key),) if new.serves else (),
        undo=(_mark_bad(layout, new),),
        failure=Failure("SwitchedBack", "The new release failed behind the front server; the old one is back."),
    )


def watch(layout: Layout, new: Release, *, key: str = "") -> Step:
    """Some seconds of requests before the old release is let go; of workers only whether they run."""
    groups = new.groups
    return Step(
        Phase.CONFIRM.value,
        "watch",
        (Watch(new.front, new.probe, new.id, new.control.socket, groups, new.watch_seconds, key=key),),
        undo=() if new.serves else (_mark_bad(layout, new),),
        failure=Failure("SwitchedBack", "The new release failed while it was watched; the old one is back."),
    )


def stop_previous(layout: Layout, new: Release, previous: Release | None) -> Step:
    """Nobody new reaches the old processes; they are stopped when nobody is left in them."""
    if previous is None or previous.id == new.id:
        return Step(Phase.FINISH.value, "drain and stop the previous release", ())
    return Step(
        Phase.FINISH.value,
        "drain and stop the previous release",
        (Drain(layout.socket(previous.id), previous.drain_seconds), stop_release(previous)),
    )


def stop_release(release: Release) -> StopPrograms:
    return StopPrograms(release.control.socket, _links(release), release.groups, patience(release))


def patience(release: Release) -> float:
    """Seconds to wait for a stop: supervisord itself kills after the longest stopwaitsecs."""
    return max((program.stop_seconds for program in release.programs), default=0.0) + 10.0


def _log_of(layout: Layout, new: Release) -> str:
    return f"Its log is kept until the next deployment: {layout.release_log(new.id)}/."


def start_release(layout: Layout, release: Release) -> tuple[StartPrograms, ...]:
    """All programs of a release; what runs already is left alone."""
    return (*start_early(layout, release), *start_working(layout, release))


def start_early(layout: Layout, release: Release) -> tuple[StartPrograms, ...]:
    """What works beside the programs of another release."""
    return _start(layout, release, EARLY, release.early)


def start_working(layout: Layout, release: Release) -> tuple[StartPrograms, ...]:
    """The workers, whose predecessors take nothing more."""
    return _start(layout, release, WORKERS, release.workers)


def _start(layout: Layout, release: Release, conf: str, groups: tuple[str, ...]) -> tuple[StartPrograms, ...]:
    link = dict(zip((EARLY, WORKERS), _links(release), strict=True))[conf]
    path = f"{layout.release(release.id)}/etc/{conf}"
    return (StartPrograms(release.control.socket, link, path, groups, patience(release)),) if groups else ()


def _links(release: Release) -> tuple[str, str]:
    return links_of(release.control.programs, release.app, release.id)


def _mark_bad(layout: Layout, release: Release) -> Write:
    why = "it failed the smoke test or the watch after the switch"
    return Write(f"{layout.release(release.id)}/{BAD}", f"{why}\n")
