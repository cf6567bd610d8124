"""The kernel tells who waits at a socket and who is still connected."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from django_selfdeploy.core import processes, queue
from django_selfdeploy.core.queue import Queue


@pytest.fixture
def listening(tmp_path: Path) -> socket.socket:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{tmp_path}/app.sock")
        server.listen(8)
        yield server


def connected(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(f"{path}/app.sock")
    return client


def test_waiting_and_open_connections_are_counted(tmp_path: Path, listening: socket.socket) -> None:
    path = f"{tmp_path}/app.sock"
    assert queue.of(path) == Queue(True, waiting=0, open=0)
    with connected(tmp_path), connected(tmp_path):
        assert (queue.of(path).listening, queue.of(path).waiting) == (True, 2)
        accepted = [listening.accept()[0] for _ in range(2)]
        assert queue.of(path) == Queue(True, waiting=0, open=2)
        assert not queue.of(path).empty
        accepted[0].close()
        assert queue.of(path) == Queue(True, waiting=0, open=1)
        accepted[1].close()
    assert queue.of(path) == Queue(True, waiting=0, open=0)
    assert queue.of(path).empty


def test_connections_outlive_the_one_who_listened(tmp_path: Path, listening: socket.socket) -> None:
    with connected(tmp_path):
        accepted, _ = listening.accept()
        listening.close()
        assert queue.of(f"{tmp_path}/app.sock") == Queue(False, waiting=0, open=1)
        accepted.close()
    assert queue.of(f"{tmp_path}/app.sock") == Queue(False, 0, 0)


def test_a_socket_that_is_bound_but_heard_by_nobody_is_not_listening(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{tmp_path}/app.sock")
        assert queue.of(f"{tmp_path}/app.sock") == Queue(False, 0, 0)


def test_only_the_socket_of_that_path_counts(tmp_path: Path, listening: socket.socket) -> None:
    with connected(tmp_path):
        assert queue.of(f"{tmp_path}/app.soc") == Queue(False, 0, 0)
        assert queue.of(f"{tmp_path}/app.sock2") == Queue(False, 0, 0)


def test_the_holder_of_a_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        holder, pid = processes.port_holder(port), processes.port_pid(port)
        with socket.create_connection(("127.0.0.1", port)):
            pass
    assert (holder, pid) == (f"`{processes.name(os.getpid())}` (pid {os.getpid()})", os.getpid())
    assert (processes.port_holder(port), processes.port_pid(port)) == (None, None)


def test_the_holder_of_a_port_of_ipv6_is_named() -> None:
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with server:
        assert processes.port_pid(server.getsockname()[1]) == os.getpid()


def test_a_process_is_known_by_when_it_started() -> None:
    assert processes.started(os.getpid()) == processes.started(os.getpid())
    assert isinstance(processes.started(os.getpid()), int)
    assert processes.parent(os.getpid()) == os.getppid()


def test_a_process_that_is_gone_has_neither_name_nor_start() -> None:
    with subprocess.Popen(("true",)) as child:
        pass
    assert (processes.started(child.pid), processes.name(child.pid), processes.parent(child.pid)) == (None, "", None)


def test_a_zombie_is_gone() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert processes.started(child) is None
    os.waitpid(child, 0)


def test_processes_are_found_by_a_variable() -> None:
    surroundings = {"PATH": os.environ["PATH"], "SELFDEPLOY_TEST": f"of {os.getpid()}"}
    with subprocess.Popen(("sleep", "30"), env=surroundings) as child:
        try:
            assert processes.with_variable("SELFDEPLOY_TEST", f"of {os.getpid()}") == [child.pid]
            assert processes.with_variable("SELFDEPLOY_TEST", f"of {os.getpid()}0") == []
            assert processes.name(child.pid) == "sleep 30"
        finally:
            child.kill()


def test_use_counts_the_children_too() -> None:
    before = processes.usage(os.getpid())
    with subprocess.Popen(("sleep", "30")) as child:
        try:
            after = processes.usage(os.getpid())
        finally:
            child.kill()
    assert after.processes == before.processes + 1
    assert after.memory > 0
    assert after.cpu >= before.cpu > 0


def test_what_is_gone_uses_nothing() -> None:
    assert processes.usage(0) == processes.Usage(0.0, 0, 0)


def test_a_boot_has_an_id() -> None:
    assert len(processes.boot()) == 36
