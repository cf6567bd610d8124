"""A look at a host finds everything, whatever state it is in, and changes nothing."""

import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy.core import boot, machine, processes
from django_selfdeploy.core.actions.base import ActionFailed
from django_selfdeploy.core.boot import StartAtBoot
from django_selfdeploy.core.journal import Journal
from django_selfdeploy.core.layout import Layout
from django_selfdeploy.core.lock import Lock
from django_selfdeploy.core.machine import unit_of
from django_selfdeploy.core.state import HostState, Known, look, read_release
from django_selfdeploy.core.status import status
from django_selfdeploy.hosts.memory import MemoryWorld
from tests.faking import FakeSupervisord, row, site
from tests.making import NEW, OLD, OLDER, host_state, process, running, small_release


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A shorter one than pytest's: the path of a socket may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="sd-") as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def _no_crontab(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own crontab is nobody's business here."""
    monkeypatch.setattr(machine, "boot_installed", lambda layout: False)


def at(root: Path, *names: str) -> tuple[Any, ...]:
    return tuple(small_release(name, root=str(root)) for name in names)


def test_a_host_with_nothing_on_it(tmp_path: Path) -> None:
    found = look(Layout(f"{tmp_path}/no/site"))
    disk = os.statvfs(tmp_path)
    expected = replace(
        host_state(),
        root=f"{tmp_path}/no/site",
        disk_free=pytest.approx(disk.f_bavail * disk.f_frsize, rel=0.1),
        files_free=pytest.approx(disk.f_favail or 1 << 40, rel=0.1),
        host=socket.gethostname(),
        user=found.user,
        uid=os.geteuid(),
        front_user=found.front_user,
        boot=found.boot,
        programs={},
        front_modules={},
        ipv6=found.ipv6,
        python=machine.base_python(),
        interpreter=machine.interpreter(),
    )
    assert found == expected
    assert os.listdir(tmp_path) == []


def test_a_site_that_works(tmp_path: Path) -> None:
    with site(tmp_path, *at(tmp_path, OLD, NEW)):
        found = look(Layout(str(tmp_path)))
    assert (found.exists, found.current, found.live_answers) == (True, NEW, True)
    assert [known.id for known in found.releases] == [OLD, NEW]
    assert found.live is not None
    assert (found.live.id, [release.id for release in found.complete]) == (NEW, [OLD, NEW])
    assert (found.alive(found.live.groups), found.alive((f"mysite-{OLD}-web",))) == (True, False)
    assert (found.any_of((f"mysite-{NEW}-web", "x")), found.any_of(("x",))) == (True, False)
    assert (found.unfinished, found.leftovers, found.known("x")) == ((), (), None)


def test_incomplete_bad_and_unreadable_releases_are_told_apart(tmp_path: Path) -> None:
    with site(tmp_path, *at(tmp_path, OLD, NEW)):
        (tmp_path / "releases" / OLD / ".bad").write_text("it failed\n")
        (tmp_path / "releases" / OLDER).mkdir()
        for name, text in (("a-torn", '{"$": "Rel'), ("b-other", '{"$": "Layout", "root": "/"}'), ("c-old", "{}")):
            (tmp_path / "releases" / name).mkdir()
            (tmp_path / "releases" / name / "release.json").write_text(text)
        (tmp_path / "releases" / ".del-x").mkdir()
        (tmp_path / "releases" / "file").write_text("")
        found = look(Layout(str(tmp_path)))
    assert [(known.id, known.release is not None, known.bad) for known in found.releases] == [
        (OLDER, False, ""),
        (OLD, True, "it failed\n"),
        (NEW, True, ""),
        ("a-torn", False, ""),
        ("b-other", False, ""),
        ("c-old", False, ""),
    ]


def test_a_record_of_a_newer_version_is_read_as_far_as_it_is_known(tmp_path: Path) -> None:
    with site(tmp_path, *at(tmp_path, NEW)):
        path = tmp_path / "releases" / NEW / "release.json"
        path.write_text(path.read_text().replace('{"$": "Release",', '{"$": "Release", "since": "9.0",'))
        found = read_release(str(path.parent))
    assert found is not None
    assert found.id == NEW


def test_what_an_interrupted_run_left_is_found(tmp_path: Path) -> None:
    with site(tmp_path, *at(tmp_path, OLD, NEW)) as fake:
        left = [
            ".tmp-1-current",
            f"log/{OLDER}",
            "etc/programs/mysite-gone.conf",
            "envs/half",
            "envs/.del-1-old",
            "journal/.tmp-1-x.json",
            "releases/.del-1-x",
            "shared/.tmp-1-.env",
            "bin/.tmp-1-manage",
        ]
        for name in left[1:2] + left[3:5] + left[6:7]:
            (tmp_path / name).mkdir(parents=True)
        for name in (left[0], left[5], left[7], left[8]):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("")
        for name, release in (("gone", OLDER), (NEW, NEW), (OLD, OLD)):
            to = f"{tmp_path}/releases/{release}/etc/supervisor.conf"
            (tmp_path / "etc/programs" / f"mysite-{name}.conf").symlink_to(to)
        (tmp_path / "etc/programs/mysite-front.conf").symlink_to(f"{tmp_path}/etc/mysite-front.conf")
        (tmp_path / "envs/whole").mkdir()
        (tmp_path / "envs/whole/.complete").write_text("")
        (tmp_path / "log" / OLD).mkdir()
        (tmp_path / "log/project").mkdir()  # the project's own log files outlive its releases
        fake.programs[f"mysite-{OLD}-web"] = row(f"mysite-{OLD}-web")
        found = look(Layout(str(tmp_path)))
    assert found.leftovers == tuple(sorted(f"{tmp_path}/{name}" for name in left))
    assert found.envs == ("whole",)


def test_journals_that_nobody_closed_are_found_and_our_own_is_none_of_them(tmp_path: Path) -> None:
    layout = Layout(str(tmp_path))
    os.mkdir(layout.journals)
    for name in ("1", "2", "3"):
        Journal(layout, {"id": name})
    Journal(layout, {"id": "4"}).close("succeeded", seconds=1)
    assert look(layout).unfinished == ("3", "2", "1")
    assert look(layout, own="3").unfinished == ("2", "1")


def test_the_holder_of_the_port_is_told_unless_it_is_ours(tmp_path: Path) -> None:
    layout = Layout(str(tmp_path))
    with site(tmp_path, *at(tmp_path, NEW)) as fake, socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert look(layout, port=port).port_holder == f"`{processes.name(os.getpid())}` (pid {os.getpid()})"
        fake.programs["front"] = row("front", pid=os.getpid())
        assert look(layout, port=port).port_holder == ""
        fake.programs["front"] = row("front", pid=os.getppid())
        assert look(layout, port=port).port_holder == ""
        assert look(layout, port=1).port_holder == ""


def test_programs_are_found_where_an_ordinary_user_does_not_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("nginx", "crontab"):
        (tmp_path / "bin" / name).write_text("#!/bin/sh\n")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(machine, "SBIN", f"{tmp_path}/bin")
    found = look(Layout(f"{tmp_path}/site"), programs=("nginx", "apache2"))
    assert found.programs == {"nginx": f"{tmp_path}/bin/nginx"}


def test_kept_variables_and_tools_are_seen(tmp_path: Path) -> None:
    for name in ("shared/.env", "tools/.complete"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("")
    found = look(Layout(str(tmp_path)))
    assert (found.variables, found.tools) == (True, True)


def test_nothing_is_live_where_current_leads_nowhere() -> None:
    assert host_state(current=NEW).live is None
    assert host_state(current=NEW, releases=(Known(NEW, None, ""),)).live is None


# status


@contextmanager
def working(root: Path) -> Iterator[tuple[Layout, FakeSupervisord]]:
    with site(root, *at(root, OLD, NEW)) as fake:
        yield Layout(str(root)), fake


def test_the_status_of_a_site_that_works_is_whole(tmp_path: Path) -> None:
    with working(tmp_path) as (layout, fake):
        fake.programs[f"mysite-{NEW}-web"].update(pid=os.getpid(), start=int(time.time()) - 100)
        Journal(layout, {"id": "1", "kind": "deploy", "release": NEW, "who": "ann"}).close("succeeded", seconds=2)
        found = status(layout, look(layout))
    [worker] = found["processes"]
    assert (worker["uptime"] >= 99, worker["cpu"] >= 0, worker["memory"] > 0, worker["processes"] >= 1) == (True,) * 4
    for key in ("uptime", "cpu", "memory", "processes"):
        del worker[key]
    [story] = found.pop("deployments")
    assert found == {
        "root": str(tmp_path),
        "release": {"id": NEW, "commit": "", "subject": "", "created": "2026-11-22T10:11:12Z"},
        "url": "http://localhost:8000/",
        "healthy": True,
        "answers": True,
        "front": "ok",
        "supervisor": True,
        "processes": [{"program": f"mysite-{NEW}-web", "state": "RUNNING", "pid": os.getpid(), "trouble": ""}],
        "after_reboot": found["after_reboot"],
        "lock": None,
        "interrupted": [],
    }
    assert {key: story[key] for key in ("id", "kind", "status", "who", "error", "seconds")} == {
        "id": "1",
        "kind": "deploy",
        "status": "succeeded",
        "who": "ann",
        "error": "",
        "seconds": 2,
    }


@pytest.mark.parametrize("trouble", ["program", "worker", "front", "nothing"])
def test_a_site_is_not_healthy_when(tmp_path: Path, trouble: str) -> None:
    with working(tmp_path) as (layout, fake):
        found = look(layout)
        if trouble == "program":
            fake.programs.clear()
            found = look(layout)
        if trouble == "worker":
            found = replace(found, processes=(process(f"mysite-{NEW}-web", "BACKOFF"),))
        if trouble == "front":
            os.unlink(layout.current)
            os.symlink(f"releases/{OLD}", layout.current)
        if trouble == "nothing":
            found = replace(found, current="")
        told = status(layout, found)
    fronts = {"front": f"GET / was answered with 200 by release '{OLD}'.", "nothing": ""}
    assert (told["healthy"], told["front"]) == (False, fronts.get(trouble, "ok"))


def test_a_deployment_at_work_is_not_an_interrupted_one(tmp_path: Path) -> None:
    layout = Layout(str(tmp_path))
    os.mkdir(layout.journals)
    Journal(layout, {"id": "1"})
    assert status(layout, look(layout))["interrupted"] == ["1"]
    lock = Lock(layout)
    lock.take({"kind": "deploy"}, wait=0, tell=print)
    told = status(layout, look(layout))
    lock.release()
    assert (told["interrupted"], told["lock"]["kind"]) == ([], "deploy")


@pytest.mark.parametrize(
    ("boots", "installed", "expected"),
    [
        ("cron", True, "starts again"),
        ("systemd", False, "does not start again"),
        ("", False, "does not start again: this machine has no cron"),
    ],
)
def test_whether_a_site_comes_back_after_a_reboot_is_told(
    tmp_path: Path, boots: str, installed: bool, expected: str
) -> None:
    found: HostState = replace(look(Layout(str(tmp_path))), boot=boots, boot_installed=installed)
    assert status(Layout(str(tmp_path)), found)["after_reboot"] == expected


def test_only_programs_of_this_site_are_told(tmp_path: Path) -> None:
    with working(tmp_path) as (layout, _):
        found = replace(look(layout), processes=(*running(small_release(NEW)), process("other-web")))
        told = status(layout, found)
    assert [one["program"] for one in told["processes"]] == [f"mysite-{NEW}-web"]


# starting again after a reboot


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on PATH in which `crontab` keeps its table in a file, and `systemctl` writes down its words."""
    folder = tmp_path / "programs"
    folder.mkdir()
    crontab = f"case $1 in -l) cat {folder}/table 2>/dev/null || exit 1;; -) cat > {folder}/table;; esac"
    for name, text in (("crontab", crontab), ("systemctl", f'echo "$@" >> {folder}/calls')):
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


LINE = "@reboot /srv/mysite/bin/selfdeploy start\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, LINE), ("0 * * * * true\n", f"0 * * * * true\n{LINE}"), ("# no end", f"# no end\n{LINE}"), (LINE, LINE)],
)
def test_a_line_of_crontab_is_added_once(programs: Path, before: str | None, after: str) -> None:
    if before is not None:
        (programs / "table").write_text(before)
    for _ in range(2):
        StartAtBoot("/srv/mysite", "cron").do(MemoryWorld())
    assert (programs / "table").read_text() == after


def test_a_crontab_that_refuses_is_told(programs: Path) -> None:
    (programs / "crontab").write_text("#!/bin/sh\necho you are not allowed >&2\nexit 1\n")
    with pytest.raises(ActionFailed) as caught:
        StartAtBoot("/srv/mysite", "cron").do(MemoryWorld())
    assert str(caught.value) == "`crontab -` ended with status 1: you are not allowed"


def test_a_unit_of_systemd_is_written_and_enabled(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boot, "unit_of", lambda layout: f"{tmp_path}/selfdeploy-srv-mysite.service")
    StartAtBoot("/srv/mysite", "systemd").do(MemoryWorld())
    assert (programs / "calls").read_text() == "daemon-reload\nenable selfdeploy-srv-mysite.service\n"
    text = (tmp_path / "selfdeploy-srv-mysite.service").read_text()
    assert "ExecStart=/srv/mysite/bin/selfdeploy start\n" in text
    assert "ExecStop=/srv/mysite/bin/selfdeploy stop\n" in text


def test_without_cron_and_systemd_nothing_is_done() -> None:
    StartAtBoot("/srv/mysite", "").do(MemoryWorld())
    assert StartAtBoot("/srv/mysite", "cron").describe() == "start again after a reboot, by cron"


def test_whether_it_is_installed_already_is_seen(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    assert not machine.boot_installed(Layout("/srv/mysite"))
    (programs / "table").write_text(LINE)
    assert machine.boot_installed(Layout("/srv/mysite"))
    assert unit_of(Layout("/srv/my/site")) == "/etc/systemd/system/selfdeploy-srv-my-site.service"


def test_an_unprivileged_user_has_no_front_user_and_no_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert (machine.front_user(), machine.boot() in ("cron", "")) == ("", True)


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000_000)
    assert machine.user() == "4000000000"
