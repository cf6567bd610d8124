"""A host as it is before anything was deployed to it."""

from __future__ import annotations

from ..core.state import HostState


def nothing_there(root: str = "/srv/site") -> HostState:
    """The state of a host on which nothing was ever deployed, with nginx and 100 GB of room on it."""
    return HostState(
        root=root,
        exists=False,
        current="",
        releases=(),
        live_answers=False,
        processes=None,
        unfinished=(),
        leftovers=(),
        envs=(),
        tools=False,
        variables=False,
        disk_free=100_000_000_000,
        files_free=1_000_000,
        port_holder="",
        host="web1",
        user="deploy",
        uid=1000,
        front_user="",
        boot="cron",
        boot_installed=False,
        programs={"nginx": "/usr/sbin/nginx"},
        ipv6=True,
        python="/usr/bin/python3",
        interpreter="cpython-3.12.1-linux-x86_64",
    )
