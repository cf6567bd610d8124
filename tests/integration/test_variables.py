"""Variables of a live site are changed while visitors come, and every process and shell of it sees the same."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from . import processes
from .order import expect_in_order
from .probing import SOME, no_request_lost
from .site import Site

ODD = {"ODD": "'\"\\$HOME `id` $(id) #!%;& \u00e9\\", "QUOTED": '"in \\ quotes"', "LONG": "x" * 65536}
SHELLS = ("sh", "dash", "bash", "zsh")
SHOW = "import os; print(os.environ['ODD'], os.environ['QUOTED'], os.environ['SECRET_KEY'], len(os.environ['LONG']))"


def test_variables_are_changed_seen_everywhere_and_go_back_with_the_release(site: Site) -> None:
    site.target["KEEP"] = 10  # what is gone back to is not to be removed
    before, kept = site.current, (site.root / "shared/.env").read_bytes()
    with no_request_lost(site, SOME):
        site.manage("deploy_env", "set", *(f"{name}={value}" for name, value in ODD.items()))
    expect_in_order(site, live=site.current, status="succeeded")
    journal = site.journals[0]
    assert (journal["kind"], journal["options"]["variables"]) == (
        "restart",
        {"new": ["LONG", "ODD", "QUOTED"], "changed": [], "gone": []},
    )
    assert (site.root / "shared/.env.previous").read_bytes() == kept
    _expect_everywhere(site)

    with no_request_lost(site, SOME):
        site.manage("deploy_rollback")
    expect_in_order(site, live=before, status="succeeded")
    assert (site.root / "shared/.env").read_bytes() == kept
    assert _in_shell(site, "sh", 'echo "${ODD-none}"').stdout == "none\n"
    assert site.manage("deploy_env", "diff").stdout == "+ LONG\n+ ODD\n+ QUOTED\n"


def _expect_everywhere(site: Site) -> None:
    key = (site.project / ".env").read_text().partition("SECRET_KEY=")[2].partition("\n")[0]
    line = f"{ODD['ODD']} {ODD['QUOTED']} {key} 65536\n"
    by_manage = subprocess.run(
        (f"{site.root}/bin/manage", "shell", "--no-imports", "-c", SHOW), capture_output=True, text=True, env={}
    )
    assert (by_manage.stdout, by_manage.stderr) == (line, "")
    for shell in SHELLS:
        seen = _in_shell(site, shell, f'python -c "{SHOW}"')
        assert (shell, seen.stdout, seen.stderr) == (shell, line, "")
    checked = _in_shell(site, "sh", f"cd / && python {site.root}/current/source/manage.py check")  # a line of cron
    assert (checked.returncode, checked.stdout) == (0, "System check identified no issues (0 silenced).\n")
    served = [pid for pid in processes.belonging_to(site.folder) if "gunicorn" in processes.command_line(pid)]
    wanted = {f"{name}={value}".encode() for name, value in ODD.items()}
    assert served != []
    assert [wanted <= set(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")) for pid in served] == [True] * len(
        served
    )
    modes = {path.name: path.stat().st_mode & 0o777 for path in (site.root / "shared").glob(".env*")}
    assert modes == {".env": 0o600, ".env.previous": 0o600}
    assert not any("x" * 999 in processes.command_line(pid) for pid in processes.belonging_to(site.folder))
    generated = [path for path in Path(site.root, "current/etc").rglob("*") if path.is_file()]
    assert [path for path in generated if b"x" * 999 in path.read_bytes()] == []


def _in_shell(site: Site, shell: str, line: str) -> subprocess.CompletedProcess[str]:
    """A command as cron runs it: with an environment that is all but empty, in the home folder."""
    words = (shell, "-c", f". {site.root}/bin/env.sh && {line}")
    home = {"HOME": os.environ["HOME"], "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"}
    return subprocess.run(words, capture_output=True, text=True, env=home, cwd="/")
