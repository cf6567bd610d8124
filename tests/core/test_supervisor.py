"""What supervisord is told and asked, and what its answers mean."""

import socket
import xmlrpc.client
from pathlib import Path

import pytest

from django_selfdeploy.core.supervisor import Process, Supervisor, Unreachable
from tests.faking import FakeSupervisord, row, supervisord


def test_processes_are_told_as_records(tmp_path: Path) -> None:
    web = row("mysite-1-web", pid=7, stdout_logfile="/srv/web.log")
    mail = row("mysite-1-mail", "FATAL", spawnerr="can't find command")
    with supervisord(tmp_path / "s", FakeSupervisord(programs={"web": web, "mail": mail})) as control:
        found = Supervisor(control).processes()
        chosen = Supervisor(control).groups(("mysite-1-mail", "other"))
    assert found == (
        Process("mysite-1-web", "mysite-1-web", "RUNNING", 7, 1_700_000_000.0, "", "/srv/web.log"),
        Process("mysite-1-mail", "mysite-1-mail", "FATAL", 0, 0.0, "can't find command", ""),
    )
    assert chosen == found[1:]


def test_every_call_reaches_it(tmp_path: Path) -> None:
    fake = FakeSupervisord(available={"a"})
    with supervisord(tmp_path / "s", fake) as control:
        talking = Supervisor(control)
        assert talking.pid() == 4242
        talking.reread()
        talking.add("a")
        talking.signal("a", "HUP")
        talking.stop("a")
        talking.remove("a")
    assert fake.calls == [("reread",), ("add", "a"), ("signal", "a", "HUP"), ("stop", "a"), ("remove", "a")]


def test_what_it_refuses_is_a_fault(tmp_path: Path) -> None:
    with supervisord(tmp_path / "s", FakeSupervisord()) as control, pytest.raises(xmlrpc.client.Fault) as caught:
        Supervisor(control).add("unknown")
    assert caught.value.faultCode == 10


def test_nobody_there_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="No such file"):
        Supervisor(f"{tmp_path}/none").pid()
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(f"{tmp_path}/deaf")
        with pytest.raises(Unreachable, match="refused"):
            Supervisor(f"{tmp_path}/deaf").pid()


def test_somebody_who_does_not_answer_is_unreachable(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{tmp_path}/silent")
        silent.listen()
        with pytest.raises(Unreachable, match="timed out"):
            Supervisor(f"{tmp_path}/silent", timeout=0.05).pid()


def test_one_that_shuts_down_is_unreachable(tmp_path: Path) -> None:
    class Ending(FakeSupervisord):
        def getPID(self) -> int:
            raise xmlrpc.client.Fault(6, "SHUTDOWN_STATE")

    with supervisord(tmp_path / "s", Ending()) as control, pytest.raises(Unreachable, match="it is shutting down"):
        Supervisor(control).pid()
