"""The command line that every login shell takes, and the runner that travels."""

import ast
import json
import re
import subprocess
import zlib
from pathlib import Path

import pytest

from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.core.runner_files import runner_files
from django_selfdeploy.hosts import bootstrap, start


@pytest.fixture(params=[False, True], ids=["plain", "become"])
def line(request: pytest.FixtureRequest) -> str:
    return start.command("abc", root="/srv/my-site", silence=20.0, become=request.param)


def test_it_is_quoted_for_any_shell(line: str) -> None:
    """csh takes `!` within quotes, fish takes a backslash, csh wants one line."""
    assert line.startswith("exec /bin/sh -c '")
    assert line.endswith("'")
    assert not set(line.removeprefix("exec /bin/sh -c '")[:-1]) & set("'!\\\n\r`")
    assert line.isascii()


def test_it_is_good_shell(line: str) -> None:
    script = line.removeprefix("exec /bin/sh -c '")[:-1]
    assert subprocess.run(("/bin/sh", "-n", "-c", script), capture_output=True, text=True).stderr == ""
    assert " abc " in script
    assert f" {start.shipped().name} {start.shipped().size} 20 /srv/my-site" in script


def test_it_fits_into_a_word_of_linux(line: str) -> None:
    assert len(line) < 8000


def test_no_other_python_is_asked_than_the_one_that_is_named() -> None:
    assert "for p in /opt/python-3.12/bin/python3; do " in start.command(
        "abc", silence=1, python="/opt/python-3.12/bin/python3"
    )
    for python in ("python 3", "$(id)", "a'b", "~/bin/python", "a;b", "a\nb"):
        with pytest.raises(ConfigError, match="which no shell takes as it is"):
            start.command("abc", silence=1, python=python)


def test_a_root_that_would_need_quotes_is_no_place_for_the_runner() -> None:
    for root in ("", "/srv/my site", "/srv/$(id)", "/srv/it's"):
        assert start.command("abc", silence=1, root=root).count(" 1 -") == 1


def test_the_runner_travels_whole_and_is_named_by_what_it_is() -> None:
    shipped = start.shipped()
    files = json.loads(zlib.decompress(shipped.data))
    assert files == [list(pair) for pair in runner_files()]
    assert shipped.size == sum(len(text.encode()) for _, text in files)
    assert re.fullmatch(r"runner-[0-9a-f]{16}", shipped.name)
    assert len(shipped.data) < 100_000


def test_the_bootstrap_needs_the_standard_library_alone() -> None:
    tree = ast.parse(Path(bootstrap.__file__).read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    wanted = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names <= {"atexit", "contextlib", "json", "os", "shutil", "signal", "sys", "tempfile", "time", "zlib"}
    assert wanted == {"__future__", "core.__main__"}


def test_the_versions_that_are_looked_for_begin_with_our_own() -> None:
    names = start.candidates("").split()
    assert names[1] == "python3"
    assert sorted(names[2:], reverse=True) == names[2:]
    assert {"python3.10", "python3.11", "python3.12", "python3.13"} <= set(names)
