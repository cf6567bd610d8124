"""The logs and commands of several hosts, as people read them."""

import io
import sys
from typing import Any

import pytest

from django_selfdeploy.core.errors import DeployError, NothingThere, RunnerLost
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


class Ending(Logging):
    """A host that answers once."""

    def logs(self, names: tuple[str, ...], offsets: dict[str, Any], *, lines: int) -> dict[str, Any]:
        if self.asked:
            raise GONE
        return super().logs(names, offsets, lines=lines)


GONE = RunnerLost("The connection died.")


def unheard(host: str, error: DeployError) -> None:
    """Nobody is lost here."""
    raise AssertionError(host)


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
    reader = Reader(Fleet(dict(hosts)), (), 50, lost=unheard)
    first = [(line.host, line.log, line.text, line.named, line.number) for line in reader.read()]
    assert first == [
        ("web1", "web", "a", False, 0),
        ("web1", "web", "b", False, 0),
        ("web2", "web", "d", True, 1),
        ("web2", "mail", "e", True, 1),
    ]
    assert [line.text for line in reader.read()] == ["c"]
    assert hosts["web1"].asked == [{}, {"web": {"path": "/log/web", "offset": 1}}]


def test_a_host_that_stops_answering_is_told_of_once_and_the_others_are_read_on() -> None:
    lost: list[tuple[str, DeployError]] = []
    fleet = Fleet({"web1": Ending(web=["a\n"]), "web2": Logging(web=["b\n", "c\n", "d\n"])})
    reader = Reader(fleet, (), 50, lost=lambda host, error: lost.append((host, error)))
    read = [[(line.host, line.text, line.number) for line in reader.read()] for _ in range(3)]
    assert read == [[("web1", "a", 0), ("web2", "b", 1)], [("web2", "c", 1)], [("web2", "d", 1)]]
    assert lost == [("web1", GONE)]


def test_when_the_last_host_is_lost_it_is_over() -> None:
    reader = Reader(Fleet({"web1": Ending(web=["a\n"])}), (), 50, lost=unheard)
    assert [line.text for line in reader.read()] == ["a"]
    with pytest.raises(RunnerLost) as caught:
        list(reader.read())
    assert caught.value is GONE


def test_a_log_that_one_host_has_is_enough_and_one_that_none_has_is_refused() -> None:
    fleet = Fleet({"web1": Logging(web=["a\n"]), "work1": Logging(mail=["b\n"])})
    assert [line.host for line in Reader(fleet, ("mail",), 50, lost=unheard).read()] == ["work1"]
    fleet = Fleet({"web1": Logging(web=["a\n"]), "work1": Logging(mail=["b\n"])})
    with pytest.raises(NothingThere) as caught:
        list(Reader(fleet, ("gone",), 50, lost=unheard).read())
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
