"""The logs and commands of several hosts, as people read them."""

import io
import sys
from typing import Any

import pytest

from django_selfdeploy.core.errors import NothingThere
from django_selfdeploy.hosts.base import Said
from django_selfdeploy.hosts.fleet import Fleet
from django_selfdeploy.hosts.memory import MemoryConnection
from django_selfdeploy.management.reading import LogLine, Reader
from django_selfdeploy.management.running import Ran, run_on


class Logging(MemoryConnection):
    """A host whose logs grow by these texts; it remembers from where they were read."""

    def __init__(self, **logs: list[str]) -> None:
        super().__init__()
        self.left, self.asked = logs, list[dict[str, Any]]()

    def logs(self, names: tuple[str, ...], offsets: dict[str, Any], *, lines: int) -> dict[str, Any]:
        self.asked.append(dict(offsets))
        chosen = [name for name in self.left if not names or name in names]
        read = {
            name: {"path": f"/log/{name}", "offset": len(self.asked), "text": self.left[name].pop(0)} for name in chosen
        }
        return {"logs": read, "known": list(self.left)}


class Speaking(MemoryConnection):
    """A host whose commands write this and end so."""

    def __init__(self, text: bytes, status: int) -> None:
        super().__init__()
        self.text, self.status_of = text, status

    def run(self, words: tuple[str, ...], said: Said) -> int:
        said("output", self.text)
        return self.status_of


def test_lines_are_told_by_host_and_each_log_is_read_on() -> None:
    hosts = {"web1": Logging(web=["a\nb\n", "c\n"]), "web2": Logging(web=["d\n", ""], mail=["e\n", ""])}
    reader = Reader(Fleet(dict(hosts)), (), 50)
    first = [(line.host, line.log, line.text, line.named, line.number) for line in reader.read()]
    assert first == [
        ("web1", "web", "a", False, 0),
        ("web1", "web", "b", False, 0),
        ("web2", "web", "d", True, 1),
        ("web2", "mail", "e", True, 1),
    ]
    assert [line.text for line in reader.read()] == ["c"]
    assert hosts["web1"].asked == [{}, {"web": {"path": "/log/web", "offset": 1}}]


def test_a_log_that_one_host_has_is_enough_and_one_that_none_has_is_refused() -> None:
    fleet = Fleet({"web1": Logging(web=["a\n"]), "work1": Logging(mail=["b\n"])})
    assert [line.host for line in Reader(fleet, ("mail",), 50).read()] == ["work1"]
    fleet = Fleet({"web1": Logging(web=["a\n"]), "work1": Logging(mail=["b\n"])})
    with pytest.raises(NothingThere) as caught:
        list(Reader(fleet, ("gone",), 50).read())
    assert (caught.value.message, caught.value.hint) == ("There is no log 'gone'.", "There are: web, mail.")


def test_a_line_names_host_and_log_where_there_are_several() -> None:
    assert LogLine("", "web", "a", False, -1).shown(coloured=True) == "a"
    assert LogLine("", "web", "a", True, -1).shown(coloured=True) == "web: a"
    assert LogLine("web1", "web", "a", True, 0).shown(coloured=False) == "web1 web: a"
    one, other = (LogLine("web1", "web", "a", False, number).shown(coloured=True) for number in (0, 1))
    assert one != other
    assert one == LogLine("web1", "web", "a", False, 6).shown(coloured=True)


class Standard(io.StringIO):
    """A standard stream with the bytes below it."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = io.BytesIO()


def test_a_command_runs_on_all_hosts_and_is_shown_with_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    output = Standard()
    monkeypatch.setattr(sys, "stdout", output)
    fleet = Fleet({"web1": Speaking(b"one\n", 0), "web2": Speaking(b"two", 3)})
    assert run_on(fleet, ("check",), kept=False) == (Ran("web1", 0), Ran("web2", 3))
    assert sorted(output.buffer.getvalue().splitlines()) == [b"web1: one", b"web2: two"]
    assert run_on(fleet, ("check",), kept=True)[1] == Ran("web2", 3, "two", "")
