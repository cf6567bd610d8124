"""BUILD runs commands in the release, and takes their files over while what they read is the same."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from django_selfdeploy.core.actions.base import ActionFailed
from django_selfdeploy.core.actions.build import Build
from django_selfdeploy.core.manifest import FILE, LINK, Entry, blob_id
from django_selfdeploy.hosts.memory import MemoryWorld

MAKE = ("sh", "-c", "mkdir -p dist && cat app.js app.js > dist/app.js && ln -s app.js dist/link && echo made")
SOURCE = {"app.js": "let a", "page.html": "<p>", "package.json": "{}"}


def release(top: Path, name: str, files: dict[str, str] = SOURCE, *, before: str = "") -> Build:
    """A release with this source, links to what the one before has of it, and the action that builds it."""
    folder = top / name
    (folder / "etc").mkdir(parents=True)
    entries = []
    for path, text in files.items():
        whole = folder / "source" / path
        whole.parent.mkdir(parents=True, exist_ok=True)
        older = top / before / "source" / path
        if before and older.exists() and older.read_text() == text:
            os.link(older, whole)
        else:
            whole.write_text(text)
        entries.append(Entry(path, blob_id(text.encode()), FILE, len(text)))
    (folder / "source/alias").symlink_to("page.html")
    entries.append(Entry("alias", blob_id(b"page.html"), LINK, 9))
    (folder / "manifest.json").write_text(json.dumps([entry.to_json() for entry in entries]))
    old = f"{top}/{before}" if before else ""
    packages = tuple(path for path in files if path.endswith("package.json"))
    return Build(str(folder), old, f"{folder}/source", (), (MAKE,), "key", "key of all", packages, 30.0)


def record(action: Build) -> dict[str, object]:
    return dict(json.loads(Path(action.folder, "etc/build.json").read_text()))


def test_commands_run_in_the_release_and_what_they_make_is_known(tmp_path: Path) -> None:
    world, action = MemoryWorld(), release(tmp_path, "1")
    action.do(world)
    assert (world.told, world.notes) == (["made\n"], ["2 files made"])
    assert record(action) == {"key": "key", "files": ["dist/app.js", "dist/link"]}


def test_what_was_made_is_taken_over_and_nothing_runs(tmp_path: Path) -> None:
    release(tmp_path, "1").do(MemoryWorld())
    world, second = MemoryWorld(), release(tmp_path, "2", {**SOURCE, "page.html": "<p>new"}, before="1")
    second.do(world)
    assert (world.told, world.notes) == ([], ["unchanged, 2 files taken over"])
    assert (tmp_path / "2/source/dist/app.js").samefile(tmp_path / "1/source/dist/app.js")
    assert os.readlink(tmp_path / "2/source/dist/link") == "app.js"
    third = release(tmp_path, "3", before="2")
    third.do(world)
    assert record(third) == record(second)


@pytest.mark.parametrize("lost", ["dist/app.js", "dist/link"])
def test_another_key_or_a_lost_file_runs_them_again(lost: str, tmp_path: Path) -> None:
    release(tmp_path, "1").do(MemoryWorld())
    world = MemoryWorld()
    replace(release(tmp_path, "2", before="1"), key="other").do(world)
    assert world.notes == ["2 files made"]
    (tmp_path / "2/source" / lost).unlink()
    replace(release(tmp_path, "3", before="2"), key="other", commands=(("true",),)).do(world)
    assert world.notes[1:] == ["0 files made"] or lost == "dist/link"


def test_tailwind_reads_every_file(tmp_path: Path) -> None:
    action = release(tmp_path, "1", {**SOURCE, "package.json": '{"devDependencies": {"tailwindcss": "4"}}'})
    action.do(MemoryWorld())
    assert record(action)["key"] == "key of all"


def test_a_command_that_writes_into_the_source_leaves_older_releases_alone(tmp_path: Path) -> None:
    release(tmp_path, "1").do(MemoryWorld())
    action = release(tmp_path, "2", before="1")
    assert (tmp_path / "2/source/page.html").samefile(tmp_path / "1/source/page.html")
    world = MemoryWorld()
    replace(action, key="other", commands=(("sh", "-c", "echo built > page.html"),)).do(world)
    assert (tmp_path / "1/source/page.html").read_text() == "<p>"
    assert world.warnings == [
        "BUILD has changed 'page.html', which is part of the source: let git ignore what it makes."
    ]


def test_a_command_that_fails_is_told_with_its_last_lines(tmp_path: Path) -> None:
    action = replace(release(tmp_path, "1"), commands=(("sh", "-c", "echo no such module; exit 3"), MAKE))
    with pytest.raises(ActionFailed) as caught:
        action.do(MemoryWorld())
    assert str(caught.value) == "`sh -c 'echo no such module; exit 3'` ended with status 3.\n    no such module"
    assert not (tmp_path / "1/etc/build.json").exists()


def test_it_is_told_what_would_run(tmp_path: Path) -> None:
    action = replace(release(tmp_path, "1"), commands=(("npm", "ci"), ("npm", "run", "build")))
    assert action.describe() == "run `npm ci`, `npm run build`, unless nothing that they read changed"


def test_a_restart_takes_over_what_was_built_whatever_has_changed(tmp_path: Path) -> None:
    release(tmp_path, "1").do(MemoryWorld())
    again = replace(release(tmp_path, "2", before="1"), key="other", commands=(("false",),), again=False)
    world = MemoryWorld()
    again.do(world)
    assert world.notes == ["unchanged, 2 files taken over"]
    assert json.loads((tmp_path / "2/etc/build.json").read_text())["key"] == "key of all"[:3]
    with pytest.raises(ActionFailed):
        replace(release(tmp_path, "3"), commands=(("false",),), again=False).do(MemoryWorld())
