"""What a runner is asked without a lock."""

import tempfile
from pathlib import Path

import pytest

from django_selfdeploy.core import codec, machine
from django_selfdeploy.core.errors import NothingThere
from django_selfdeploy.core.journal import Journal
from django_selfdeploy.core.layout import Layout
from django_selfdeploy.core.lock import Lock
from django_selfdeploy.core.questions import ANSWERS
from django_selfdeploy.core.release import Program
from django_selfdeploy.core.secret import Secret
from tests.faking import site
from tests.making import NEW, OLD, OLDER, host_state, small_release

LOOK = {"control": "", "port": 0, "programs": ()}


@pytest.fixture(autouse=True)
def _no_crontab(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own crontab is nobody's business here."""
    monkeypatch.setattr(machine, "boot_installed", lambda layout: False)


@pytest.fixture
def empty(tmp_path: Path) -> Layout:
    return Layout(f"{tmp_path}/no/site")


def test_a_root_that_is_not_there_has_an_answer_to_everything_and_is_not_made(empty: Layout) -> None:
    assert ANSWERS["look"](empty, look=LOOK).current == host_state().current
    assert ANSWERS["status"](empty, look=LOOK, deployments=5)["healthy"] is False
    assert ANSWERS["holder"](empty, kill=False) is None
    assert ANSWERS["files"](empty) == {}
    assert ANSWERS["story"](empty, count=5) == []
    with pytest.raises(NothingThere):
        ANSWERS["manifest"](empty, release=OLD)
    assert not Path(empty.root).exists()


def test_the_newest_journals_come_first(tmp_path: Path) -> None:
    layout = Layout(str(tmp_path))
    Path(layout.journals).mkdir()
    for identity in ("20261121-090000-000", "20261122-090000-000"):
        Journal(layout, {"id": identity, "kind": "deploy", "release": ""})
    assert [story["id"] for story in ANSWERS["story"](layout, count=1)] == ["20261122-090000-000"]


def test_who_holds_the_lock_is_told_while_it_is_held(tmp_path: Path) -> None:
    layout = Layout(str(tmp_path))
    held = Lock(layout)
    held.take({"kind": "deploy", "who": "ann@laptop"}, wait=0.0, tell=print)
    assert ANSWERS["holder"](layout, kill=False)["who"] == "ann@laptop"
    held.release()
    assert ANSWERS["holder"](layout, kill=False) is None


def test_a_host_of_workers_is_healthy_without_a_front_server() -> None:
    with tempfile.TemporaryDirectory(prefix="sd-") as folder:  # the path of a socket may have 107 bytes
        programs = (Program("mail", f"mysite-{OLD}-mail", False, 1.0),)
        with site(Path(folder), small_release(OLD, root=folder, programs=programs)):
            found = ANSWERS["status"](Layout(folder), look=LOOK, deployments=1)
    assert (found["healthy"], found["answers"], found["front"]) == (True, True, "ok")


def test_values_are_told_where_they_are_asked_for_and_only_there(tmp_path: Path) -> None:
    layout = Layout(str(tmp_path))
    for name in (OLD, NEW):
        made = small_release(name, root=str(tmp_path))
        source = Path(layout.variables_of(name, made.project))
        source.parent.mkdir(parents=True)
        Path(layout.release(name), "release.json").write_text(codec.dumps(made))
        source.write_bytes(f"A={name}\n".encode() + b"B=\xff\n")
    Path(layout.current).symlink_to(f"releases/{NEW}")
    Path(layout.shared).mkdir()
    Path(layout.variables).write_text("A=kept\n")
    texts = {name: Secret(f"A={name}\nB=\udcff\n") for name in (OLD, NEW)}
    assert ANSWERS["variables"](layout, releases=("", OLD)) == {"": texts[NEW], OLD: texts[OLD]}
    with pytest.raises(NothingThere, match="There is no release '20261120"):
        ANSWERS["variables"](layout, releases=(OLDER,))
    silent, asked = (ANSWERS["look"](layout, look={**LOOK, "variables": one}) for one in (False, True))
    assert (silent.live_variables, silent.kept_variables) == (None, None)
    assert (asked.live_variables, asked.kept_variables) == (texts[NEW], Secret("A=kept\n"))
    Path(layout.variables_of(OLD, "")).unlink()
    assert ANSWERS["variables"](layout, releases=(OLD,)) == {OLD: None}
