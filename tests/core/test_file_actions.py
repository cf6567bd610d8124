"""Actions on files can be done twice, and never leave half of something."""

import os
import re
from pathlib import Path

import pytest

from django_selfdeploy.core.actions.base import Action, ActionFailed
from django_selfdeploy.core.actions.files import (
    CopyFile,
    KeepSecret,
    LeaveRunner,
    Link,
    MakeFolders,
    Remove,
    Write,
    size,
)
from django_selfdeploy.core.actions.static import ShareStatic, SweepStatic, files_below
from django_selfdeploy.core.actions.variables import KeepVariables, NoteVariables, SetVariables
from django_selfdeploy.core.runner_files import runner_files
from django_selfdeploy.core.secret import Secret
from django_selfdeploy.hosts.memory import MemoryWorld


def do(action: Action) -> MemoryWorld:
    world = MemoryWorld()
    action.do(world)
    return world


def tree(folder: Path) -> dict[str, str]:
    """The texts of all files below by path; of links where they point to."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"
        elif path.is_file():
            found[name] = path.read_text()
    return found


def put(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_folders_are_made_with_their_mode_whatever_was_there(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir(mode=0o700)
    for _ in range(2):
        do(MakeFolders((f"{tmp_path}/a/deep", f"{tmp_path}/b"), 0o750))
        assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("a/deep", "b")] == [0o750, 0o750]


def test_a_file_that_is_right_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    do(Write(str(path), "text\n", 0o640))
    first = path.stat()
    do(Write(str(path), "text\n", 0o640))
    assert path.stat().st_ino == first.st_ino


@pytest.mark.parametrize(("text", "mode"), [("text\n", 0o600), ("other\n", 0o640)])
def test_a_file_with_another_mode_or_text_is_written_anew(tmp_path: Path, text: str, mode: int) -> None:
    path = tmp_path / "file"
    do(Write(str(path), "text\n", 0o640))
    do(Write(str(path), text, mode))
    assert (path.read_text(), path.stat().st_mode & 0o7777) == (text, mode)


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    put(tmp_path, {"victim": "text\n"})
    (tmp_path / "file").symlink_to("victim")
    do(Write(f"{tmp_path}/file", "text\n"))
    do(Write(f"{tmp_path}/file", "new\n"))
    assert tree(tmp_path) == {"file": "new\n", "victim": "text\n"}


def test_a_secret_is_written_as_it_is_and_described_by_its_place_only(tmp_path: Path) -> None:
    write = Write(f"{tmp_path}/.env", Secret("KEY=pä\udcff\n"), 0o600)
    do(write)
    assert (tmp_path / ".env").read_bytes() == b"KEY=p\xc3\xa4\xff\n"
    assert write.describe() == f"write {tmp_path}/.env"


def test_the_runner_leaves_itself_whole(tmp_path: Path) -> None:
    action = LeaveRunner(f"{tmp_path}/bin/runner")
    do(action)
    do(action)
    assert tree(tmp_path / "bin/runner") == dict(runner_files())
    assert action.describe() == f"leave the runner in {tmp_path}/bin/runner"


def test_a_file_is_copied_where_there_is_one(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    do(CopyFile(str(source), str(target), 0o600))
    assert tree(tmp_path) == {}
    source.write_text("text")
    do(CopyFile(str(source), str(target), 0o600))
    assert (target.read_text(), target.stat().st_mode & 0o777) == ("text", 0o600)


def test_a_secret_is_made_once_and_masked_every_time(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    worlds = [do(KeepSecret(str(path))) for _ in range(2)]
    value = path.read_text()
    assert re.fullmatch(r"[A-Za-z0-9]{64}", value)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [world.secrets for world in worlds] == [[value], [value]]


def test_a_link_points_to_the_last_one(tmp_path: Path) -> None:
    for release in ("releases/1", "releases/2", "releases/2"):
        do(Link(f"{tmp_path}/current", release))
    assert tree(tmp_path) == {"current": "-> releases/2"}


def test_a_folder_in_the_place_of_a_link_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "current").mkdir()
    with pytest.raises(ActionFailed, match=re.escape(f"'{tmp_path}/current' is a folder where a link is expected.")):
        do(Link(f"{tmp_path}/current", "releases/1"))


def test_files_links_and_folders_are_removed_and_what_links_point_to_is_not(tmp_path: Path) -> None:
    put(tmp_path, {"file": "", "folder/deep/file": "", "kept/file": "kept"})
    (tmp_path / "link").symlink_to("kept")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "kept")
    action = Remove(tuple(f"{tmp_path}/{name}" for name in ("file", "link", "dangling", "folder", "nothing")))
    do(action)
    do(action)
    assert tree(tmp_path) == {"kept/file": "kept"}
    assert os.listdir(tmp_path) == ["kept"]


def test_a_folder_is_renamed_before_it_is_removed_so_that_half_of_it_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, {"release/file": ""})
    seen: list[str] = []
    monkeypatch.setattr("shutil.rmtree", seen.append)
    do(Remove((f"{tmp_path}/release",)))
    [left] = os.listdir(tmp_path)
    assert re.fullmatch(r"\.del-[0-9a-f]{8}-release", left)
    do(Remove((f"{tmp_path}/{left}",)))
    assert seen == [f"{tmp_path}/{left}"] * 2


def test_static_files_are_shared_without_taking_room(tmp_path: Path) -> None:
    put(tmp_path, {"1/public/a.1.css": "a", "1/public/deep/b.css": "b", "shared/deep/b.css": "of an older release"})
    action = ShareStatic(f"{tmp_path}/1/public", f"{tmp_path}/shared")
    do(action)
    do(action)
    assert tree(tmp_path / "shared") == {"a.1.css": "a", "deep/b.css": "b"}
    assert (tmp_path / "shared/a.1.css").samefile(tmp_path / "1/public/a.1.css")


def test_a_shared_file_keeps_no_compressed_sibling_of_other_bytes(tmp_path: Path) -> None:
    put(tmp_path, {"public/a.css": "new", "public/b.css": "new", "public/b.css.gz": "new, gzipped"})
    put(tmp_path, {f"shared/{name}": "old" for name in ("a.css", "a.css.gz", "a.css.br", "b.css.gz", "c.css.gz")})
    do(ShareStatic(f"{tmp_path}/public", f"{tmp_path}/shared"))
    assert tree(tmp_path / "shared") == {"a.css": "new", "b.css": "new", "b.css.gz": "new, gzipped", "c.css.gz": "old"}


def test_static_files_that_no_kept_release_has_are_swept(tmp_path: Path) -> None:
    put(tmp_path, {f"shared/{name}": "" for name in ("a.1.css", "a.2.css", "a.3.css", "deep/gone.js")})
    put(tmp_path, {"2/public/a.2.css": "", "3/public/a.3.css": ""})
    do(SweepStatic(f"{tmp_path}/shared", tuple(f"{tmp_path}/{number}/public" for number in (2, 3, 4))))
    assert sorted(files_below(f"{tmp_path}/shared")) == ["a.2.css", "a.3.css"]


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (3_149_000, "3.1 MB"),
        (2_500_000_000, "2.5 GB"),
        (10**13, "10000.0 GB"),
    ],
)
def test_a_size_is_told_in_powers_of_ten(count: int, expected: str) -> None:
    assert size(count) == expected


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (MakeFolders(("/a", "/b")), "make /a, /b"),
        (CopyFile("/a", "/b"), "copy /a to /b"),
        (KeepSecret("/a"), "keep a secret in /a"),
        (Link("/a", "b"), "point /a to b"),
        (Remove(("/a", "/b")), "remove /a, /b"),
        (ShareStatic("/a", "/b"), "share /a in /b"),
        (SweepStatic("/a", ()), "remove from /a what no kept release has"),
    ],
)
def test_an_action_says_what_it_does(action: Action, expected: str) -> None:
    assert action.describe() == expected


def test_what_an_environment_file_was_is_kept_beside_it(tmp_path: Path) -> None:
    new, kept = tmp_path / "new", tmp_path / ".env"
    previous = tmp_path / ".env.previous"
    do(KeepVariables(str(new), str(kept)))
    assert not kept.exists()
    new.write_bytes(b"A=canary-1\n\xff")
    world = do(KeepVariables(str(new), str(kept)))
    assert (kept.read_bytes(), kept.stat().st_mode & 0o777, previous.exists()) == (new.read_bytes(), 0o600, False)
    do(KeepVariables(str(new), str(kept)))
    assert not previous.exists()
    kept.chmod(0o644)
    world = do(SetVariables(str(kept), Secret("A=canary-2\n")))
    assert (kept.read_text(), previous.read_bytes()) == ("A=canary-2\n", b"A=canary-1\n\xff")
    assert [path.stat().st_mode & 0o777 for path in (kept, previous)] == [0o600, 0o600]
    assert world.secrets == ["canary-2"]
    assert "canary" not in SetVariables(str(kept), Secret("A=canary-2\n")).describe()


def test_the_names_of_variables_that_changed_are_noted() -> None:
    assert do(NoteVariables("1 changed: A")).notes == ["1 changed: A"]
