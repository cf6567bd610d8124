"""The host's own script, `<root>/bin/selfdeploy`: works with the database down and settings that do not import."""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import Any, cast

from . import distance, events, lock, power, records, rollback, state
from .actions.base import ActionFailed, World
from .actions.files import Remove
from .errors import DeployError, HostError, NothingThere
from .executor import of_system
from .journal import Journal, new_id, newest
from .layout import Layout
from .session import Session
from .status import status


def main(argv: list[str]) -> int:
    """Do what `argv` asks for and print what comes of it; the exit code."""
    records.load()
    parser = _parser()
    options = parser.parse_args(argv)
    layout = Layout(os.path.abspath(options.root))
    commands = {"status": _status, "rollback": _rollback, "unlock": _unlock, "start": _start, "stop": _stop}
    try:
        return commands[options.command](layout, options)
    except (DeployError, ActionFailed) as error:
        print(error)  # noqa: T201 - this is the script's output
        return getattr(error, "exit_code", 1)
    except OSError as error:
        print(of_system(options.command, error))  # noqa: T201
        return HostError.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="selfdeploy", description=__doc__)
    parser.add_argument("--root", required=True, help=argparse.SUPPRESS)
    parser.add_argument("command", choices=("status", "rollback", "unlock", "start", "stop"))
    parser.add_argument("--to", default="", metavar="ID", help="rollback: the release to go to")
    code_only = "rollback: though the release may not work with the database as it is now"
    parser.add_argument("--code-only", action="store_true", help=code_only)
    parser.add_argument("--kill", action="store_true", help="unlock: end the deployment that holds the lock")
    parser.add_argument("--lock-wait", type=float, default=60.0, metavar="SECONDS")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _look(layout: Layout) -> state.HostState:
    """The state by way of what the live release says of its supervisord."""
    live = state.read_release(layout.current)
    return state.look(layout, control=live.control.socket if live else "")


def _status(layout: Layout, options: argparse.Namespace) -> int:
    found = status(layout, _look(layout))
    print(json.dumps(found, indent=2) if options.json else as_text(found))  # noqa: T201
    return 0 if found["healthy"] else 1


def as_text(found: dict[str, Any]) -> str:
    """The status for people, a line for each fact."""
    release = found["release"]
    named = f"{release['id']} {release['subject']}".strip() if release else "none"
    lines = [f"release   {named}", f"url       {found['url'] or '-'}"]
    lines += [f"healthy   {'yes' if found['healthy'] else 'NO'}", f"front     {found['front'] or '-'}"]
    for row in found["processes"]:
        memory = row["memory"] / 1e6
        lines.append(
            f"process   {row['program']}  {row['state']}  pid {row['pid'] or '-'}  up {row['uptime']:.0f} s  "
            f"cpu {row['cpu']} %  memory {memory:.0f} MB"
        )
    lines.append(f"reboot    {found['after_reboot']}")
    if found["lock"]:
        lines.append(f"locked    {lock.described(found['lock'])}")
    lines += [f"broken    deployment {name} was interrupted" for name in found["interrupted"]]
    for story in found["deployments"]:
        error = f"  {story['error']}" if story["error"] else ""
        lines.append(f"history   {story['id']}  {story['kind']}  {story['release']}  {story['status']}{error}")
    return "\n".join(lines)


def _rollback(layout: Layout, options: argparse.Namespace) -> int:
    held = lock.Lock(layout)
    identity = new_id()
    about = {"kind": "rollback", "who": os.environ.get("USER", "?"), "deployment": identity, "release": ""}
    held.take(about, wait=options.lock_wait, tell=print)
    found = _look(layout)
    plan = rollback.rollback_plan(layout, found, to=options.to)
    way = distance.distance(layout, to=plan.release, live=found.current, folder=layout.backups)
    rollback.way_back(way, to=plan.release, code_only=options.code_only, migrations=False)
    story = {"id": identity, "kind": "rollback", "target": "", "release": plan.release, "who": about["who"]}
    journal = Journal(layout, {**story, "previous": found.current, "host": _own_name(layout, found)})
    session = Session(
        deployment=identity,
        listener=_said,
        journal=journal,
        lock=held,
        fetch=lambda wanted: iter(()),
        began=time.monotonic(),
    )
    return rollback.by_hand(session, journal, plan)


def _own_name(layout: Layout, found: state.HostState) -> str:
    """What deployments call this host, so that records do not know it under two names; else its own name."""
    told = next(iter(newest(layout, 1)), {})
    return str(told.get("host") or found.host)


def _unlock(layout: Layout, options: argparse.Namespace) -> int:
    content = lock.break_free(layout, kill=options.kill)
    if options.json:
        print(json.dumps({"holder": content, "killed": options.kill and content is not None}))  # noqa: T201
        return 0
    if content is None:
        print("Nobody holds the lock.")  # noqa: T201
        return 0
    print(f"{'Ended' if options.kill else 'The lock is held by'} {lock.described(content)}.")  # noqa: T201
    return 0


def _start(layout: Layout, options: argparse.Namespace) -> int:
    live = state.read_release(layout.current)
    if live is None:
        raise NothingThere(f"Nothing is live in {layout.root!r}.", hint="Deploy first: `manage.py deploy`.")
    actions = power.starting_processes(layout, live)
    if others := state.others_running(live):
        actions = tuple(action for action in actions if getattr(action, "groups", ()) != live.workers)
        print(f"Workers are left as they are: {', '.join(others)} run. `manage.py deploy_start` clears them.")  # noqa: T201
    for action in (*actions, Remove((layout.window,))):
        action.do(_nobody())
    return 0


def _stop(layout: Layout, options: argparse.Namespace) -> int:
    live = state.read_release(layout.current)
    for step in power.stopping(layout, live) if live else ():
        for action in step.actions:
            action.do(_nobody())
    return 0


def _said(event: events.Event) -> None:
    """A line for each thing that happened; output of commands as it comes."""
    if isinstance(event, events.StepFinished):
        print(f"  {event.status:<6} {event.name}  {event.seconds:.1f} s  {event.note}".rstrip())  # noqa: T201
    elif isinstance(event, events.Warned):
        print(f"warning: {event.text}")  # noqa: T201
    elif isinstance(event, events.Undoing):
        print(f"taking back: {event.reason}")  # noqa: T201
    elif isinstance(event, events.Live):
        print(f"live after {event.seconds:.1f} s: {event.release}")  # noqa: T201


class _Nobody:
    """A world for actions that need none of it."""

    deployment = ""
    lock_handle = None
    answers: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return lambda *args: None


def _nobody() -> World:
    return cast("World", _Nobody())
