"""A bare host: what a distribution installs first, and no more; its apt gets packages from a folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .controller import run
from .hosts import Host
from .packages import PLACE, Packages

UNWANTED = ("nginx", "nginx-light", "nginx-common", "libnginx-mod-*", "cron", "logrotate")
"""Packages that this machine may have, and that a bare host has not."""

WANTED = ("nginx", "nginx-common", "logrotate", "cron")

SOURCE = f"deb [trusted=yes] file:{PLACE}/debs ./\n"

BARE = """\
userdel --remove deploy 2>/dev/null
useradd --create-home --password '*' ann
(umask 337 && echo 'ann ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ann)
cp -r /root/.ssh ~ann/ && chown -R ann: ~ann/.ssh
dpkg-query -Wf '${db:Status-Abbrev} ${Package}\\n' "$@" 2>/dev/null | sed -n 's/^i. *//p' |
    xargs -r dpkg --force-depends --purge >/dev/null 2>&1
rm -rf /etc/apt/sources.list.d/*
cat >/etc/apt/sources.list
touch /bare
mount -o remount,bind,rw /proc/sys  # of what is written, a host sees its own network's part
"""


def gather_debs(packages: Packages) -> None:
    """Fetch the packages, from where this machine's apt has them, into a folder that apt takes as a repository."""
    debs = packages.folder / "debs"
    (debs / "partial").mkdir(parents=True)
    place = ("-o", f"Dir::Cache::archives={debs}", "-o", "APT::Sandbox::User=root", "-o", "Debug::NoLocking=1")
    fetch = ("apt-get", "-qq", "-y", "--download-only", "--reinstall", "--no-install-recommends", *place)
    run(*fetch, "install", *WANTED)
    (debs / "Packages").write_text("\n".join(map(_entry, sorted(debs.glob("*.deb")))))
    for path in (debs, *debs.iterdir()):
        path.chmod(0o755)


def _entry(deb: Path) -> str:
    """A package in the index of a repository."""
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    about = run("dpkg-deb", "--field", str(deb))
    return f"{about}Filename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {digest}\n"


LOOK = """\
cd /
find etc srv home usr/local/sbin -cnewer /bare ! -path 'srv/*/*' ! -name '*-' ! -path '*/.cache*' ! -name 'selfdeploy-test-*' >/tmp/found
while read -r path; do
    stat -c '%A %U %G %N' "$path"
    if [ -f "$path" ] && [ "$path" != etc/shadow ]; then sha256sum "$path"; fi
done </tmp/found
getent passwd; getent group; cut -d: -f1,2 etc/shadow
cat /proc/sys/net/ipv4/ip_unprivileged_port_start
ps -eo comm= | sort -u | grep -E '^(nginx|cron)$' || true
"""
"""Of files only what came or was changed since the host was made bare: whether other tests of this machine leave
something in /etc meanwhile is not the question.
"""


def make_bare(host: Host) -> None:
    """Take away the user who deploys, and what only a prepared host has; ann may log in, and use sudo."""
    host.run("sh", "-c", BARE, "sh", *UNWANTED, user="root", stdin=SOURCE.encode())


def traces(host: Host) -> set[str]:
    """What a preparation leaves on a host: kind, mode, owner and content of files; users, groups and services."""
    return set(host.run("sh", "-c", LOOK, user="root").splitlines())
