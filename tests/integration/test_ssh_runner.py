"""The runner on real sshds: left there once, started by any shell, and left alone by a connection that dies."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy.core import events
from django_selfdeploy.core.actions.files import Remove, Write
from django_selfdeploy.core.actions.processes import Run
from django_selfdeploy.core.actions.source import Receive
from django_selfdeploy.core.errors import HostError, RunnerLost
from django_selfdeploy.core.layout import Layout
from django_selfdeploy.core.manifest import Entry, blob_id
from django_selfdeploy.core.plan import Plan, Step
from django_selfdeploy.core.wire import Channel
from django_selfdeploy.hosts.base import Connection
from django_selfdeploy.hosts.options import Ssh
from django_selfdeploy.hosts.ssh import connected
from django_selfdeploy.hosts.start import shipped

from .controller import short_folder
from .processes import kill
from .sshd import IN_CI, LOOK, Line, Sshd, look, needs_sshd
from .waiting import until

pytestmark = needs_sshd

ID = "20261122-101112-345"
ABOUT = {"id": ID, "kind": "deploy", "target": "default", "release": "r1", "who": "ann"}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    folder = short_folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def host(folder: Path) -> Iterator[Sshd]:
    with Sshd(folder / "host") as host:
        yield host


@pytest.fixture
def root(host: Sshd) -> Iterator[Path]:
    """A root that no test has used; nothing that works on it is left running."""
    root = short_folder() / "site"
    yield root
    until(lambda: not host.runners(), what="the runners end")
    shutil.rmtree(root.parent)


def story(root: Path) -> dict[str, Any]:
    return json.loads(Path(Layout(str(root)).journal(ID)).read_text())


# Found again


def test_the_runner_is_sent_once(folder: Path, root: Path) -> None:
    with Sshd(folder / "once") as host:
        place = host.home / ".cache/django-selfdeploy"
        seen = []
        for _ in range(2):
            with connected(f"root@{host.name}", host.ssh()) as connection:
                look(connection, root)
                seen.append((connection.round_trips, connection._channel.sent > len(shipped().data)))
        assert seen == [(2, True), (1, False)]
        assert [path.name for path in place.iterdir()] == [shipped().name]
        assert list((place / shipped().name / "core/__pycache__").glob("runner.*.pyc"))
        assert place.stat().st_mode & 0o777 == (place / shipped().name).stat().st_mode & 0o777 == 0o700


def test_a_runner_that_is_damaged_or_not_ours_alone_is_sent_anew(folder: Path, root: Path) -> None:
    with Sshd(folder / "damaged") as host:
        place = host.home / ".cache/django-selfdeploy" / shipped().name

        def trips() -> int:
            with connected(f"root@{host.name}", host.ssh()) as connection:
                look(connection, root)
                return connection.round_trips

        assert trips() == 2
        (place / "core/runner.py").write_text("")
        assert (trips(), trips()) == (2, 1)
        place.chmod(0o777)
        assert (trips(), trips()) == (2, 1)
        assert place.stat().st_mode & 0o777 == 0o700


def test_runners_that_nobody_uses_any_more_are_removed(folder: Path, root: Path) -> None:
    with Sshd(folder / "old") as host:
        place = host.home / ".cache/django-selfdeploy"
        place.mkdir(parents=True, mode=0o700)
        now = time.time()
        for number in range(8):
            (place / f"runner-{number}").mkdir()
            os.utime(place / f"runner-{number}", (now - number * 60,) * 2)
        os.utime(place / "runner-1", (now - 31 * 86400,) * 2)
        (place / "other").mkdir()
        with connected(f"root@{host.name}", host.ssh()) as connection:
            look(connection, root)
        kept = {f"runner-{number}" for number in (0, 2, 3, 4, 5)}
        assert {path.name for path in place.iterdir()} == {*kept, "other", shipped().name}


def test_two_controllers_come_to_a_new_host_at_once(folder: Path, root: Path) -> None:
    with Sshd(folder / "both") as host:
        with connected(f"root@{host.name}", host.ssh()) as one, connected(f"root@{host.name}", host.ssh()) as two:
            assert look(one, root).uid == look(two, root).uid
            assert {one.round_trips, two.round_trips} <= {1, 2}
            assert [path.name for path in (host.home / ".cache/django-selfdeploy").iterdir()] == [shipped().name]


def test_a_home_in_which_nothing_can_be_written(folder: Path, root: Path) -> None:
    """The root of the site has a place too, once there was a deployment, and so has /var/tmp."""
    (root / "bin").mkdir(parents=True, mode=0o755)
    with Sshd(folder / "homeless", lines=("SetEnv HOME=/proc/none",), home=False) as host:
        with connected(f"root@{host.name}", host.ssh(), root=str(root)) as connection:
            look(connection, root)
        assert [path.name for path in (root / "bin").iterdir()] == [shipped().name]


# Any shell


@pytest.mark.parametrize("shell", ["sh", "dash", "bash", "zsh", "fish", "tcsh", "csh"])
def test_any_login_shell_starts_it(folder: Path, root: Path, shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        (pytest.fail if IN_CI else pytest.skip)(f"no {shell}")
    with Sshd(folder / shell, lines=(f'ForceCommand {program} -c "$SSH_ORIGINAL_COMMAND"',)) as host:
        with connected(f"root@{host.name}", host.ssh()) as connection:
            assert look(connection, root).uid == 0


def test_a_login_that_talks(folder: Path, root: Path) -> None:
    variables = f"SetEnv HOME={folder}/noisy/home TERM=dumb LC_ALL=no_SUCH.locale"
    with Sshd(folder / "noisy", lines=(variables,), home=False) as host:
        noise = (
            "echo Welcome; echo selfdeploy-runner 1 x; printf 'no end'; echo; yes no | head -c 100000 >&2; umask 077\n"
        )
        (host.home / ".bashrc").write_text(noise)
        with connected(f"root@{host.name}", host.ssh()) as connection:
            connection.open(str(root), look=LOOK, about=dict(ABOUT))
            assert root.stat().st_mode & 0o777 == 0o755
        (host.home / ".bashrc").write_text("echo You may not; exit 1\n")
        with pytest.raises(HostError, match="starts no runner, it says 'You may not'"):
            with connected(f"root@{host.name}", host.ssh()) as connection:
                look(connection, root)


def test_what_the_runner_complains_of_does_not_hold_it_up(host: Sshd, root: Path) -> None:
    """More than a window of SSH, on both of its outputs."""
    noise = "import os; [os.write(fd, b'x' * 65535 + b'\\n') for _ in range(80) for fd in (1, 2)]"
    step = Step("stage", "shout", (Run(("python3", "-c", noise)),))
    heard: list[events.Event] = []
    with connected(f"root@{host.name}", host.ssh()) as connection:
        connection.listeners.append(heard.append)
        connection.open(str(root), look=LOOK, about=dict(ABOUT))
        connection.carry_out(Plan("deploy", "default", "r1", (step,)), last=True)
    assert sum(len(event.text) for event in heard if isinstance(event, events.Output)) > 5 << 20


# Round trips and bytes


def project(changed: int = -1) -> dict[str, bytes]:
    """245 files of Python, of the size of a small site's."""
    line = "    value_{0} = models.CharField(max_length={0}, verbose_name='number {0}')\n"
    files = {}
    for number in range(245):
        text = "".join(line.format(number * 1000 + row) for row in range(20 + number % 50))
        files[f"app_{number % 9}/package_{number % 7}/module_{number}.py"] = text.encode()
        if number == changed:
            files[f"app_{number % 9}/package_{number % 7}/module_{number}.py"] += b"    changed = True\n"
    return files


def entries(files: dict[str, bytes]) -> tuple[Entry, ...]:
    return tuple(Entry(path, blob_id(data), 0o100644, len(data)) for path, data in sorted(files.items()))


def deliver(connection: Connection, root: Path, release: str, files: dict[str, bytes], base: str = "") -> None:
    """Look, stage and activate, as a deployment does."""
    known = {blob_id(data): data for data in files.values()}
    connection.source = lambda wanted: ((blob, known[blob]) for blob in wanted)
    place = f"{root}/releases"
    connection.open(str(root), look=LOOK, about={**ABOUT, "id": release, "release": release})
    receive = Receive(f"{place}/{release}/source", entries(files), base=f"{place}/{base}/source" if base else "")
    connection.carry_out(Plan("deploy", "default", release, (Step("stage", "lay the source down", (receive,)),)))
    done = Step("switch", "switch", (Write(f"{root}/switched", release),))
    connection.carry_out(Plan("deploy", "default", release, (done,)), last=True)


def test_one_changed_line_costs_four_round_trips_and_few_bytes(host: Sshd, root: Path, record_property: Any) -> None:
    with Line(host) as line:
        ssh = host.ssh(known_hosts=str(known_as(host, line)))
        with connected(f"root@{line.name}", ssh) as connection:
            deliver(connection, root, "r1", project())
        there, back = line.there, line.back
        with connected(f"root@{line.name}", ssh) as connection:
            before = line.there
            deliver(connection, root, "r2", project(changed=100), base="r1")
            trips, frames = connection.round_trips, connection._channel.sent
        sent, after_login = line.there - there, line.there - before
    record_property("bytes", {"all": sent, "after the login": after_login, "frames": frames, "back": line.back - back})
    assert trips == 4
    assert (root / "releases/r2/source/app_1/package_2/module_100.py").read_bytes().endswith(b"changed = True\n")
    assert sent < 30_000


def test_a_large_file_takes_as_long_as_its_bytes(host: Sshd, root: Path) -> None:
    """paramiko copies what is left of a piece at every packet: 20 MB as one would take a minute."""
    files = {"large.bin": os.urandom(20 << 20)}
    began = time.monotonic()
    with connected(f"root@{host.name}", host.ssh()) as connection:
        deliver(connection, root, "r1", files)
    assert time.monotonic() - began < 20
    assert (root / "releases/r1/source/large.bin").read_bytes() == files["large.bin"]


# The connection dies


def held(root: Path, phase: str) -> tuple[Plan, Path]:
    """A plan that stands in `phase` until its gate is opened."""
    gate, mark = root.parent / "gate", root.parent / "begun"
    wait = f"touch {mark}; while test ! -e {gate}; do sleep 0.05; done"
    write = Step("stage", "write", (Write(f"{root}/file", "text"),), undo=(Remove((f"{root}/file",)),))
    steps = (
        write,
        Step(phase, "wait", (Run(("sh", "-c", wait)),)),
        Step("finish", "go on", (Write(f"{root}/on", ""),)),
    )
    return Plan("deploy", "default", "r1", steps), gate


def lose(connection: Connection, root: Path, phase: str, cut: Any) -> tuple[RunnerLost, float, Path]:
    """Cut the connection while the plan stands; the error, the seconds until it came, and the gate."""
    plan, gate = held(root, phase)
    connection.open(str(root), look=LOOK, about=dict(ABOUT))

    def on_begun(event: events.Event) -> None:
        if isinstance(event, events.StepStarted) and event.name == "wait":
            until((root.parent / "begun").exists, what="the step stands")
            cut()

    connection.listeners.append(on_begun)
    began = time.monotonic()
    with pytest.raises(RunnerLost) as caught:
        connection.carry_out(plan, last=True)
    return caught.value, time.monotonic() - began, gate


@pytest.mark.parametrize("phase", ["stage", "switch"])
def test_the_session_of_sshd_is_killed(host: Sshd, root: Path, phase: str) -> None:
    with connected(f"root@{host.name}", host.ssh()) as connection:
        error, _, gate = lose(connection, root, phase, lambda: [kill(pid) for pid in host.sessions()])
    assert error.message.startswith("The connection to 'root@127.0.0.1' was lost")
    assert "`deploy_attach" in error.hint
    expect_end(root, phase, gate)


@pytest.mark.parametrize("phase", ["stage", "switch"])
def test_the_line_goes_dead_without_a_word(host: Sshd, root: Path, phase: str) -> None:
    with Line(host) as line:
        ssh = host.ssh(known_hosts=str(known_as(host, line)), keepalive=0.5, silence=2.0)
        with connected(f"root@{line.name}", ssh) as connection:
            error, seconds, gate = lose(connection, root, phase, line.go_dead)
            expect_end(root, phase, gate)
    assert "nothing was heard for 2 s" in error.message
    assert 2 <= seconds < 10


def test_a_line_that_goes_dead_while_the_source_is_sent(host: Sshd, root: Path) -> None:
    """Nobody reads then, and the write would wait for ever: the sign of life ends it."""
    files = {"large.bin": os.urandom(30 << 20)}
    with Line(host) as line:
        ssh = host.ssh(known_hosts=str(known_as(host, line)), keepalive=0.5, silence=2.0)
        with connected(f"root@{line.name}", ssh) as connection:
            known = {blob_id(data): data for data in files.values()}

            def source(wanted: Any) -> Iterator[tuple[str, bytes]]:
                line.go_dead()
                return ((blob, known[blob]) for blob in wanted)

            connection.source = source
            connection.open(str(root), look=LOOK, about=dict(ABOUT))
            path = f"{root}/releases/r1/source"
            step = Step("stage", "lay", (Receive(path, entries(files)),), undo=(Remove((path,)),))
            began = time.monotonic()
            with pytest.raises(RunnerLost):
                connection.carry_out(Plan("deploy", "default", "r1", (step,)), last=True)
            assert time.monotonic() - began < 15
            until(lambda: story(root)["status"] == "cancelled", what="the runner takes back")


def known_as(host: Sshd, line: Line) -> Path:
    """A file in which the line has the host's key."""
    known = host.folder / f"known_{line.port}"
    known.write_text(host.known_hosts_line.replace(f":{host.port} ", f":{line.port} "))
    return known


def expect_end(root: Path, phase: str, gate: Path) -> None:
    """What the runner makes of it alone: all is taken back before the switch, and seen to the end after it."""
    if phase == "stage":
        until(lambda: story(root)["status"] == "cancelled", what="the runner takes back")
        assert not (root / "file").exists()
        assert story(root)["error"]["message"] == "The controller went away before the switch."
        return
    time.sleep(0.3)
    assert story(root)["status"] not in ("cancelled", "failed")
    gate.touch()
    until(lambda: story(root)["status"] == "succeeded", what="the runner goes on to the end")
    assert (root / "file").exists()
    assert (root / "on").exists()


def test_a_dead_line_does_not_stall_a_runner_that_shouts(host: Sshd, root: Path) -> None:
    """Nobody empties its pipe, and what it says is more than that holds."""
    shout = "import os,sys; os.close(0); [print('x' * 1000) for _ in range(3000)]"
    with Line(host) as line:
        ssh = host.ssh(known_hosts=str(known_as(host, line)), keepalive=5.0, silence=30.0)
        with connected(f"root@{line.name}", ssh) as connection:
            connection.open(str(root), look=LOOK, about=dict(ABOUT))
            steps = (
                Step("switch", "switch", (Write(f"{root}/switched", ""),)),
                Step("finish", "shout", (Run(("python3", "-c", shout)), Write(f"{root}/shouted", ""))),
            )
            plan = Plan("deploy", "default", "r1", steps)
            line.go_dead()
            line_channel: Channel = connection._channel
            began = time.monotonic()
            line_channel.send(
                "carry_out", plan=plan, url="", last=True, record=None, otherwise=None, more={}
            )  # it is in the queue of the line, and does not arrive
            line._live.set()
            until((root / "switched").exists, what="the plan arrives")
            line.go_dead()
            until((root / "shouted").exists, what="the runner goes on", seconds=15)
            until(lambda: story(root)["status"] == "succeeded", what="the runner ends", seconds=15)
            assert time.monotonic() - began < 25


def test_a_controller_that_reads_its_source_for_long_is_not_gone(host: Sshd, root: Path) -> None:
    """Its signs of life begin before its first question."""
    ssh = host.ssh(keepalive=0.2, silence=1.0)
    with connected(f"root@{host.name}", ssh) as connection:
        time.sleep(2)
        assert look(connection, root).uid == 0
        time.sleep(2)
        assert connection.stories(1) == []


def test_a_link_that_dies_in_a_login_leaves_no_process(host: Sshd, root: Path) -> None:
    """The controller is gone before the runner has its files."""
    ssh: Ssh = host.ssh()
    with connected(f"root@{host.name}", ssh):
        until(lambda: host.runners(), what="the runner starts")
    until(lambda: not host.runners(), what="the runner ends")
