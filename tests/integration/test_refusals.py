"""What is refused before anything happens: the exit code, the sentence, what to do next, and nothing changed."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest

from .conftest import SBIN, MakeSite
from .order import expect_in_order
from .site import Site


def refused(site: Site, *words: str, code: int, message: str) -> None:
    """The deployment ends with this code and, on the error stream, exactly this message."""
    done = site.deploy(*words, check=False)
    assert (done.returncode, done.stderr) == (code, f"CommandError: {message}\n"), done.stdout


def test_a_setting_that_nobody_knows(site: Site) -> None:
    site.target["WACH"] = 3
    refused(site, code=3, message="SELFDEPLOY['default'] has the unknown key 'WACH'.\nDid you mean 'WATCH'?")
    expect_in_order(site, live=site.current)


def test_a_target_that_nobody_knows(site: Site) -> None:
    refused(site, "defualt", code=3, message="SELFDEPLOY has no target 'defualt'.\nDid you mean 'default'?")
    expect_in_order(site, live=site.current)


def test_an_option_that_nobody_knows(site: Site) -> None:
    done = site.deploy("--forse", check=False)
    assert done.returncode == 2
    assert done.stderr.endswith("manage.py deploy: error: unrecognized arguments: --forse\n")
    expect_in_order(site, live=site.current)


def test_changes_that_are_not_committed(site: Site) -> None:
    site.write("pages/tide.py", "tide = 'low'\n")
    site.append("pages/views.py", "\n# tide\n")
    hint = "Commit them (git add -A && git commit), or deploy the work tree as it is with --allow-dirty."
    refused(site, code=5, message=f"Not everything is committed: 'pages/tide.py', 'pages/views.py'.\n{hint}")
    expect_in_order(site, live=site.current)
    site.deploy("--allow-dirty")
    expect_in_order(site, live=site.current, status="succeeded")
    assert site.journals[0]["dirty"] is True
    assert (site.root / "current/source/pages/tide.py").exists()


def test_a_commit_that_is_not_there(site: Site) -> None:
    done = site.deploy("--commit", "v9", check=False)
    assert done.returncode == 5
    assert "'v9'" in done.stderr.splitlines()[0]
    expect_in_order(site, live=site.current)


def test_a_port_that_is_taken(make_site: MakeSite) -> None:
    site = make_site()
    with socket.create_server(("127.0.0.1", site.port)):
        done = site.deploy(check=False)
    assert done.returncode == 4
    first, hint = done.stderr.splitlines()
    assert first.startswith(f"CommandError: Port {site.port} is taken by `")
    assert first.endswith(f"(pid {os.getpid()}).")
    assert hint == 'Stop it, or choose another port: SELFDEPLOY = {"default": {"PORT": 8001}}.'
    _is_untouched(site)


def test_a_root_too_long_for_a_socket(make_site: MakeSite) -> None:
    site = make_site()
    root = f"{site.folder}/{'r' * 60}"
    site.root = Path(root)
    site.target["ROOT"] = root
    path = f"{root}/releases/20260101-000000-12345678/app.sock"
    message = f'The path {path!r} has {len(path)} bytes, and a socket\'s path may have 107.\nChoose a shorter "ROOT".'
    refused(site, code=4, message=message)
    _is_untouched(site)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hide a program of the machine")
def test_a_program_that_is_not_installed(make_site: MakeSite) -> None:
    site = make_site()
    nginx = shutil.which("nginx") or shutil.which("nginx", path=SBIN)
    hidden = f'mount --bind /dev/null {os.path.realpath(str(nginx))} && exec "$@"'
    words = ("unshare", "--mount", "sh", "-c", hidden, "sh", site.controller.python, "manage.py", "deploy")
    done = site.call(*words, check=False)
    message = (
        f"The program 'nginx' is not on {socket.gethostname()!r}.\n"
        "`manage.py deploy_setup`, run once as root, installs it, or `apt-get install nginx`; then deploy again.\n"
    )
    assert (done.returncode, done.stderr) == (4, f"CommandError: {message}")
    _is_untouched(site)


def _is_untouched(site: Site) -> None:
    """No release, no environment, no process; then it deploys, so nothing else is in the way either."""
    assert site.current == ""
    assert site.lock_is_free
    assert site.journals[0]["status"] == "failed"
    assert not (site.root / "releases").exists()
    assert not (site.root / "envs").exists()
    assert site.groups == {}
