"""deploy_init: what is found, decided, told and written."""

from __future__ import annotations

import json
import stat
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy import conf, initial
from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.initial import Found, decide, told
from django_selfdeploy.project import imported
from django_selfdeploy.project.changes import checked, write
from tests.startproject import make, run

PLAIN = """from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = 'django-insecure-k'
DEBUG = True
ALLOWED_HOSTS = []
"""
HOSTS = "ALLOWED_HOSTS=localhost,127.0.0.1,[::1]\n"
FOLDER = Path("/srv/code")
PATH = "mysite/settings.py"


def found(texts: dict[str, str], **more: Any) -> Found:
    """A project as it might be, in git, with its requirements stated and its .gitignore complete."""
    live = {"BASE_DIR": FOLDER, "SECRET_KEY": "k", "ALLOWED_HOSTS": ["a"], "SELFDEPLOY": {}}
    ignored = frozenset((".env", ".env.default", "__pycache__/", "db.sqlite3", "staticfiles/", "media/"))
    values = {"alias": "default", "variables": ".env.default", "in_git": True, "ignored": ignored, **more}
    return Found(folder=FOLDER, live=live, settings=PATH, texts=texts, **values)


def after(project: Found) -> dict[str, str]:
    """The files that are changed, as they will be; keys count up."""
    keys = iter(("one", "two", "three"))
    return {each.path: each.after for each in decide(project, lambda: next(keys)).changes}


def test_a_plain_project_is_shown_with_secrets_masked() -> None:
    project = found({PATH: PLAIN}, requires=("Django>=5.2",), ignored=frozenset(("__pycache__/", "db.sqlite3")))
    assert told(decide(project, lambda: "seecret"), project, written=False).splitlines() == [
        "--- /dev/null",
        "+++ .env",
        "@@ -0,0 +1,3 @@",
        "+# Variables for development; this file is never committed.",
        "+SECRET_KEY=********",
        "+DEBUG=True",
        "--- /dev/null",
        "+++ .env.default",
        "@@ -0,0 +1,4 @@",
        "+# Variables for the target 'default'; this file is never committed.",
        "+SECRET_KEY=********",
        "+DEBUG=False",
        "+ALLOWED_HOSTS=localhost,127.0.0.1,[::1]",
        "--- /dev/null",
        "+++ requirements.txt",
        "@@ -0,0 +1 @@",
        "+Django>=5.2",
        "--- /dev/null",
        "+++ .gitignore",
        "@@ -0,0 +1,4 @@",
        "+.env",
        "+.env.default",
        "+staticfiles/",
        "+media/",
        "--- mysite/settings.py",
        "+++ mysite/settings.py",
        "@@ -1,6 +1,12 @@",
        " from pathlib import Path",
        " ",
        "+import environ",
        "+",
        " BASE_DIR = Path(__file__).resolve().parent.parent",
        "-SECRET_KEY = 'django-insecure-k'",
        "-DEBUG = True",
        "-ALLOWED_HOSTS = []",
        "+",
        "+# Variables of the environment count first, then those in .env, which is never committed.",
        "+env = environ.Env()",
        '+environ.Env.read_env(BASE_DIR / ".env")',
        '+SECRET_KEY = env("SECRET_KEY")',
        '+DEBUG = env.bool("DEBUG", default=False)',
        '+ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])',
        "nothing was written: add --write for that",
    ]


def test_what_was_written_is_told_line_by_line() -> None:
    project = found({PATH: PLAIN, ".gitignore": "*.pyc"}, ignored=frozenset((".env", ".env.default")))
    assert told(decide(project, lambda: "k"), project, written=True).splitlines() == [
        "wrote .env: SECRET_KEY, DEBUG for development",
        "wrote .env.default: SECRET_KEY, DEBUG, ALLOWED_HOSTS for the target 'default'",
        "wrote .gitignore: files of this machine alone",
        "wrote mysite/settings.py: SECRET_KEY, DEBUG, ALLOWED_HOSTS",
        "next: commit this, then python manage.py deploy",
    ]
    assert after(project)[".gitignore"] == "*.pyc\n__pycache__/\ndb.sqlite3\nstaticfiles/\nmedia/\n"


def test_both_environment_files_have_keys_of_their_own() -> None:
    files = after(found({PATH: PLAIN}))
    assert sorted(files) == [".env", ".env.default", PATH]
    assert "SECRET_KEY=one\n" in files[".env.default"]
    assert "SECRET_KEY=two\n" in files[".env"]


def test_variables_that_are_there_are_neither_changed_nor_lost() -> None:
    files = after(found({PATH: PLAIN, ".env": "SECRET_KEY=mine\n# about\nEMAIL_URL=smtp://x"}))
    assert files[".env"] == "SECRET_KEY=mine\n# about\nEMAIL_URL=smtp://x\nDEBUG=True\n"
    assert files[".env.default"] == (
        "# Variables for the target 'default'; this file is never committed.\n"
        f"SECRET_KEY=one\nDEBUG=False\n{HOSTS}EMAIL_URL=smtp://x\n"
    )


def test_the_targets_own_file_gets_what_it_lacks() -> None:
    files = after(found({PATH: PLAIN, ".env.default": "SECRET_KEY=mine\n"}))
    assert files[".env.default"] == f"SECRET_KEY=mine\nDEBUG=False\n{HOSTS}"


def test_an_env_named_as_the_targets_is_for_the_deployment() -> None:
    files = after(found({PATH: PLAIN}, variables=".env"))
    assert files[".env"] == (
        f"# Variables for the target 'default'; this file is never committed.\nSECRET_KEY=one\nDEBUG=False\n{HOSTS}"
    )
    assert sorted(files) == [".env", PATH]


@pytest.fixture
def rewritten() -> str:
    return after(found({PATH: PLAIN}))[PATH]


def test_a_second_time_there_is_nothing_to_do(rewritten: str) -> None:
    files = after(found({PATH: PLAIN}))
    project = found({**files, PATH: rewritten})
    assert decide(project, lambda: "k") == initial.Decision((), ())
    assert told(decide(project, lambda: "k"), project, written=True) == "nothing to do"


def test_another_target_gets_a_file_of_its_own(rewritten: str) -> None:
    texts = {PATH: rewritten, ".env": "DEBUG=True\nSECRET_KEY=mine\n", ".env.default": "SECRET_KEY=x\n"}
    project = found(texts, alias="prod", variables=".env.prod")
    assert after(project) == {
        ".env.prod": (
            f"# Variables for the target 'prod'; this file is never committed.\nSECRET_KEY=one\nDEBUG=False\n{HOSTS}"
        ),
        ".gitignore": ".env.prod\n",
    }
    assert told(decide(project, lambda: "k"), project, written=True).splitlines()[-1] == (
        "next: commit this, then python manage.py deploy prod"
    )


@pytest.mark.parametrize("texts", [{".env": "DEBUG=False\nSECRET_KEY=mine\n"}, {}])
def test_an_env_that_is_fit_for_production_is_deployed_as_it_is(rewritten: str, texts: dict[str, str]) -> None:
    assert after(found({PATH: rewritten, **texts})) == {}


def test_committed_secrets_are_told_and_not_ignored_in_vain(rewritten: str) -> None:
    texts = {PATH: rewritten, ".env": "SECRET_KEY=mine\n"}
    project = found(texts, tracked=frozenset((".env", "media/a.png")), ignored=frozenset((".env.default",)))
    assert told(decide(project, lambda: "k"), project, written=True).splitlines() == [
        "wrote .gitignore: files of this machine alone",
        "left alone .env: It is committed, and so are the secrets in it.",
        "    git rm --cached .env",
        "next: commit this, then python manage.py deploy",
    ]
    assert after(project) == {".gitignore": "__pycache__/\ndb.sqlite3\nstaticfiles/\n"}


def test_without_git_the_old_settings_are_kept_beside() -> None:
    project = found({PATH: PLAIN}, in_git=False)
    assert [(each.path, each.backup) for each in decide(project, lambda: "k").changes] == [
        (".env", False),
        (".env.default", False),
        (PATH, True),
    ]


def test_settings_from_elsewhere_are_only_told() -> None:
    project = replace(found({}), settings="")
    assert told(decide(project, lambda: "k"), project, written=False).splitlines() == [
        "left alone the settings: their module is not in the folder of manage.py, and was not looked at.",
        "nothing to do",
    ]


def test_looking_at_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "top" / "site"
    (folder / "lookedat").mkdir(parents=True)
    (folder / "lookedat" / "settings.py").write_text(PLAIN)
    (folder / ".env").write_text("A=1\n")
    (folder / ".gitignore").write_text("*.sqlite3\n/media\n")
    for words in (("init", "-q"), ("add", "-f", ".env")):
        subprocess.run(("git", "-C", str(folder), *words), check=True)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(imported, "requirements", lambda folder, live: ("Django>=5.2",))
    target = conf.load("default", None, settings_module="lookedat.settings")
    looked = initial.look(folder, target, "lookedat.settings", {})
    assert looked == Found(
        folder=folder,
        alias="default",
        live={},
        settings="lookedat/settings.py",
        variables=".env.default",
        texts={"lookedat/settings.py": PLAIN, ".env": "A=1\n", ".gitignore": "*.sqlite3\n/media\n"},
        requires=("Django>=5.2",),
        in_git=True,
        ignored=frozenset(("db.sqlite3", "media/")),
        tracked=frozenset((".env",)),
    )
    (folder / "pyproject.toml").touch()
    assert initial.look(folder, target, "lookedat.settings", {}).requires == ()
    assert initial.look(folder, target, "django.conf.global_settings", {}).settings == ""


def test_the_command_writes_and_the_project_still_works(tmp_path: Path) -> None:
    folder = make(tmp_path / "site")
    code, output, errors = run(folder, "manage.py", "deploy_init", "--write", "--json")
    assert (code, errors) == (0, "")
    answer = json.loads(output)
    assert [each["path"] for each in answer["changes"]] == [".env", ".env.default", "requirements.txt", PATH]
    assert (answer["written"], answer["left_alone"]) == (True, [])
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
    keys = [line for line in (folder / ".env").read_text().splitlines() if line.startswith("SECRET_KEY=")]
    assert len(keys) == 1
    assert keys[0].removeprefix("SECRET_KEY=").isalnum()
    assert keys[0] not in output
    assert keys[0] not in (folder / ".env.default").read_text()


def test_a_project_that_the_changes_would_break_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(tmp_path / "site")
    settings = folder / PATH
    settings.write_text(settings.read_text() + "\nassert DEBUG and not ALLOWED_HOSTS, 'not now'\n")
    before = settings.read_text()
    project = replace(found({PATH: before}), folder=folder, live={"BASE_DIR": folder})
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "mysite.settings")
    with pytest.raises(ConfigError, match="fails: AssertionError: not now\n"):
        write(folder, decide(project, lambda: "k").changes, check=checked)
    assert settings.read_text() == before
    assert sorted(path.name for path in folder.iterdir()) == ["manage.py", "mysite"]


def test_the_encrypted_file_is_for_git_and_its_key_is_not(rewritten: str) -> None:
    texts = {PATH: rewritten, ".env": "DEBUG=False\n"}
    usual = found(texts).ignored
    project = found(texts, sealed=".env.default.enc", ignored=usual | {".env.default.enc"})
    assert after(project) == {".gitignore": ".env.default.key\n!.env.default.enc\n"}
    known = found(texts, sealed=".env.default.enc", ignored=usual | {".env.default.key"})
    assert decide(known, lambda: "k") == initial.Decision((), ())
    committed = found(texts, sealed=".env.default.enc", tracked=frozenset((".env.default.key", ".env.default.enc")))
    [remark] = decide(committed, lambda: "k").left_alone
    assert (remark.path, remark.paste) == (".env.default.key", "git rm --cached .env.default.key")
