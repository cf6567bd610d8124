"""How a root fares: release, processes, health, last deployments. Works with no Django at all."""

from __future__ import annotations

import time
from typing import Any

from . import journal, lock, probe, processes
from .layout import Layout
from .release import Release
from .state import HostState
from .supervisor import ALIVE, Process


def status(layout: Layout, state: HostState, *, deployments: int = 5) -> dict[str, Any]:
    """The status as plain values, described in docs/reference/json.md. `healthy` decides the exit code."""
    live = state.live
    front = _ask_front(live)
    running = [_row(process) for process in _ours(state, live)]
    expected = set(live.groups) if live else set()
    up = {row["program"] for row in running if row["state"] in ALIVE}
    return {
        "root": layout.root,
        "release": _release(live),
        "url": live.url if live else "",
        "healthy": bool(live) and state.live_answers and front is None and expected <= up,
        "answers": state.live_answers,
        "front": front or "ok" if live else "",
        "supervisor": state.processes is not None,
        "processes": running,
        "after_reboot": _after_reboot(state, live),
        "lock": lock.holder(layout),
        "interrupted": list(state.unfinished) if lock.holder(layout) is None else [],
        "deployments": [_story(story) for story in journal.newest(layout, deployments)],
    }


def _release(live: Release | None) -> dict[str, str] | None:
    if live is None:
        return None
    return {"id": live.id, "commit": live.commit, "subject": live.subject, "created": live.created}


def _ask_front(live: Release | None) -> str | None:
    """None when a visitor gets the live release, else a sentence."""
    if live is None:
        return "nothing is deployed"
    if not live.serves:
        return None
    found = probe.ask(live.front.address, live.probe, live.id, front=True)
    return None if found.works else found.trouble


def _ours(state: HostState, live: Release | None) -> list[Process]:
    prefix = f"{live.app}-" if live else ""
    return [process for process in state.processes or () if process.group.startswith(prefix)]


def _row(process: Process) -> dict[str, Any]:
    """`cpu` is the mean share of one core since the start in percent, `memory` resident bytes, children included."""
    up = max(0.0, time.time() - process.started) if process.pid else 0.0
    used = processes.usage(process.pid) if process.pid else processes.Usage(0.0, 0, 0)
    return {
        "program": process.group,
        "state": process.state,
        "pid": process.pid or None,
        "uptime": round(up, 1),
        "cpu": round(100 * used.cpu / up, 1) if up else 0.0,
        "memory": used.memory,
        "processes": used.processes,
        "trouble": process.trouble,
    }


def _after_reboot(state: HostState, live: Release | None) -> str:
    if live is not None and not live.control.own:
        return "starts again, with the machine's supervisord"
    if state.boot_installed:
        return "starts again"
    return "does not start again" if state.boot else "does not start again: this machine has no cron"


def _story(story: dict[str, Any]) -> dict[str, Any]:
    keys = ("id", "kind", "release", "commit", "who", "status", "started", "seconds", "live_after")
    row = {key: story.get(key) for key in keys}
    error = story.get("error")
    return {**row, "error": error["message"].partition("\n")[0] if error else ""}
