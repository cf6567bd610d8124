"""Files that are written, shown and taken back."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.project.changes import Change, checked, write


def fine(folder: Path) -> str:
    return ""


def failing(folder: Path) -> str:
    return "KeyError: 'x'"


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_files_are_made_extended_and_rewritten(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("a\n")
    (tmp_path / "other").write_text("x\ny\n")
    (tmp_path / "other").chmod(0o640)
    changes = (
        Change("new", "", None, "n\n", 0o600),
        Change("old", "", "a\n", "a\nb\n"),
        Change("other", "", "x\ny\n", "z\n", backup=True),
    )
    write(tmp_path, changes, check=fine)
    assert contents(tmp_path) == {
        "new": "n\n",
        "old": "a\nb\n",
        "other": "z\n",
        "other.before-selfdeploy": "x\ny\n",
    }
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "other").stat().st_mode) == 0o640


def test_the_first_backup_is_kept(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("second")
    (tmp_path / "one.before-selfdeploy").write_text("first")
    write(tmp_path, (Change("one", "", "second", "third", backup=True),), check=fine)
    assert contents(tmp_path) == {"one": "third", "one.before-selfdeploy": "first"}


def test_when_the_check_fails_every_file_is_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("a\n")
    (tmp_path / "other").write_text("x\n")
    changes = (
        Change("new", "", None, "n\n"),
        Change("old", "", "a\n", "a\nb\n"),
        Change("other", "", "x\n", "z\n", backup=True),
    )
    with pytest.raises(ConfigError) as caught:
        write(tmp_path, changes, check=failing)
    assert str(caught.value) == (
        "With the changes `manage.py check` fails: KeyError: 'x'\n"
        "Every file is as it was. Mend the project first, or change it by hand."
    )
    assert contents(tmp_path) == {"old": "a\n", "other": "x\n"}


def test_a_file_that_came_meanwhile_is_neither_written_nor_removed(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SOMEBODY=else\n")
    changes = (Change("first", "", None, "1"), Change(".env", "", None, "SECRET_KEY=k\n"))
    with pytest.raises(ConfigError, match=re.escape("'.env' cannot be written: File exists.")):
        write(tmp_path, changes, check=fine)
    assert contents(tmp_path) == {".env": "SOMEBODY=else\n"}


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("theirs")
    with pytest.raises(ConfigError, match="'one' changed meanwhile"):
        write(tmp_path, (Change("one", "", "before", "after"),), check=fine)
    assert contents(tmp_path) == {"one": "theirs"}


def test_no_link_is_followed_to_make_a_file(tmp_path: Path) -> None:
    os.symlink(tmp_path / "elsewhere", tmp_path / ".env")
    with pytest.raises(ConfigError, match=r"'\.env' cannot be written"):
        write(tmp_path, (Change(".env", "", None, "SECRET_KEY=k\n"),), check=fine)
    assert not (tmp_path / "elsewhere").exists()


def test_a_diff_never_shows_a_secret() -> None:
    before = "# TOKEN=t0ken\nexport API=apikey\nDEBUG=True\nplain words\n\n# about\n"
    change = Change(".env", "", before, before + "SECRET_KEY=seecret\nALLOWED_HOSTS=a.example\n", secret=True)
    assert change.diff.splitlines() == [
        "--- .env",
        "+++ .env",
        "@@ -4,3 +4,5 @@",
        " ********",
        " ",
        " # about",
        "+SECRET_KEY=********",
        "+ALLOWED_HOSTS=a.example",
    ]
    made = Change(".env", "", None, before, secret=True).diff.splitlines()
    assert made[3:] == ["+# TOKEN=********", "+export API=********", "+DEBUG=True", "+********", "+", "+# about"]


def test_the_check_tells_the_last_line_of_its_errors(tmp_path: Path) -> None:
    (tmp_path / "manage.py").write_text("import sys\nsys.exit('first\\nImportError: no x\\n\\n')")
    assert checked(tmp_path) == "ImportError: no x"
    (tmp_path / "manage.py").write_text("print('fine')")
    assert checked(tmp_path) == ""
    (tmp_path / "manage.py").write_text("raise SystemExit(3)")
    assert checked(tmp_path) == "exit code 3."
