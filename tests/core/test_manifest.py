"""A blob has the name that git gives it."""

import subprocess
from pathlib import Path

import pytest

from django_selfdeploy.core.manifest import FILE, Entry, blob_id

DATA = (b"", b"x", b"text\n", bytes(range(256)) * 41)


@pytest.mark.parametrize("kind", ["sha1", "sha256"])
def test_a_blob_has_gits_name(tmp_path: Path, kind: str) -> None:
    subprocess.run(("git", "init", "-q", f"--object-format={kind}", str(tmp_path)), check=True, capture_output=True)
    for number, data in enumerate(DATA):
        (tmp_path / str(number)).write_bytes(data)
    names = [str(number) for number in range(len(DATA))]
    words = ("git", "hash-object", "--no-filters", *names)
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    like = "0" * 64 if kind == "sha256" else ""
    assert done.stdout.split() == [blob_id(data, like=like) for data in DATA]


def test_an_entry_comes_back_from_its_row() -> None:
    entry = Entry("a/b.txt", "0" * 40, FILE, 7)
    assert entry.to_json() == ["a/b.txt", "0" * 40, 0o100644, 7]
    assert Entry.from_json(entry.to_json()) == entry
