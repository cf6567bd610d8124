"""Pages of a new release are asked for, and the old one is asked where the new one's answer is bad."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from django_selfdeploy.core.actions.base import ActionFailed
from django_selfdeploy.core.actions.smoke import ComparePages
from django_selfdeploy.core.agent import AgentSpec
from django_selfdeploy.core.release import ProbeSpec
from django_selfdeploy.core.smoke import Seen, got_worse
from django_selfdeploy.hosts.memory import MemoryWorld
from tests.faking import Headers, Page, web

SPEC = ProbeSpec("/", "www.example.com")
PATHS = ("/", "/a/", "/b/")


@contextmanager
def releases(path: Path, new: dict[str, int], old: dict[str, int] | None) -> Iterator[tuple[ComparePages, list[str]]]:
    """A new and an old release that answer with these statuses, else 200; and what the old one was asked."""
    asked: list[str] = []

    def of_new(page: str, headers: Headers) -> Page:
        return new.get(page, 200), {}, b""

    def of_old(page: str, headers: Headers) -> Page:
        asked.append(page)
        return (old or {}).get(page, 200), {}, b""

    sockets = path / "new.sock", path / "old.sock"
    with web(of_new, path=sockets[0]), web(of_old, path=sockets[1]):
        before = str(sockets[1]) if old is not None else ""
        yield ComparePages(str(sockets[0]), before, SPEC, SPEC, PATHS, (), 10.0, 5.0, None, False), asked


def failed(action: ComparePages, world: MemoryWorld | None = None) -> str:
    with pytest.raises(ActionFailed) as caught:
        action.do(world or MemoryWorld())
    return str(caught.value)


def test_the_old_release_is_not_asked_for_pages_that_work(tmp_path: Path) -> None:
    world = MemoryWorld()
    with releases(tmp_path, {"/a/": 302}, {}) as (action, asked):
        action.do(world)
    assert (asked, world.notes, world.warnings) == ([], ["3 pages, 0 worse"], [])


def test_a_page_that_got_worse_is_told_with_both_statuses_and_the_traceback(tmp_path: Path) -> None:
    world = MemoryWorld(questions={"explain": {"why": "KeyError: 'x'\n  in views.py\n"}})
    with releases(tmp_path, {"/a/": 500, "/b/": 404}, {"/b/": 301}) as (action, asked):
        text = failed(replace(action, agent=AgentSpec(("python",), "/")), world)
    assert text == (
        "GET /a/ is answered with 500; the release before answers with 200. "
        "GET /b/ is answered with 404; the release before answers with 301."
        "\n    KeyError: 'x'\n      in views.py"
    )
    assert sorted(asked) == ["/a/", "/b/"]
    assert world.asked == [("explain", {"path": "/a/", "host": "www.example.com", "https": False})]


def test_a_page_that_was_as_bad_before_stops_nothing(tmp_path: Path) -> None:
    world = MemoryWorld()
    with releases(tmp_path, {"/a/": 500, "/b/": 403}, {"/a/": 503, "/b/": 404}) as (action, _):
        action.do(world)
    assert world.warnings == ["GET /a/ is answered with 500, as before."]


def test_an_overruled_check_stops_nothing_and_is_told(tmp_path: Path) -> None:
    world = MemoryWorld()
    with releases(tmp_path, {"/a/": 500}, {}) as (action, _):
        replace(action, accepted=True).do(world)
    sentence = "GET /a/ is answered with 500; the release before answers with 200."
    assert (world.warnings, world.notes) == ([f"(selfdeploy.E030) was overruled: {sentence}"], ["3 pages, 1 worse"])


def test_a_first_release_may_refuse_what_was_found_but_not_what_was_given(tmp_path: Path) -> None:
    with releases(tmp_path, {"/a/": 403, "/b/": 500}, None) as (action, _):
        replace(action, pages=("/a/",)).do(MemoryWorld())
        assert failed(replace(action, pages=("/a/",), given=("/a/",))) == "GET /a/ is answered with 403."
        assert failed(action) == "GET /b/ is answered with 500."


def test_a_slow_page_is_not_judged_unless_it_was_given(tmp_path: Path) -> None:
    def never(page: str, headers: Headers) -> Page:
        import time

        time.sleep(0.5 if page == "/a/" else 0)
        return 200, {}, b""

    with web(never, path=tmp_path / "new.sock"):
        action = ComparePages(f"{tmp_path}/new.sock", "", SPEC, SPEC, PATHS, (), 10.0, 0.1, None, False)
        world = MemoryWorld()
        action.do(world)
        assert world.notes == ["3 pages, 0 worse, 1 too slow to judge"]
        replace(action, given=("/a/",)).do(world)
        assert world.notes[1] == "3 pages, 0 worse"


def test_when_the_time_is_over_no_more_pages_are_asked(tmp_path: Path) -> None:
    world = MemoryWorld()
    with releases(tmp_path, {}, {}) as (action, _):
        replace(action, seconds=0.0).do(world)
    assert world.notes == ["0 pages, 0 worse"]


def test_a_release_that_explains_nothing_is_told_all_the_same(tmp_path: Path) -> None:
    world = MemoryWorld(questions={"explain": ActionFailed("The Django process of the release ended.")})
    with releases(tmp_path, {"/a/": 500}, None) as (action, _):
        text = failed(replace(action, agent=AgentSpec(("python",), "/")), world)
    assert text == "GET /a/ is answered with 500. The Django process of the release ended."


@pytest.mark.parametrize(
    ("old", "new", "worse"),
    [
        (200, 302, False),
        (302, 404, True),
        (404, 500, True),
        (500, 404, False),
        (200, 429, False),
        (500, 0, True),
        (0, 0, False),
    ],
)
def test_what_is_worse(old: int, new: int, worse: bool) -> None:
    assert got_worse(Seen("/", old), Seen("/", new), must_work=True) is worse
