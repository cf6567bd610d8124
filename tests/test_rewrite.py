"""Settings modules rewritten: startproject's lines, and everything that is left alone."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy.project.rewrite import Remark, rewrite
from tests.startproject import KEY, make

FOLDER = Path("/srv/code")
PATH = "mysite/settings.py"
HEAD = """from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
"""
HOSTS = 'ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])'
NO_ENV = Remark(
    PATH,
    "There is no `env` that reads the .env beside manage.py.",
    "import environ\n"
    "# Variables of the environment count first, then those in .env, which is never committed.\n"
    "env = environ.Env()\n"
    'environ.Env.read_env(BASE_DIR / ".env")',
)


def live(text: str, **more: Any) -> dict[str, Any]:
    """The settings as Django would have loaded them, in FOLDER."""
    values: dict[str, Any] = {"__file__": f"{FOLDER}/{PATH}"}
    exec(text, values)
    return {name: value for name, value in values.items() if name.isupper()} | {"SELFDEPLOY": {}} | more


def changed_lines(before: str, after: str) -> list[str]:
    found = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))
    return [line for line in found[2:] if not line.startswith("@@")]


def test_startprojects_settings_are_put_right_line_by_line(tmp_path: Path) -> None:
    folder = make(tmp_path / "site")
    before = (folder / PATH).read_text()
    values = live(before, BASE_DIR=folder)
    del values["SELFDEPLOY"]
    done = rewrite(before, values, path=PATH, folder=folder)
    assert changed_lines(before, done.text) == [
        "+import environ",
        "+",
        "+",
        "+# Variables of the environment count first, then those in .env, which is never committed.",
        "+env = environ.Env()",
        '+environ.Env.read_env(BASE_DIR / ".env")',
        f"-SECRET_KEY = '{KEY}'",
        '+SECRET_KEY = env("SECRET_KEY")',
        "-DEBUG = True",
        '+DEBUG = env.bool("DEBUG", default=False)',
        "-ALLOWED_HOSTS = []",
        f"+{HOSTS}",
        "-DATABASES = {",
        "-    'default': {",
        "-        'ENGINE': 'django.db.backends.sqlite3',",
        "-        'NAME': BASE_DIR / 'db.sqlite3',",
        "-    }",
        "-}",
        """+DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}""",
        '+STATIC_ROOT = BASE_DIR / "staticfiles"',
        "+",
        "+",
        "+# What is deployed where, by `manage.py deploy [TARGET]`; an empty target is this machine, all inferred.",
        '+SELFDEPLOY = {"default": {}}',
    ]
    assert done.changed == ("SECRET_KEY", "DEBUG", "ALLOWED_HOSTS", "DATABASES", "STATIC_ROOT", "SELFDEPLOY")
    assert done.reads == ("SECRET_KEY", "DEBUG", "ALLOWED_HOSTS", "DATABASES")
    assert done.left_alone == ()


def test_what_was_rewritten_is_not_rewritten_again(tmp_path: Path) -> None:
    folder = make(tmp_path / "site")
    before = (folder / PATH).read_text()
    first = rewrite(before, live(before, BASE_DIR=folder), path=PATH, folder=folder)
    values = {"BASE_DIR": folder, "SELFDEPLOY": {}, "SECRET_KEY": "k", "ALLOWED_HOSTS": ["a"], "STATIC_ROOT": folder}
    second = rewrite(first.text, values, path=PATH, folder=folder)
    assert (second.text, second.changed, second.reads, second.left_alone) == (first.text, (), first.reads, ())


def test_quotes_and_line_breaks_do_not_matter_and_line_ends_stay() -> None:
    text = HEAD + 'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}\n'
    done = rewrite(
        "\ufeff" + text.replace("\n", "\r\n"), live(text, SECRET_KEY="k", ALLOWED_HOSTS=["a"]), path=PATH, folder=FOLDER
    )
    assert done.text.startswith("\ufefffrom pathlib import Path\r\n\r\nimport environ\r\n\r\nBASE_DIR")
    assert done.changed == ("DATABASES",)
    assert "\n" not in done.text.replace("\r\n", "")


DEBUG = ("DEBUG is on.", 'DEBUG = env.bool("DEBUG", default=False)')
SECRET_KEY = ("SECRET_KEY is written down in the source.", 'SECRET_KEY = env("SECRET_KEY")')
DATABASES = (
    "DATABASES is written down in the source.",
    """DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}""",
)
KEPT = {"SECRET_KEY": "k", "ALLOWED_HOSTS": ["a"], "DEBUG": False}


@pytest.mark.parametrize(
    ("line", "values", "remarks"),
    [
        pytest.param("DEBUG = True  # for now\n", {"DEBUG": True}, [DEBUG], id="comment behind"),
        pytest.param("DEBUG = 1; X = 2\n", {"DEBUG": True}, [DEBUG], id="two statements"),
        pytest.param("DEBUG = 1\n", {"DEBUG": True}, [DEBUG], id="other value"),
        pytest.param("DEBUG = True\nDEBUG = False\n", {}, [], id="assigned twice, and off in the end"),
        pytest.param("if True:\n    DEBUG = True\n", {"DEBUG": True}, [DEBUG], id="nested"),
        pytest.param("DEBUG = False\n", {}, [], id="off"),
        pytest.param("import os\nDEBUG = os.environ.get('DEBUG') == '1'\n", {}, [], id="asked for"),
        pytest.param("SECRET_KEY = 'mine'\n", {}, [SECRET_KEY], id="a key in the source"),
        pytest.param("SECRET_KEY = str('asked for')\n", {}, [], id="a key from elsewhere"),
        pytest.param("ALLOWED_HOSTS = ['*']\n", {}, [], id="hosts"),
        pytest.param(
            "ALLOWED_HOSTS = ()\n", {"ALLOWED_HOSTS": ()}, [("ALLOWED_HOSTS is empty.", HOSTS)], id="no hosts"
        ),
        pytest.param("DATABASES = {}\n", {}, [DATABASES], id="another database"),
    ],
)
def test_what_is_not_startprojects_is_left_alone_and_told(
    line: str, values: dict[str, Any], remarks: list[Any]
) -> None:
    text = HEAD + line
    done = rewrite(text, {**live(text), **KEPT, **values}, path=PATH, folder=FOLDER)
    assert done.text == text
    assert [(remark.what, remark.paste) for remark in done.left_alone] == remarks


@pytest.mark.parametrize(
    "head",
    [
        pytest.param("", id="no BASE_DIR"),
        pytest.param("import os\nBASE_DIR = os.path.dirname(os.path.dirname(__file__))\n", id="a text"),
        pytest.param("from pathlib import Path\nBASE_DIR = Path(__file__).parent\n", id="another folder"),
        pytest.param(HEAD + "env = {}.get\n", id="another env"),
        pytest.param("from os import environ\n" + HEAD, id="another environ"),
    ],
)
def test_without_a_way_to_read_variables_nothing_changes(head: str) -> None:
    text = head + "DEBUG = True\n"
    done = rewrite(text, {**live(text), **KEPT, "DEBUG": True}, path=PATH, folder=FOLDER)
    assert done.text == text
    assert done.left_alone == (NO_ENV, Remark(PATH, *DEBUG))


def test_an_env_that_is_there_is_used() -> None:
    text = "import environ\nenv = environ.Env()\nDEBUG = True\n"
    done = rewrite(text, {**KEPT, "SELFDEPLOY": {}, "DEBUG": True}, path=PATH, folder=FOLDER)
    assert done.text == 'import environ\nenv = environ.Env()\nDEBUG = env.bool("DEBUG", default=False)\n'


def test_an_environ_that_is_imported_is_not_imported_twice() -> None:
    text = "import environ\n" + HEAD + "DEBUG = True\n"
    done = rewrite(text, {**live(text), **KEPT, "DEBUG": True}, path=PATH, folder=FOLDER)
    assert done.text.count("import environ") == 1
    assert done.changed == ("DEBUG",)


def test_settings_from_elsewhere_are_told_and_only_the_target_is_added() -> None:
    text = "from .base import *\n"
    values = {"DEBUG": True, "SECRET_KEY": KEY, "ALLOWED_HOSTS": [], "STATIC_URL": "/static/"}
    done = rewrite(text, {**values, "INSTALLED_APPS": ["django.contrib.staticfiles"]}, path=PATH, folder=FOLDER)
    assert changed_lines(text, done.text) == [
        "+",
        "+",
        "+# What is deployed where, by `manage.py deploy [TARGET]`; an empty target is this machine, all inferred.",
        '+SELFDEPLOY = {"default": {}}',
    ]
    assert [remark.what for remark in done.left_alone] == [
        NO_ENV.what,
        "SECRET_KEY is written down in the source.",
        "DEBUG is on.",
        "ALLOWED_HOSTS is empty.",
        "STATIC_ROOT is not set.",
    ]


def test_a_folder_that_no_url_can_name_keeps_its_database() -> None:
    text = HEAD + "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': BASE_DIR / 'db.sqlite3'}}\n"
    folder = Path("/srv/c++")
    done = rewrite(text, {**live(text), **KEPT, "BASE_DIR": folder}, path=PATH, folder=folder)
    assert (done.text, done.changed) == (text, ())
