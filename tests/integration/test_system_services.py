"""The machine's own nginx and supervisord, played by private ones: other sites' files are beside ours."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from django_selfdeploy.core.supervisor import Supervisor

from . import processes
from .controller import Controller
from .probing import SOME, no_request_lost
from .site import Site
from .waiting import until

NGINX = """
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/conf.d/*.conf;
}}
"""
SUPERVISORD = """
[unix_http_server]
file={folder}/supervisor.sock
[supervisord]
logfile={folder}/supervisord.log
pidfile={folder}/supervisord.pid
childlogdir={folder}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[include]
files={folder}/programs/*.conf
"""


class Machine:
    """A machine with an nginx and a supervisord that know nothing of us."""

    def __init__(self, site: Site) -> None:
        self.folder = site.folder / "etc"
        self._python = site.controller.python
        for name in ("conf.d", "programs"):
            (self.folder / name).mkdir(parents=True)

    def start(self) -> None:
        user = "user www-data;" if os.geteuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(NGINX.format(folder=self.folder, user=user))
        (self.folder / "supervisord.conf").write_text(SUPERVISORD.format(folder=self.folder))
        subprocess.run(self.nginx(), check=True, capture_output=True)
        supervisord = (self._python, "-m", "supervisor.supervisord", "-c", f"{self.folder}/supervisord.conf")
        subprocess.run(supervisord, check=True, capture_output=True, cwd="/")
        until((self.folder / "supervisor.sock").exists, what="supervisord starts")

    def nginx(self, *words: str) -> tuple[str, ...]:
        return ("/usr/sbin/nginx", "-c", f"{self.folder}/nginx.conf", *words)

    def target(self) -> dict[str, object]:
        """Keys of SELFDEPLOY that lead to this machine's services."""
        front = {
            "scope": "system",
            "include": f"{self.folder}/conf.d",
            "check_command": [*self.nginx("-t", "-q")],
            "reload_command": [*self.nginx("-s", "reload")],
        }
        manager = {"scope": "system", "socket": f"{self.folder}/supervisor.sock", "include": f"{self.folder}/programs"}
        return {
            "FRONT": {"BACKEND": "nginx", "OPTIONS": front},
            "PROCESS_MANAGER": {"BACKEND": "supervisor", "OPTIONS": manager},
        }

    def groups(self) -> set[str]:
        """What its supervisord runs."""
        return {process.group for process in Supervisor(f"{self.folder}/supervisor.sock").processes()}

    def files(self) -> dict[str, str]:
        """What is included, by name, and where the links lead."""
        places = (path for name in ("conf.d", "programs") for path in (self.folder / name).iterdir())
        return {path.name: os.readlink(path) if path.is_symlink() else path.read_text() for path in places}


@pytest.fixture
def site(controller: Controller) -> Iterator[Site]:
    site = Site(controller, WATCH=0.5)
    site.lay_down()
    yield site
    processes.end_all(site.folder)
    site.close()


@pytest.fixture
def machine(site: Site) -> Machine:
    machine = Machine(site)
    machine.start()
    site.target.update(machine.target())
    return machine


def test_deploying_beside_others_loses_no_request(site: Site, machine: Machine) -> None:
    (machine.folder / "conf.d/other.conf").write_text(
        "server { listen 127.0.0.1:1; server_name other.example; }\n".replace(":1;", f":{site.port};")
    )
    site.deploy()
    first = site.current
    assert site.serving == first
    assert not (site.root / "tools").exists()
    site.change()
    with no_request_lost(site, SOME):
        site.deploy()
    assert site.serving == site.current > first
    assert machine.files().keys() == {"other.conf", "website.conf", f"website-{site.current}.conf"}
    assert site.status()["healthy"]
    with no_request_lost(site):
        site.manage("deploy_rollback")
    assert site.serving == site.current
    assert machine.files().keys() == {"other.conf", "website.conf", f"website-{site.current}.conf"}
    _a_change_of_the_front_is_refused_while_others_are_broken(site, machine)
    _nothing_is_started_while_others_are_broken(site, machine)


def test_first_deployments_that_are_killed_leave_nothing_to_others(site: Site, machine: Machine) -> None:
    killed = ""
    for step in ("wait until they answer", "smoke test"):
        running = site.begin("deploy")
        running.until_step(step)
        assert machine.groups() == {f"website-{running.heard[0]['release']}-web"}, f"that of {killed!r} is gone"
        killed = running.heard[0]["release"]
        running.kill_runner()
        assert running.end() == 13
    site.deploy("--force")
    assert site.serving == site.current > killed
    assert machine.files().keys() == {"website.conf", f"website-{site.current}.conf"}
    assert machine.groups() == {f"website-{site.current}-web"}


def _a_change_of_the_front_is_refused_while_others_are_broken(site: Site, machine: Machine) -> None:
    other = machine.folder / "conf.d/broken.conf"
    other.write_text("this is no nginx;\n")
    live, files = site.current, machine.files()
    options = site.target["FRONT"]["OPTIONS"]
    options["client_max_body_size"] = "21m"
    with no_request_lost(site):
        running = site.begin("deploy")
        assert running.end() == 12, running.story()
    told = running.error["message"]
    assert told.startswith("The switch did not work, and the old release is live again."), told
    assert f'unknown directive "this" in {other}' in told
    assert (site.current, site.serving, machine.files()) == (live, live, files)
    other.unlink()
    with no_request_lost(site):
        site.deploy()
    assert site.serving == site.current > live


def _nothing_is_started_while_others_are_broken(site: Site, machine: Machine) -> None:
    other = machine.folder / "programs/broken.conf"
    other.write_text("[program:broken]\n")
    live, files = site.current, machine.files()
    site.change()
    with no_request_lost(site):
        running = site.begin("deploy")
        assert running.end() == 11, running.story()
    assert "supervisord refuses a file of its include folder" in running.error["message"]
    assert "broken" in running.error["message"]
    assert (site.current, site.serving, machine.files()) == (live, live, files)
    other.unlink()
    site.deploy()
    assert site.serving == site.current > live


def test_a_supervisord_that_does_not_run_is_not_started_by_us(site: Site) -> None:
    machine = Machine(site)
    site.target.update(machine.target())
    running = site.begin("deploy")
    assert running.end() == 11, running.story()
    told = f"The machine's supervisord does not answer on '{machine.folder}/supervisor.sock'."
    assert told in running.error["message"]
    assert (site.current, site.releases, machine.files()) == ("", [], {})
    with suppress(FileNotFoundError):
        assert not Path(machine.folder, "supervisor.sock").exists()
