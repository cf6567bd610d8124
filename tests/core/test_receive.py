"""A source arrives whole and unharmed, and nothing of it lands outside of its folder."""

import json
import os
from pathlib import Path

import pytest

from django_selfdeploy.core.actions.base import ActionFailed
from django_selfdeploy.core.actions.source import Receive, read_manifest
from django_selfdeploy.core.errors import NothingThere
from django_selfdeploy.core.manifest import FILE, LINK, PROGRAM, Entry, blob_id
from django_selfdeploy.hosts.memory import MemoryWorld
from tests.making import entry

TEXTS = ("", "#!/bin/sh\n", "text\n", "a.txt", "../a.txt", "text2\n")
SENT = {blob_id(text.encode()): text.encode() for text in TEXTS}


def receive(path: Path, *entries: Entry, base: str = "", sent: dict[str, bytes] = SENT) -> MemoryWorld:
    world = MemoryWorld(sent=sent)
    Receive(f"{path}/source", entries, base).do(world)
    return world


def found(path: Path) -> dict[str, tuple[str, int]]:
    rows = {}
    for file in sorted((path / "source").rglob("*")):
        if file.is_symlink():
            rows[file.relative_to(path / "source").as_posix()] = (os.readlink(file), LINK)
        elif file.is_file():
            rows[file.relative_to(path / "source").as_posix()] = (file.read_text(), file.stat().st_mode)
    return rows


def test_files_programs_and_links_are_laid_down_with_their_modes(tmp_path: Path) -> None:
    entries = (
        entry("a.txt", "text\n"),
        entry("copy/of/a.txt", "text\n"),
        entry("empty", ""),
        entry("run.sh", "#!/bin/sh\n", mode=PROGRAM),
        entry("link", "a.txt", mode=LINK),
        entry("copy/link", "../a.txt", mode=LINK),
    )
    before = os.umask(0o077)
    try:
        world = receive(tmp_path, *entries)
    finally:
        os.umask(before)
    assert found(tmp_path) == {
        "a.txt": ("text\n", FILE),
        "copy/of/a.txt": ("text\n", FILE),
        "empty": ("", FILE),
        "run.sh": ("#!/bin/sh\n", PROGRAM),
        "link": ("a.txt", LINK),
        "copy/link": ("../a.txt", LINK),
    }
    assert world.notes == ["6 of 6 files new, 28 B"]


def test_what_was_laid_down_is_listed_beside_it(tmp_path: Path) -> None:
    entries = (entry("a.txt", "text\n"), entry("link", "a.txt", mode=LINK))
    receive(tmp_path, *entries)
    assert read_manifest(str(tmp_path)) == entries
    assert json.loads((tmp_path / "manifest.json").read_text())[0] == ["a.txt", entries[0].blob, FILE, 5]


@pytest.mark.parametrize("text", [None, "no json", '[["a", "b", "c", "d"]]'])
def test_a_release_without_a_list_cannot_be_made_again(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(NothingThere) as caught:
        read_manifest(str(tmp_path))
    assert str(caught.value) == f"The source of {tmp_path.name!r} is not listed.\nDeploy it anew."


def older(tmp_path: Path) -> Path:
    base = tmp_path / "old"
    (base / "deep").mkdir(parents=True)
    (base / "a.txt").write_text("text\n")
    (base / "deep" / "b.txt").write_text("text2\n")
    (base / "link").symlink_to("a.txt")
    os.utime(base / "a.txt", ns=(1_600_000_000_000_000_001, 1_600_000_000_123_456_789))
    return base


def test_what_the_older_release_has_is_the_same_file_and_not_asked_for(tmp_path: Path) -> None:
    entries = (entry("a.txt", "text\n"), entry("deep/b.txt", "text2\n"), entry("link", "a.txt", mode=LINK))
    world = receive(tmp_path, *entries, base=str(older(tmp_path)), sent={})
    assert found(tmp_path) == {
        "a.txt": ("text\n", FILE),
        "deep/b.txt": ("text2\n", FILE),
        "link": ("a.txt", LINK),
    }
    assert (tmp_path / "source/a.txt").stat().st_mtime_ns == 1_600_000_000_123_456_789
    assert (tmp_path / "source/a.txt").samefile(tmp_path / "old/a.txt")
    assert world.notes == ["0 of 3 files new, 0 B"]


def test_a_changed_mode_is_taken_from_the_new_source(tmp_path: Path) -> None:
    receive(tmp_path, entry("a.txt", "text\n", mode=PROGRAM), base=str(older(tmp_path)), sent={})
    assert found(tmp_path) == {"a.txt": ("text\n", PROGRAM)}


def test_a_file_that_was_changed_on_the_host_is_asked_for_anew(tmp_path: Path) -> None:
    base = older(tmp_path)
    (base / "a.txt").write_text("edited by hand\n")
    (base / "link").unlink()
    (base / "link").symlink_to("/etc/passwd")
    world = receive(tmp_path, entry("a.txt", "text\n"), entry("link", "a.txt", mode=LINK), base=str(base))
    assert found(tmp_path) == {"a.txt": ("text\n", FILE), "link": ("a.txt", LINK)}
    assert world.notes == ["2 of 2 files new, 10 B"]


def test_a_link_in_the_place_of_an_older_file_is_not_followed(tmp_path: Path) -> None:
    base = older(tmp_path)
    (base / "b.txt").symlink_to("a.txt")
    with pytest.raises(ActionFailed, match=r"'b\.txt' did not arrive\."):
        receive(tmp_path, entry("b.txt", "text\n"), base=str(base), sent={})


def test_bytes_that_do_not_have_their_hash_are_refused(tmp_path: Path) -> None:
    wanted = entry("a.txt", "text\n")
    with pytest.raises(ActionFailed) as caught:
        receive(tmp_path, wanted, sent={wanted.blob: b"other\n"})
    assert str(caught.value) == "'a.txt' arrived damaged: its bytes do not have the hash they should have."
    assert found(tmp_path) == {}


def test_a_file_that_is_not_sent_is_named(tmp_path: Path) -> None:
    with pytest.raises(ActionFailed, match=r"'deep/a\.txt' did not arrive\."):
        receive(tmp_path, entry("deep/a.txt", "text\n"), sent={})


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/x", "a/..", "a\0b"])
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(ActionFailed) as caught:
        receive(tmp_path, entry(path, "text\n"))
    assert str(caught.value) == f"{path!r} would be written outside of the release."
    assert found(tmp_path) == {}


@pytest.mark.parametrize("to", ["/etc/passwd", "../../x", "..", "../source/../../x", "../.."])
def test_a_link_that_leaves_the_source_is_refused(tmp_path: Path, to: str) -> None:
    wanted = entry("link", to, mode=LINK)
    with pytest.raises(ActionFailed) as caught:
        receive(tmp_path, wanted, sent={wanted.blob: to.encode()})
    assert str(caught.value) == f"The link 'link' points outside of the source, to {to!r}."


def test_nothing_is_written_through_a_link_of_the_source(tmp_path: Path) -> None:
    """Each of these links stays inside by its words, but not where the one before it has led."""
    links = (("p/q", "."), ("p/q/q/q/l", "../../../.."))
    entries = (*(entry(path, to, mode=LINK) for path, to in links), entry("p/l/evil", "text\n"))
    sent = {one.blob: to.encode() for one, (_, to) in zip(entries, links, strict=False)}
    folder = tmp_path / "release"
    folder.mkdir()
    with pytest.raises(ActionFailed, match=r"'p/q/q/q/l' would be written outside of the release\."):
        receive(folder, *entries, sent={**SENT, **sent})
    assert sorted(os.listdir(tmp_path)) == ["release"]


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "a.txt").write_text("somebody's\n")
    with pytest.raises(FileExistsError):
        receive(tmp_path, entry("a.txt", "text\n"))
    assert found(tmp_path) == {"a.txt": ("somebody's\n", FILE)}


def test_sha_256_repositories_are_known_by_the_length_of_their_ids(tmp_path: Path) -> None:
    blob = blob_id(b"text\n", like="0" * 64)
    receive(tmp_path, Entry("a.txt", blob, FILE, 5), sent={blob: b"text\n"})
    assert found(tmp_path) == {"a.txt": ("text\n", FILE)}


def test_it_says_how_many_files_it_lays_down() -> None:
    assert Receive("/srv/x/source", (entry("a"), entry("b"))).describe() == "lay 2 files down in /srv/x/source"


def test_what_did_not_change_is_the_same_file_on_disk(tmp_path: Path) -> None:
    base = older(tmp_path)
    receive(tmp_path, entry("a.txt", "text\n"), entry("deep/b.txt", "other\n"), base=str(base), sent=_sent("other\n"))
    assert (tmp_path / "source/a.txt").samefile(base / "a.txt")
    assert not (tmp_path / "source/deep/b.txt").samefile(base / "deep/b.txt")
    assert (base / "deep/b.txt").read_text() == "text2\n"


def _sent(*texts: str) -> dict[str, bytes]:
    return {blob_id(text.encode()): text.encode() for text in texts}


def test_where_there_are_no_hard_links_files_are_copied_with_their_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object, **__: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "link", none)
    base = older(tmp_path)
    receive(tmp_path, entry("a.txt", "text\n"), base=str(base), sent={})
    assert not (tmp_path / "source/a.txt").samefile(base / "a.txt")
    assert (tmp_path / "source/a.txt").stat().st_mtime_ns == 1_600_000_000_123_456_789


def test_the_compiled_form_of_a_module_comes_along(tmp_path: Path) -> None:
    base = older(tmp_path)
    (base / "deep/__pycache__").mkdir()
    for name in ("b.cpython-312.pyc", "bb.cpython-312.pyc", "b.cpython-312.pyc.tmp"):
        (base / "deep/__pycache__" / name).write_text(name)
    for name in ("deep/b.py", "c.py"):
        (base / name).write_text("text\n")
    receive(tmp_path, entry("deep/b.py", "text\n"), entry("c.py", "text\n"), base=str(base), sent={})
    assert os.listdir(tmp_path / "source/deep/__pycache__") == ["b.cpython-312.pyc"]
    assert (tmp_path / "source/deep/__pycache__/b.cpython-312.pyc").samefile(
        base / "deep/__pycache__/b.cpython-312.pyc"
    )
