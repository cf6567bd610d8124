"""The hosts that other tests deploy to are what they seem: machines apart, which break as real ones do, and vanish."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from benchmarks.load import Mix

from . import processes, scratch
from .controller import REPOSITORY, Controller
from .fleet import Fleet
from .hosts import Host
from .network import Network, links
from .packages import PLACE, Packages
from .probing import no_request_lost_on
from .waiting import until

SERVE = "import http.server as h; h.test(h.SimpleHTTPRequestHandler, port=8000)"
TALK = "i=0; while echo $((i += 1)); do sleep 0.05; done"


@pytest.fixture(scope="module")
def fleet(controller: Controller, network: Network, packages: Packages) -> Iterator[Fleet]:
    odd = {
        "web2": {"disks": {"/srv": 4, "/home/deploy": 8}},
        "web3": {"without": ("nginx", "python3*"), "sudoers": "deploy ALL=(root) NOPASSWD: /usr/bin/id\n"},
    }
    fleet = Fleet(controller, network, packages, names=("web1", "web2", "web3"), odd=odd)
    yield fleet
    fleet.close()


def test_users_log_in_by_name_and_key(fleet: Fleet) -> None:
    for name, host in fleet.hosts.items():
        told = fleet.ssh_home.ssh(name, "hostname; whoami; pwd; echo $UV_CONFIG_FILE")
        assert told.stdout.split() == [name, "deploy", "/home/deploy", f"{PLACE}/uv-deploy.toml"], told.stderr
        assert fleet.ssh_home.ssh(name, "whoami", user="root").stdout == "root\n"
        assert host.run("whoami") == "deploy\n"
        assert host.run("hostname", user="root").strip() == name
    assert fleet.ssh_home.ssh("web1", "whoami", user="nobody").returncode == 255


def test_a_user_may_not_do_what_root_may(fleet: Fleet) -> None:
    assert fleet.ssh_home.ssh("web1", "touch", "/srv/file").returncode == 1
    assert fleet["web1"].run("id", "--groups", "--name") == "deploy\n"
    refused = fleet.ssh_home.ssh("web1", "sudo", "--non-interactive", "id")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert fleet.ssh_home.ssh("web3", "sudo", "--non-interactive", "id", "--user").stdout == "0\n"


def test_files_and_processes_are_apart(fleet: Fleet) -> None:
    one, other = fleet["web1"], fleet["web2"]
    for folder in ("/tmp", "/run", "/root", "/home", "/srv", "/etc", "/var/lib"):
        one.run("touch", f"{folder}/only-here", user="root")
        assert not (other.root / folder[1:] / "only-here").exists()
        assert not Path(folder, "only-here").exists()
    assert set(other.run("ls", "/home", "/srv", "/tmp", "/root", user="root").split()) == {
        *("/home:", "deploy", "/srv:", "/tmp:", "/root:")
    }
    asleep = subprocess.Popen(("nsenter", "--target", str(one.pid), "--all", "sleep", "1000"))
    [pid] = until(lambda: [p for p, line in one.processes().items() if line == "sleep 1000"], what="it sleeps")
    assert "sleep 1000" not in other.processes().values()
    one.kill(pid)
    assert asleep.wait() == -signal.SIGKILL


def test_a_program_can_be_missing(fleet: Fleet) -> None:
    with pytest.raises(AssertionError, match="127"):
        fleet["web3"].run("sh", "-c", "python3 -V")
    assert fleet["web1"].run("python3", "-V").startswith("Python 3.")
    assert fleet["web1"].run("sh", "-c", "command -v nginx crontab", check=False) == "/usr/sbin/nginx\n"


def test_a_disk_can_be_full_or_read_only(fleet: Fleet) -> None:
    host = fleet["web2"]
    filler = host.fill("/home/deploy", leave=65536)
    assert 0 < host.free_bytes("/home/deploy") <= 65536
    host.fill("/home/deploy")
    full = fleet.ssh_home.ssh("web2", "echo text > file")
    assert "No space left on device" in full.stderr
    host.run("rm", filler)
    assert fleet.ssh_home.ssh("web2", "echo text > file").returncode == 0
    host.make_read_only("/home/deploy")
    assert "Read-only file system" in fleet.ssh_home.ssh("web2", "echo text > file").stderr
    host.make_writable("/home/deploy")
    assert fleet.ssh_home.ssh("web2", "echo text > file").returncode == 0


def test_packages_install_without_an_index(fleet: Fleet) -> None:
    host = fleet["web1"]
    host.run("python3", "-m", "venv", "--without-pip", "env")
    [pip] = fleet.packages.wheels.glob("pip-*.whl")
    for order in (
        f"env/bin/python {PLACE}/wheels/{pip.name}/pip install --quiet --root-user-action ignore uv",
        "env/bin/uv pip install --quiet --python env/bin/python django-selfdeploy 'supervisor>=4.3'",
        "env/bin/python -c 'import django_selfdeploy, supervisor, paramiko'",
    ):
        done = fleet.ssh_home.ssh("web1", order)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    abroad = "import socket; socket.create_connection(('192.0.2.1', 443))"
    assert "Network is unreachable" in fleet.ssh_home.ssh("web1", f'python3 -c "{abroad}"').stderr


def test_a_cut_is_silent_and_heals(fleet: Fleet) -> None:
    host = fleet["web1"]
    with talking(fleet, "web1") as talk:
        heard = talk.stdout
        assert heard and heard.readline() == "1\n"
        host.cut()
        with pytest.raises(TimeoutError):
            socket.create_connection((host.address, 22), timeout=4)
        assert fleet["web2"].run("bash", "-c", f"timeout 1 bash -c '</dev/tcp/{host.address}/22' || echo $?") == "124\n"
        assert talk.poll() is None
        host.heal()
        host.wait_for_ssh()
        before = int(heard.readline())
        until(lambda: int(heard.readline()) > before + 20, what="the old connection goes on")


def test_a_line_can_be_long(fleet: Fleet) -> None:
    host = fleet["web2"]
    near = round_trip(host)
    host.delay(200)
    assert 0.2 <= round_trip(host) < 0.2 + near + 0.1
    text = "x" * 1_000_000
    assert fleet.ssh_home.ssh("web2", "cat", stdin=text).stdout == text
    host.cut()
    with pytest.raises(TimeoutError):
        socket.create_connection((host.address, 22), timeout=1)
    host.heal()
    host.wait_for_ssh()
    host.delay(0)
    assert round_trip(host) < 0.2


def test_a_session_can_be_ended_while_its_command_goes_on(fleet: Fleet) -> None:
    host = fleet["web1"]
    with talking(fleet, "web1", "exec sleep 1000") as talk:
        until(lambda: "sleep 1000" in host.processes().values(), what="it sleeps")
        host.end_ssh_sessions()
        assert talk.wait() == 255
    assert host.ssh_sessions == []
    [pid] = [pid for pid, line in host.processes().items() if line == "sleep 1000"]
    host.kill(pid)


def test_a_changed_host_key_is_noticed(fleet: Fleet) -> None:
    host = fleet["web2"]
    assert fleet.ssh_home.ssh("web2", "true").returncode == 0
    host.change_host_key()
    refused = fleet.ssh_home.ssh("web2", "true")
    assert refused.returncode == 255
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in refused.stderr
    fleet.ssh_home.learn(fleet.hosts.values())
    assert fleet.ssh_home.ssh("web2", "true").returncode == 0


def test_a_reboot_keeps_files_and_ends_processes(fleet: Fleet) -> None:
    host = fleet["web1"]
    host.run("touch", "/home/deploy/kept", "/tmp/lost")
    with talking(fleet, "web1") as talk:
        heard = talk.stdout
        assert heard and heard.readline() == "1\n"
        host.reboot()
        assert talk.wait() == 255
    assert fleet.ssh_home.ssh("web1", "ls", "/home/deploy/kept", "/tmp").stdout == "/home/deploy/kept\n\n/tmp:\n"
    assert all("sshd" in line for line in host.processes().values())


def test_a_load_notices_what_a_host_loses(fleet: Fleet) -> None:
    served = [serving(fleet[name]) for name in ("web1", "web2")]
    try:
        with no_request_lost_on([fleet["web1"], fleet["web2"]], 8000, MIX):
            assert fleet["web1"].get("/", port=8000).status == 200
        with pytest.raises(AssertionError, match="web2"):
            with no_request_lost_on([fleet["web1"], fleet["web2"]], 8000, MIX):
                fleet["web2"].kill(*(pid for pid, line in fleet["web2"].processes().items() if SERVE in line))
                until(lambda: not answers(fleet["web2"]), what="web2 answers no more")
                served[1].wait()
                time.sleep(20 * MIX.pause)  # each client comes back
    finally:
        for process in served:
            process.kill()
            process.wait()


ALONE = """
import json, sys
from tests.integration.hosts import Host
from tests.integration.network import Network
from tests.integration.packages import Packages
from tests.integration.scratch import claimed_folder

with claimed_folder() as folder:
    network = Network()
    hosts = [Host(network, name, Packages(folder, ()), authorized="") for name in ("one", "two")]
    for host in hosts:
        host.up()
    print(json.dumps([str(folder), network.link, network.pid, *(host.pid for host in hosts)]), flush=True)
    sys.stdin.readline()
    for host in hosts:
        host.close()
    network.close()
"""


@pytest.mark.parametrize("killed", [False, True], ids=["closed", "killed"])
def test_nothing_is_left(network: Network, killed: bool) -> None:
    run = subprocess.Popen(
        (sys.executable, "-c", ALONE), cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout
    folder, link, *pids = json.loads(run.stdout.readline())
    spaces = {os.readlink(f"/proc/{pid}/ns/{kind}") for pid in pids for kind in ("net", "pid", "mnt")} - own_spaces()
    assert link in links()
    assert len(spaces) == 3 + 2 + 2
    assert spaces <= spaces_in_use()
    if killed:
        run.kill()
    run.communicate("\n")
    until(lambda: link not in links(), what=f"{link} is gone")
    until(lambda: not spaces & spaces_in_use(), what="the namespaces are gone")
    assert [pid for pid in pids if processes.is_alive(pid)] == []
    assert folder not in Path("/proc/mounts").read_text()
    assert Path(folder).exists() == killed
    scratch.remove_abandoned()
    assert not Path(folder).exists()


MIX = Mix(keepalive=1, fresh=1, posts=0, slow=0, pause=0.02)


def serving(host: Host) -> subprocess.Popen[bytes]:
    """A web server that runs inside, and answers."""
    words = (*host.enter("deploy"), "python3", "-c", SERVE)
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: answers(host), what=f"{host.name} answers")
    return process


def round_trip(host: Host) -> float:
    """The least of several."""

    def once() -> float:
        begun = time.monotonic()
        socket.create_connection((host.address, 22), timeout=10).close()
        return time.monotonic() - begun

    return min(once() for _ in range(3))


def answers(host: Host) -> bool:
    try:
        return host.get("/", port=8000).status == 200
    except OSError:
        return False


def own_spaces() -> set[str]:
    return {os.readlink(f"/proc/self/ns/{kind}") for kind in os.listdir("/proc/self/ns")}


def spaces_in_use() -> set[str]:
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for kind in ("net", "pid", "mnt"):
            with suppress(OSError):
                found.add(os.readlink(f"/proc/{pid}/ns/{kind}"))
    return found


@contextmanager
def talking(fleet: Fleet, name: str, command: str = TALK) -> Iterator[subprocess.Popen[str]]:
    """A command that runs over SSH, to be read from; its session is killed at the end."""
    words = fleet.ssh_home.words(name, command)
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
