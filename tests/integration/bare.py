"""A bare host: what a distribution installs first, and no more; its apt gets packages from a folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .controller import run
from .hosts import Host
from .packages import PLACE, Packages

UNWANTED = ("nginx*", "libnginx-mod-*", "cron", "logrotate")
"""Packages that this machine may have and a bare host does not."""

WANTED = ("nginx", "nginx-common", "logrotate", "cron")

SOURCE = f"deb [trusted=yes] file:{PLACE}/debs ./\n"


def gather_debs(packages: Packages) -> None:
    """Fetch the packages, from where this machine's apt has them, into a folder that apt takes as a repository."""
    debs = packages.folder / "debs"
    (debs / "partial").mkdir(parents=True)
    place = ("-o", f"Dir::Cache::archives={debs}", "-o", "APT::Sandbox::User=root", "-o", "Debug::NoLocking=1")
    run("apt-get", "-qq", "-y", "--download-only", "--reinstall", "--no-install-recommends", *place, "install", *WANTED)
    (debs / "Packages").write_text("\n".join(map(_entry, sorted(debs.glob("*.deb")))))
    for path in debs.iterdir():
        path.chmod(0o755)


def _entry(deb: Path) -> str:
    """A package in the index of a repository (deb-src-control(5), repository format)."""
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    return (
        f"{run('dpkg-deb', '--field', str(deb))}Filename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {digest}\n"
    )


def make_bare(host: Host) -> None:
    """Take away the user who deploys, and what only a prepared host has."""
    host.run("userdel", "--remove", "deploy", user="root")
    purge = "dpkg-query -Wf '${db:Status-Abbrev} ${Package}\\n' \"$@\" 2>/dev/null | sed -n 's/^i. *//p' | xargs -r dpkg --purge"
    host.run("sh", "-c", purge, "sh", *UNWANTED, user="root")
    host.run(
        "sh", "-c", "rm -rf /etc/apt/sources.list.d/* && cat >/etc/apt/sources.list", user="root", stdin=SOURCE.encode()
    )
    host.run("mount", "-o", "remount,bind,rw", "/proc/sys", user="root")  # of this it sees its own network's only
