"""Facts of the machine itself: its programs, its users, how it starts things again, who holds a port."""

from __future__ import annotations

import os
import platform
import pwd
import shutil
import socket
import subprocess
import sys
import sysconfig

from . import processes
from .layout import Layout
from .supervisor import Process

SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where nginx and others are, and where an ordinary user's PATH does not look on Debian."""


USER_BIN = "~/.local/bin"
"""Where a user's own programs are, uv among them; a login that runs one command often does not look there."""


def find(name: str) -> str:
    """The path of a program, wherever programs of the system and of the user are; "" when it is not there."""
    places = (None, SBIN, os.path.expanduser(USER_BIN))
    return next(filter(None, (shutil.which(name, path=place) for place in places)), "")


def root_of(name: str) -> str:
    """The root of the site `name` where none is set: /srv/NAME for root, and for a user whom it was made for, as
    `deploy_setup` does; else ~/.local/share/selfdeploy/NAME.
    """
    prepared = f"/srv/{name}"
    if os.geteuid() == 0 or _owner(prepared) == os.geteuid():
        return prepared
    return os.path.expanduser(f"~/.local/share/selfdeploy/{name}")


def _owner(path: str) -> int | None:
    try:
        return os.lstat(path).st_uid
    except OSError:
        return None


def base_python() -> str:
    """The interpreter that runs this; where it is that of a virtualenv, the one behind it."""
    return getattr(sys, "_base_executable", "") or sys.executable


def interpreter() -> str:
    """What packages are built for: the kind, version and platform of this interpreter."""
    return f"{sys.implementation.name}-{platform.python_version()}-{sysconfig.get_platform()}"


def existing(path: str) -> str:
    """The nearest folder above `path`, or `path` itself, that is there."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path


def holder(port: int, running: tuple[Process, ...] | None) -> str:
    """Who holds the port, unless it is a program of our own supervisord or a child of one."""
    holder = processes.port_holder(port)
    if holder is None:
        return ""
    pid = processes.port_pid(port)
    ours = {process.pid for process in running or () if process.pid}
    if pid is not None and (pid in ours or processes.parent(pid) in ours):
        return ""
    return holder


def user() -> str:
    """The name of the user that works here."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def front_user() -> str:
    """For root: the unprivileged account that the front server's workers run as; "" for everybody else."""
    if os.geteuid() != 0:
        return ""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("www-data", "nginx", "http", "nobody") if name in names), "")


def boot() -> str:
    """How this host can start us again after a reboot: "systemd" (root only), "cron", or ""."""
    if os.path.isdir("/run/systemd/system") and os.geteuid() == 0:
        return "systemd"
    return "cron" if shutil.which("crontab") else ""


def unit_of(layout: Layout) -> str:
    """The path of our systemd unit: the root's path, escaped as systemd.unit(5) names things."""
    return f"/etc/systemd/system/selfdeploy-{layout.root.strip('/').replace('/', '-')}.service"


def boot_installed(layout: Layout) -> bool:
    """Whether our unit or crontab line is in place."""
    if os.path.exists(unit_of(layout)):
        return True
    if not shutil.which("crontab"):
        return False
    listed = subprocess.run(("crontab", "-l"), capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return f"@reboot {layout.bin}/selfdeploy start" in listed.stdout


def lowest_port() -> int:
    """The first port that an ordinary user may listen on (ip(7), ip_unprivileged_port_start)."""
    try:
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 1024


def ipv6() -> bool:
    """Whether this host can listen on IPv6."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as trial:
            trial.bind(("::1", 0))
    except OSError:
        return False
    return True
