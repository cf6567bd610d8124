"""`python -m django_selfdeploy`: the commands when another app has theirs, and when the project does not load."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from django_selfdeploy import __main__ as module
from django_selfdeploy import __version__
from tests.startproject import REPOSITORY, make, run

SCRIPT = '#!/bin/sh\necho "$0" "$@"\nexit 5\n'
NOT_LOADED = (
    "The project does not load with the settings 'mysite.settings': NameError: name 'broken' is not defined.\n"
    "Mend that first; status, rollback, unlock, start, stop work meanwhile.\n"
)


@pytest.fixture(autouse=True)
def _nothing_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test in this process runs a command, a script or the like of a root that is really there."""
    monkeypatch.setattr(module, "load_command_class", _never)
    monkeypatch.setattr(module.os, "execv", _never)
    monkeypatch.setattr(module.os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "")
    monkeypatch.delenv("SELFDEPLOY_ROOT", raising=False)
    monkeypatch.setattr(module.sys, "path", [*module.sys.path])


def _never(*words: object) -> None:
    raise AssertionError(words)


def _does_not_load() -> None:
    raise NameError("name 'broken' is not defined")


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A project whose settings do not import."""
    folder = make(tmp_path / "site")
    (folder / "mysite" / "settings.py").write_text("broken\n")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a script that tells how it was called."""
    script = tmp_path / "root" / "bin" / "selfdeploy"
    script.parent.mkdir(parents=True)
    script.write_text(SCRIPT)
    script.chmod(0o755)
    return script.parents[1]


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"], ["help"]])
def test_without_a_command_all_are_listed(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert module.main(argv) == 0
    first, empty, *rows, last_empty, last = capsys.readouterr().out.splitlines()
    assert (first, empty, last_empty) == ("python -m django_selfdeploy COMMAND [OPTIONS]", "", "")
    assert last == "python -m django_selfdeploy COMMAND --help tells more."
    assert rows[0] == "  deploy    Deploy this project: to this machine, or to the target named."
    assert [row.split()[0] for row in rows] == [
        *(
            "deploy",
            "attach",
            "backup",
            "config",
            "env",
            "history",
            "init",
            "logs",
            "restart",
            "restore",
            "rollback",
            "run",
        ),
        *("setup", "shell", "ssh", "start", "status", "stop", "unlock"),
    ]
    assert all(len(row.split()) > 3 for row in rows)


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert module.main(["--version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"


@pytest.mark.parametrize(
    ("word", "errors"),
    [
        ("stauts", "There is no command 'stauts'.\nDid you mean 'status'?\n"),
        ("deploy_stauts", "There is no command 'deploy_stauts'.\nDid you mean 'status'?\n"),
    ],
)
def test_an_unknown_command_is_told_with_the_nearest(
    word: str, errors: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert module.main([word]) == 3
    assert capsys.readouterr().err == errors


def test_without_a_project_it_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert module.main(["status"]) == 3
    assert capsys.readouterr().err == (
        "There is no manage.py here.\nChange into the folder of the project, then try again.\n"
    )


def test_our_command_runs_though_another_app_has_its_name(tmp_path: Path) -> None:
    folder = make(tmp_path / "site")
    command = folder / "other" / "management" / "commands" / "deploy_init.py"
    command.parent.mkdir(parents=True)
    command.write_text(
        "from django.core.management.base import BaseCommand\n\n\n"
        "class Command(BaseCommand):\n    def handle(self, **options):\n        print('theirs')\n"
    )
    slim = "SECRET_KEY = 'k'\nINSTALLED_APPS = ['other', 'django_selfdeploy']\nSELFDEPLOY = {}\n"
    (folder / "mysite" / "settings.py").write_text(slim)
    below = folder / "mysite" / "below"
    below.mkdir()
    assert run(below, "-m", "django_selfdeploy", "init") == (
        3,
        "",
        "CommandError: SELFDEPLOY has no target 'default'.\nIt has: .\n",
    )


@pytest.mark.parametrize("word", ["status", "deploy_rollback", "unlock", "start", "stop"])
def test_the_script_of_the_root_does_it_when_the_project_does_not_load(word: str, broken: Path, root: Path) -> None:
    if word != "status":  # one start of Python is enough for what all have in common
        assert module._named(word) in module.BY_HAND
        return
    words = ("prod", "--to", "ID", "--lock-wait=3", "--json")
    assert run(broken, "-m", "django_selfdeploy", word, *words, SELFDEPLOY_ROOT=str(root)) == (
        5,
        f"{root}/bin/selfdeploy status --json --to ID --lock-wait 3\n",
        NOT_LOADED,
    )


def test_a_root_that_is_named_needs_no_project(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[str, ...]] = []
    monkeypatch.setattr(module.os, "execv", lambda program, words: called.append((program, *words)))
    monkeypatch.chdir(tmp_path)
    module.main(["stop", "--root", str(root)])
    script = f"{root}/bin/selfdeploy"
    assert called == [(script, script, "stop")]


@pytest.mark.parametrize(("words", "name"), [((), "mysite"), (("production",), "mysite-production")])
def test_the_root_is_found_by_the_name_that_manage_py_gives(
    words: tuple[str, ...],
    name: str,
    broken: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(broken)
    monkeypatch.setattr(module.django, "setup", _does_not_load)
    root = f"{os.environ['HOME']}/.local/share/selfdeploy/{name}"
    assert module.main(["status", *words]) == 14
    assert capsys.readouterr().err == (
        f"{NOT_LOADED}Nothing is deployed in {root!r}.\n"
        "Name the root: python -m django_selfdeploy status --root FOLDER\n"
    )


def test_other_commands_tell_why_the_project_does_not_load(
    broken: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(broken)
    monkeypatch.setattr(module.django, "setup", _does_not_load)
    assert module.main(["deploy"]) == 3
    assert capsys.readouterr().err == NOT_LOADED


def test_a_manage_py_that_names_no_settings_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manage.py").touch()
    monkeypatch.chdir(tmp_path)
    assert module.main(["status"]) == 3
    assert capsys.readouterr().err == (
        "manage.py names no settings module.\nSet DJANGO_SETTINGS_MODULE, or add --settings=mysite.settings.\n"
    )


def test_an_example_of_the_variables_needs_no_settings_that_load(tmp_path: Path) -> None:
    folder = make(tmp_path / "site")
    manage, settings = folder / "manage.py", folder / "mysite" / "settings.py"
    manage.write_text(
        manage.read_text().replace("import sys\n", f"import sys\nsys.path.insert(0, {str(REPOSITORY)!r})\n")
    )
    settings.write_text(settings.read_text() + "import os\nA = int(os.environ['A'])\nB = os.getenv('B', 'b')\n")
    words = ("-m", "django_selfdeploy", "init", "--example")
    assert run(folder, *words, "--check") == (
        1,
        ".env.example is out of date: `manage.py deploy_init --example --write` mends it\n",
        "",
    )
    assert run(folder, *words, "--write") == (0, "wrote .env.example\n", "")
    assert "\nA=\n" in (folder / ".env.example").read_text()
    assert "\n# B=b\n" in (folder / ".env.example").read_text()
    code, output, errors = run(folder, "manage.py", "deploy_init", "--example", "--check", "--json", A="1")
    found = json.loads(output)
    assert (code, errors, found["path"], found["current"]) == (0, "", ".env.example", True)
    assert [one["name"] for one in found["contract"]["variables"]] == ["A", "B"]
