"""What the first words on a host do with the folders there."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from django_selfdeploy.hosts import bootstrap, start

SHIPPED = start.shipped()


def test_a_runner_is_left_whole_for_us_alone(tmp_path: Path) -> None:
    folder = bootstrap.kept(f"{tmp_path}/a/b", SHIPPED.name, SHIPPED.data, SHIPPED.size)
    assert bootstrap.usable(folder, SHIPPED.size)
    assert os.listdir(tmp_path / "a/b") == [SHIPPED.name]
    assert bootstrap.kept(f"{tmp_path}/a/b", SHIPPED.name, SHIPPED.data, SHIPPED.size) == folder


@pytest.mark.parametrize("harm", ["empty file", "missing file", "extra file", "open folder", "open base", "link"])
def test_what_others_may_have_changed_or_a_crash_has_cut_is_not_used(tmp_path: Path, harm: str) -> None:
    base = tmp_path / "base"
    folder = Path(bootstrap.kept(str(base), SHIPPED.name, SHIPPED.data, SHIPPED.size))
    if harm == "empty file":
        (folder / "core/wire.py").write_text("")
    elif harm == "missing file":
        (folder / "core/wire.py").unlink()
    elif harm == "extra file":
        (folder / "core/evil.py").write_text("evil")
    elif harm == "open folder":
        folder.chmod(0o770)
    elif harm == "open base":
        base.chmod(0o777)
    else:
        folder.rename(tmp_path / "elsewhere")
        folder.symlink_to(tmp_path / "elsewhere")
    assert not bootstrap.usable(str(folder), SHIPPED.size)
    if harm != "open base":
        assert bootstrap.usable(bootstrap.kept(str(base), SHIPPED.name, SHIPPED.data, SHIPPED.size), SHIPPED.size)
        assert os.listdir(base) == [SHIPPED.name]
    else:
        with pytest.raises(OSError, match="others may write to it"):
            bootstrap.kept(str(base), SHIPPED.name, SHIPPED.data, SHIPPED.size)


def test_bytecode_does_not_make_a_runner_another_one(tmp_path: Path) -> None:
    folder = bootstrap.kept(str(tmp_path / "base"), SHIPPED.name, SHIPPED.data, SHIPPED.size)
    os.mkdir(f"{folder}/core/__pycache__")
    Path(f"{folder}/core/__pycache__/wire.cpython-311.pyc").write_bytes(b"1234")
    assert bootstrap.usable(folder, SHIPPED.size)


@pytest.fixture
def standard_input(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The end into which a controller writes."""
    reading, writing = os.pipe()
    read = os.read
    monkeypatch.setattr(bootstrap.os, "read", lambda handle, size: read(reading if handle == 0 else handle, size))
    yield writing
    os.close(reading)


@pytest.mark.parametrize("piece", [1, 7, 1 << 16])
def test_the_files_are_taken_out_of_what_comes(standard_input: int, piece: int) -> None:
    sent = (
        b'{"kind": "open", "bytes": 0}\n{"kind": "alive", "bytes": 0}\nselfdeploy-files abc 5\n1\n345{"kind": "next"}\n'
    )

    def write() -> None:
        for at in range(0, len(sent), piece):
            os.write(standard_input, sent[at : at + piece])
        os.close(standard_input)

    thread = threading.Thread(target=write)
    thread.start()
    data, before = bootstrap.received("abc")
    thread.join()
    assert data == b"1\n345"
    assert before.startswith(b'{"kind": "open", "bytes": 0}\n{"kind": "alive", "bytes": 0}\n')
    assert b"selfdeploy-files" not in before


def test_a_controller_that_is_gone_is_the_end(standard_input: int) -> None:
    os.write(standard_input, b'{"kind": "open"')
    os.close(standard_input)
    with pytest.raises(SystemExit):
        bootstrap.received("abc")


def test_runners_are_kept_by_their_last_use(tmp_path: Path) -> None:
    for number in range(7):
        path = tmp_path / f"runner-{number}"
        path.mkdir()
        os.utime(path, (1_000_000_000 + number,) * 2)
    for name in ("runner-new", ".new-fresh", ".new-old", "mine"):
        (tmp_path / name).mkdir()
    os.utime(tmp_path / ".new-old", (1_000_000_000,) * 2)
    os.utime(tmp_path / "runner-6")
    os.utime(tmp_path / "runner-0")
    bootstrap.forget_old(str(tmp_path), f"{tmp_path}/runner-new")
    assert sorted(os.listdir(tmp_path)) == [".new-fresh", "mine", "runner-0", "runner-6", "runner-new"]
