"""The site is closed and opened by files alone; what nobody opened, the next run opens."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from django_selfdeploy.core import window
from django_selfdeploy.core.actions import window as actions
from django_selfdeploy.core.actions.base import ActionFailed
from django_selfdeploy.core.actions.files import Remove
from django_selfdeploy.core.actions.programs import StartPrograms
from django_selfdeploy.core.actions.web import AwaitReady, Drain
from django_selfdeploy.core.actions.window import CloseSite
from django_selfdeploy.core.agent import AgentSpec
from django_selfdeploy.core.layout import Layout
from django_selfdeploy.core.recovery import recover
from django_selfdeploy.core.state import look
from tests.faking import web
from tests.making import LAYOUT, OLD, deployed, small_release

KEY = "5d" * 16
AGENT = AgentSpec(("python",), "/srv/mysite")
OLD_RELEASE = small_release(OLD)


class World:
    """One whose agent gives a page."""

    def agent(self, spec: AgentSpec) -> Any:
        return SimpleNamespace(ask=lambda *_, **__: {"text": "Back soon"})


def closing(root: Path, address: str) -> CloseSite:
    front = replace(OLD_RELEASE.front, address=address)
    return CloseSite(f"{root}/window", KEY, AGENT, front, OLD_RELEASE.probe)


def test_the_site_is_closed_by_a_file_and_that_is_proven(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def answer(path: str, headers: dict[str, str]) -> Any:
        seen.append(sorted(one.name for one in (tmp_path / "window").iterdir()))
        return 503, {"X-Selfdeploy-Closed": "1"}, b""

    with web(answer) as address:
        closing(tmp_path, address).do(World())  # type: ignore[arg-type]
    assert seen == [["503.html", KEY, "closed"]]
    assert (tmp_path / "window/503.html").read_text() == "Back soon"
    assert (tmp_path / "window").stat().st_mode & 0o777 == 0o711


@pytest.mark.parametrize("page", [(200, {}, b""), (503, {}, b"")])
def test_a_front_that_does_not_know_how_closes_nothing(
    page: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "PATIENCE", 0.1)
    with web(lambda path, headers: page) as address, pytest.raises(ActionFailed, match="does not answer with 503"):
        closing(tmp_path, address).do(World())  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_window_is_closed_before_the_old_code_stops_and_a_failure_takes_both_back() -> None:
    close = window.close(LAYOUT, OLD_RELEASE, key=KEY, agent=AGENT)
    stop = window.stop_for_window(LAYOUT, OLD_RELEASE)
    assert [type(one) for one in (*close.actions, *stop.actions)][:2] == [CloseSite, Drain]
    assert [type(one) for one in stop.undo] == [StartPrograms, AwaitReady]
    assert close.undo == window.reopen(LAYOUT).actions == (Remove((LAYOUT.window,)),)
    assert [close.phase, stop.phase, window.reopen(LAYOUT).phase] == ["close", "close", "reopen"]


def test_a_window_that_nobody_opened_is_left_over(tmp_path: Path) -> None:
    (tmp_path / "window").mkdir()
    layout = Layout(str(tmp_path))
    assert look(layout).leftovers == (layout.window,)


def test_recovery_starts_what_is_live_and_opens_the_site() -> None:
    state = deployed(OLD_RELEASE, leftovers=(LAYOUT.window,), processes=(), unfinished=("20261122-101112-345",))
    start, remove, _ = recover(LAYOUT, state).actions
    assert isinstance(start, StartPrograms)
    assert (start.groups, remove) == (OLD_RELEASE.groups, Remove((LAYOUT.window,)))
