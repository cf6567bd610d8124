"""Logs are read from where one stopped, over rotations and over releases."""

from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy.core import logs
from django_selfdeploy.core.layout import Layout

RELEASE = "20261122-101112-1c1c1c1c"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A site whose release has a web server and a worker."""
    go_live(tmp_path, RELEASE)
    for name in ("web.log", "mail.log", "web.log.1", "notes.txt"):
        put(tmp_path / "log" / RELEASE / name, f"{name} 1\n{name} 2\n{name} 3\n")
    put(tmp_path / "log" / "access.log", "GET /\n")
    put(tmp_path / "log" / "front-error.log", "emerg\n")
    return Layout(str(tmp_path))


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def go_live(root: Path, release: str) -> None:
    (root / "releases" / release).mkdir(parents=True)
    (root / "current").unlink(missing_ok=True)
    (root / "current").symlink_to(f"releases/{release}")


def read(layout: Layout, *wanted: str, after: dict[str, Any] | None = None, lines: int = 2) -> dict[str, Any]:
    offsets = {name: {"path": row["path"], "offset": row["offset"]} for name, row in (after or {}).items()}
    return dict(logs.read(layout, wanted, offsets, lines=lines)["logs"])


def test_the_programs_come_first_then_what_is_the_whole_sites(layout: Layout) -> None:
    found = logs.read(layout, (), {}, lines=2)
    assert found["known"] == ["mail", "web", "access", "front"]
    assert list(found["logs"]) == ["mail", "web", "front"]
    assert found["logs"]["web"] == {
        "path": layout.release_log(RELEASE) + "/web.log",
        "offset": 30,
        "text": "web.log 2\nweb.log 3\n",
    }


def test_the_access_log_is_read_when_it_is_asked_for(layout: Layout) -> None:
    assert {name: row["text"] for name, row in read(layout, "access", "unknown").items()} == {"access": "GET /\n"}


def test_reading_goes_on_where_it_stopped(layout: Layout, tmp_path: Path) -> None:
    first = read(layout, "web")
    with open(tmp_path / "log" / RELEASE / "web.log", "a") as file:
        file.write("web.log 4\nweb.log 5\nhalf a l")
    second = read(layout, "web", after=first)
    assert second["web"]["text"] == "web.log 4\nweb.log 5\n"
    with open(tmp_path / "log" / RELEASE / "web.log", "a") as file:
        file.write("ine\n")
    third = read(layout, "web", after=second)
    assert third["web"]["text"] == "half a line\n"
    assert read(layout, "web", after=third)["web"]["text"] == ""


def test_a_rotated_log_is_read_from_its_beginning(layout: Layout, tmp_path: Path) -> None:
    first = read(layout, "web")
    put(tmp_path / "log" / RELEASE / "web.log", "new 1\nnew 2\n")
    assert read(layout, "web", after=first)["web"]["text"] == "new 1\nnew 2\n"


def test_the_log_of_a_new_release_is_read_from_its_beginning(layout: Layout, tmp_path: Path) -> None:
    first = read(layout, "web")
    put(tmp_path / "log" / "20261123-000000-2d2d2d2d" / "web.log", "line 1\nline 2\nline 3\nline 4\n")
    go_live(tmp_path, "20261123-000000-2d2d2d2d")
    assert read(layout, "web", after=first)["web"]["text"] == "line 1\nline 2\nline 3\nline 4\n"


def test_of_a_very_long_log_only_the_end_is_read(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MOST", 12)
    assert read(layout, "web", lines=100)["web"]["text"] == "2\nweb.log 3\n"
    put(tmp_path / "log" / RELEASE / "web.log", "1234\n5678\n90ab\n")
    begun = {"web": {"path": f"{layout.release_log(RELEASE)}/web.log", "offset": 0}}
    second = read(layout, "web", after=begun)
    assert second["web"]["text"] == "1234\n5678\n"
    assert read(layout, "web", after=second)["web"]["text"] == "90ab\n"


def test_a_line_without_an_end_does_not_stop_the_reading(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MOST", 12)
    put(tmp_path / "log" / RELEASE / "web.log", "x" * 30 + "\nafter\n")
    found: dict[str, Any] = {"web": {"path": f"{layout.release_log(RELEASE)}/web.log", "offset": 0}}
    texts = []
    for _ in range(4):
        found = read(layout, "web", after=found)
        texts.append(found["web"]["text"])
    assert "".join(texts) == "x" * 30 + "\nafter\n"


def test_control_characters_are_spelt_out(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "log" / RELEASE / "web.log").write_bytes(b"\x1b[31mred\x1b[0m \x07\xff\n")
    assert read(layout, "web")["web"]["text"] == "red \\x07�\n"


def test_a_site_that_is_not_there_has_no_logs(tmp_path: Path) -> None:
    assert logs.read(Layout(f"{tmp_path}/none"), ("web",), {}, lines=5) == {"logs": {}, "known": []}


def test_a_log_that_may_not_be_read_is_empty(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "log" / RELEASE / "folder.log").mkdir()
    path = f"{layout.release_log(RELEASE)}/folder.log"
    assert read(layout, "folder") == {"folder": {"path": path, "offset": 0, "text": ""}}


def test_log_files_of_the_project_are_among_them(layout: Layout) -> None:
    for name in ("shop.log", "shop.log.1", "web.log", "audit.txt"):
        put(Path(layout.project_log, name), f"{name}\n")
    known = logs.names(layout)
    assert list(known) == ["mail", "web", "audit.txt", "shop", "project-web", "access", "front"]
    assert read(layout, "shop")["shop"]["text"] == "shop.log\n"
