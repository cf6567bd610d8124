"""A bare host is prepared once, as root or by the script, and then an ordinary user deploys there."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import bare
from .controller import Controller
from .fleet import ALIAS, Fleet
from .hosts import Host
from .network import Network
from .packages import Packages, gather
from .scratch import claimed_folder
from .waiting import PATIENCE

NAME = "website"
ROOT = f"/srv/{NAME}"
HELPER = f"/usr/local/sbin/selfdeploy-{NAME}-nginx"
MACHINES = {"FRONT": {"BACKEND": "nginx", "OPTIONS": {"scope": "system"}}, "PORT": 8080}
BIND = "import socket; socket.create_server(('0.0.0.0', 81))"


@pytest.fixture(scope="module")
def packages(network: Network, wheel: Path) -> Iterator[Packages]:
    """Of its own: the user who is made here has another number, and may not write to the caches of the usual one."""
    with claimed_folder() as folder:
        packages = gather(folder, wheel, users=("root", "deploy"))
        bare.gather_debs(packages)
        yield packages


@pytest.fixture(scope="module")
def fleet(controller: Controller, network: Network, packages: Packages) -> Iterator[Fleet]:
    fleet = Fleet(
        controller, network, packages, names=("web1", "web2"), NAME=NAME, ROOT="", PORT=81, START_AT_BOOT=True
    )
    try:
        fleet.site.lay_down(env={"ALLOWED_HOSTS": "localhost,127.0.0.1"})
        for host in fleet.hosts.values():
            bare.make_bare(host)
        yield fleet
    finally:
        fleet.close()


def test_a_bare_host_is_prepared_and_an_ordinary_user_deploys(fleet: Fleet) -> None:
    host, other = fleet["web1"], fleet["web2"]
    _it_is_prepared(fleet, host)
    _the_script_does_the_same(fleet, host, other)
    fleet.site.target |= MACHINES
    _the_machines_nginx_is_shared(fleet, host)
    _the_script_does_the_same(fleet, host, other)
    fleet.deploy("--hosts", "web1")
    live = host.run("readlink", f"{ROOT}/current").strip()
    assert f"releases/{host.get('/release/', port=8080).text.strip()}" == live
    assert host.get("/static/admin/css/base.css", port=8080).status == 200
    assert host.run("find", ROOT, "!", "-user", "deploy", user="root") == ""
    _the_helper_does_nothing_else(host)
    _links_lead_nowhere(host)
    _logs_are_rotated_as_the_user(host)


def setup(fleet: Fleet, *words: str) -> str:
    return str(fleet.site.manage("deploy_setup", ALIAS, *words).stdout)


def _it_is_prepared(fleet: Fleet, host: Host) -> None:
    before = bare.traces(host)
    assert "1. install packages" in setup(fleet, "--hosts", "web1", "--dry-run")
    assert sorted(bare.traces(host) ^ before) == []
    told = setup(fleet, "--hosts", "web1")
    assert [line.removeprefix("changed: ") for line in told.splitlines() if line.startswith("changed: ")] == [
        "install nginx, logrotate, cron",
        "make the user deploy",
        "let 1 key log in as deploy",
        f"make the folder {ROOT} of deploy",
        "let ordinary users listen from port 81 on",
        f"write /etc/logrotate.d/selfdeploy-{NAME}",
        "start the service cron",
    ]
    assert told.endswith(f"Next: python manage.py deploy {ALIAS}\n")
    after = bare.traces(host)
    assert "Nothing changed." in setup(fleet, "--hosts", "web1")
    assert "Nothing to do: everything is there." in setup(fleet, "--hosts", "web1", "--dry-run")
    assert sorted(bare.traces(host) ^ after) == []
    assert "nginx" not in after, "the package's own nginx must not take the port"
    host.run("python3", "-c", BIND)
    assert fleet.ssh_home.ssh("web1", "whoami").stdout == "deploy\n"


def _the_script_does_the_same(fleet: Fleet, host: Host, other: Host) -> None:
    script = fleet.site.manage("deploy_setup", ALIAS, "--script").stdout.encode()
    first = other.run("sh", "-s", user="root", stdin=script)
    assert first.count("changed: ") > 3
    assert sorted(bare.traces(other) ^ bare.traces(host)) == []
    assert other.run("sh", "-s", user="root", stdin=script) == "Nothing changed.\n"
    assert sorted(bare.traces(other) ^ bare.traces(host)) == []


def _the_machines_nginx_is_shared(fleet: Fleet, host: Host) -> None:
    refused = fleet.deploy("--hosts", "web1", check=False)
    assert refused.returncode == 4
    assert f"The machine's nginx is root's on 'web1', and '{HELPER}' is not there." in refused.stderr
    assert f"changed: write {HELPER}\n" in setup(fleet, "--hosts", "web1")
    assert "Nothing changed." in setup(fleet, "--hosts", "web1", "--user", "ann", "--sudo")
    assert "parsed OK" in host.run("visudo", "-c", user="root")
    assert host.run("sudo", "-n", "-l").count(HELPER) == 3


def _the_helper_does_nothing_else(host: Host) -> None:
    path = f"/etc/nginx/conf.d/{NAME}.conf"
    live = host.run("cat", path)
    assert host.run("sh", "-c", "sudo -n id 2>&1 || true").startswith("sudo: a password is required")
    for words in (HELPER, f"{HELPER} install /etc/shadow", f"env X=1 {HELPER} install", f"-u www-data {HELPER} remove"):
        assert "sudo: " in host.run("sh", "-c", f"sudo -n {words} </dev/null 2>&1 || true")
    evil = f"{live}error_log /etc/cron.d/job;\n"
    told = host.run("sh", "-c", f"sudo -n {HELPER} install 2>&1 || true", stdin=evil.encode())
    assert told == "The directive 'error_log /etc/cron.d/job' is none that is generated for this site.\n"
    assert host.run("cat", path) == live
    assert host.run("sh", "-c", f"PYTHONPATH=/tmp sudo -n {HELPER} install 2>&1", stdin=live.encode()) == ""


def _links_lead_nowhere(host: Host) -> None:
    """What nginx may read, and the user may not, is not to be had by a link."""
    host.run("sh", "-c", "echo secret >/srv/secret && chown www-data /srv/secret && chmod 400 /srv/secret", user="root")
    for folder, url in ((f"{ROOT}/current/public/static", "/static"), (f"{ROOT}/shared/media", "/media")):
        host.run("ln", "-sfn", "/srv/secret", f"{folder}/link.txt")
        assert host.get(f"{url}/link.txt", port=8080).status in (403, 404)
        host.run("rm", f"{folder}/link.txt")


def _logs_are_rotated_as_the_user(host: Host) -> None:
    """nginx, here played by a process that waits for its signal, is told to open its log anew."""
    wait = "import os, signal as s; s.pthread_sigmask(s.SIG_BLOCK, {s.SIGUSR1}); print(os.getpid(), flush=True)"
    words = (*host.enter("deploy"), "python3", "-c", f"{wait}; s.sigwait({{s.SIGUSR1}})")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as nginx:
        assert nginx.stdout is not None
        pid = nginx.stdout.readline()
        host.run("sh", "-c", f"cat >{ROOT}/run/nginx.pid && echo line >{ROOT}/log/access.log", stdin=pid.encode())
        host.run("/usr/sbin/logrotate", "--force", f"/etc/logrotate.d/selfdeploy-{NAME}", user="root")
        assert nginx.wait(PATIENCE) == 0
    assert host.run("stat", "-c", "%U", f"{ROOT}/log/access.log.1") == "deploy\n"
    assert host.run("cat", f"{ROOT}/log/access.log.1") == "line\n"
