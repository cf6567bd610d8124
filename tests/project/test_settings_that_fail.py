"""Settings that fail for variables: all of them are told at once, without a value, by the process of a release."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from django_selfdeploy.core.errors import ReleaseError
from django_selfdeploy.core.secret import Secret
from django_selfdeploy.project import dry
from django_selfdeploy.project.facts import ProjectFacts
from django_selfdeploy.project.importing import EARLY, ONLY

REPOSITORY = Path(__file__).parents[2]
MANAGE = f"""
import os, sys
sys.path.insert(0, {str(REPOSITORY)!r})
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_of_mine.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
REST = """
INSTALLED_APPS = ["django_selfdeploy"]
ROOT_URLCONF = "site_of_mine.urls"
ALLOWED_HOSTS = ["localhost"]
SECRET_KEY = "k" * 50
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/nowhere/db.sqlite3"}}
WSGI_APPLICATION = "site_of_mine.wsgi.application"
"""
IMPORTS = "import os\nimport environ\nfrom decouple import config\nfrom environs import Env\nenv = environ.Env()\n"


def project(folder: Path, settings: str, variables: str = "", **others: str) -> Path:
    """A project of its own; `others` are modules beside its settings."""
    package = folder / "site_of_mine"
    package.mkdir()
    texts = {"__init__": "", "urls": "urlpatterns = []\n", "settings": settings + REST, **others}
    for name, text in texts.items():
        (package / f"{name}.py").write_text(text)
    (folder / "manage.py").write_text(MANAGE)
    (folder / ".env.default").write_text(variables)
    return folder


def facts(folder: Path, before: str = "") -> ProjectFacts:
    places = {f"SELFDEPLOY_{name}": str(folder / "elsewhere") for name in ("ROOT", "PUBLIC", "SHARED", "MEDIA")}
    constants = {
        **places,
        "DJANGO_SETTINGS_MODULE": "django_selfdeploy.live_settings",
        "SELFDEPLOY_SETTINGS": "site_of_mine.settings",
    }
    text = Secret((folder / ".env.default").read_text())
    return dry.facts(constants, code=folder, project=folder, variables=text, sql=False, before=before)


def refused(folder: Path) -> str:
    with pytest.raises(ReleaseError) as caught:
        facts(folder)
    assert caught.value.exit_code == 7
    return caught.value.message


@dataclass(frozen=True)
class Case:
    """Settings, the variables of the target, and what is told: each of `told`, in one line, and nothing of `untold`."""

    settings: str
    told: tuple[str, ...]
    variables: str = ""
    untold: tuple[str, ...] = ()
    others: dict[str, str] = field(default_factory=dict)


LACKS = "(selfdeploy.E050) The settings want the variable 'A' (site_of_mine/settings.py:6), which the target's "
CASES = {
    "environ": Case('A = env("A")\n', (LACKS,)),
    "item": Case('A = os.environ["A"]\n', (LACKS,)),
    "decouple": Case('A = config("A")\n', (LACKS,)),
    "environs": Case('A = Env().str("A")\n', (LACKS,)),
    "an-error-of-its-own": Case('if not os.environ.get("A"): raise RuntimeError("A must be set")\n', (LACKS,)),
    "a-value-that-the-project-refuses": Case(
        'A = env("A")\nif A != "b": raise ValueError(env("A") + " is no colour")\n',
        ("ValueError: red is no colour",),
        variables="A=red\n",
    ),
    "none-is-no-number": Case('A = int(os.environ.get("A"))\n', (LACKS,)),
    "none-has-no-split": Case(
        'A = os.environ.get(\n    "A"\n).split(",")\n',
        ("The settings want the variable 'A' (site_of_mine/settings.py:",),
    ),
    "many-styles-at-once": Case(
        'A = env("A")\nB = os.environ["B"].split(",")\nC = config("C", cast=int)\nD = env.db("D")\nE = Env().bool("E")\n',
        (
            "(selfdeploy.E050) The settings want 5 variables that the target's environment lacks: 'A' (site_of_mi",
            "'A' (site_of_mine/settings.py:6), 'B' (site_of_mine/settings.py:7), 'C' (site_of_mine/settings.py:8), 'D'",
            "'D' (site_of_mine/settings.py:9), 'E' (site_of_mine/settings.py:10).",
        ),
    ),
    "what-is-done-without-is-not-told": Case(
        'try:\n    A = os.environ["A"]\nexcept KeyError:\n    A = ""\nB = env("B")\n',
        ("The settings want the variable 'B'",),
        untold=("'A'",),
    ),
    "split": Case(
        "from .base import *\nfrom .more import *\nB = env('B')\n",
        ("3 variables", "'A' (site_of_mine/base.py:2)", "'C' (site_of_mine/more.py:2)", "'B' (site_of_mine/settings.p"),
        others={
            "base": "import os\nA = os.environ['A']\n",
            "more": "import os\nC = os.environ['C']\n",
        },
    ),
    "pydantic": Case(
        "from pydantic_settings import BaseSettings\nclass C(BaseSettings):\n    a: str\n    b: int\n    c: int = 1\nC()\n",
        ("2 variables", "'A' (site_of_mine/settings.py:11)", "'B' (site_of_mine/settings.py:11)"),
        untold=("'C'",),
    ),
    "mistyped": Case(
        'A = env.int("A")\nB = int(os.environ["B"])\nC = config("C", cast=bool)\nD = env("D")\n',
        (
            "(selfdeploy.E050) The settings want the variable 'D' (site_of_mine/settings.py:9)",
            "(selfdeploy.E051) The value of the variable 'A' (site_of_mine/settings.py:6) is no int.",
            "(selfdeploy.E051) The value of the variable 'B' (site_of_mine/settings.py:7) is not what the settings want: ValueError.",
            "(selfdeploy.E051) The value of the variable 'C' (site_of_mine/settings.py:8) is no bool.",
        ),
        "A=sesame\nB=sesame\nC=sesame\n",
        ("sesame",),
    ),
    "mistyped-after-missing": Case(
        'A = env("A")\nB = env.int("B")\n',
        ("the variable 'A' (site_of_mine/settings.py:6)", "'B' (site_of_mine/settings.py:7) is no int."),
        "B=sesame\n",
    ),
    "no-choice-that-there-is": Case(
        'A = {"low": 1, "high": 2}[env("A")]\n',
        ("'A' (site_of_mine/settings.py:6) is not what the settings want: KeyError.",),
        "A=sesame\n",
        ("sesame",),
    ),
    "another-part-of-the-statement": Case(
        'A = {\n    "a": env("A"),\n    "b": {}["no such key"],\n}\n',
        ("KeyError: 'no such key'",),
        "A=sesame\n",
        ("selfdeploy.E05",),
    ),
    "begins-with-a-dollar": Case(
        'A = env("A")\n',
        ("(selfdeploy.E051) The value of the variable 'A' (site_of_mine/settings.py:6) begins with `$`",),
        "A=$esame\n",
        ("esame",),
    ),
    "no-fault-of-a-variable": Case('A = os.environ.get("A")\nimport no_such_module\n', ("No module named",), "A=1\n"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_settings_that_fail_say_what_they_lack(tmp_path: Path, case: Case) -> None:
    message = refused(project(tmp_path, IMPORTS + case.settings, case.variables, **case.others))
    assert [text for text in case.told if text not in message] == [], message
    assert [text for text in case.untold if text in message] == [], message
    assert ("\n" not in message) == ("selfdeploy.E05" in message)


def test_the_second_import_changes_nothing_and_reaches_nobody(tmp_path: Path) -> None:
    """Whatever settings do once they have a stand-in: it was not done, and the rest is found as far as possible."""
    deeds = (
        "import socket, subprocess\nA = env('A')\n"
        "for deed in (\n"
        "    lambda: open('made', 'w'),\n"
        "    lambda: os.mkdir('folder'),\n"
        "    lambda: os.open('opened', os.O_CREAT | os.O_WRONLY),\n"
        "    lambda: os.rename('manage.py', 'moved.py'),\n"
        "    lambda: subprocess.run(['touch', 'touched']),\n"
        "    lambda: os.system('touch shelled'),\n"
        "    lambda: socket.create_connection(('127.0.0.1', 9)),\n"
        "    lambda: os.fork(),\n"
        "):\n"
        "    try:\n        deed()\n        REFUSED = False\n    except PermissionError:\n        REFUSED = True\n"
        "    except OSError:\n        REFUSED = False\n"
        "    if not REFUSED:\n        os.environ['NOT_REFUSED']\n"
        "B = env('B')\n"
    )
    folder = project(tmp_path, IMPORTS + deeds)
    before = sorted(path.name for path in folder.iterdir())
    message = refused(folder)
    assert "'A' (site_of_mine/settings.py:7), 'B' (" in message
    assert "NOT_REFUSED" not in message
    assert sorted(path.name for path in folder.iterdir()) == before


def test_what_loads_is_told_as_facts(tmp_path: Path) -> None:
    settings = (
        'A = env.bool("A")\nDATABASE_URL = env("DATABASE_URL", default="")\nNEWER = env("NEWER", default="x")\n'
        'P = env("P", default="")\n# LISTENED_TO is read by a library\n'
    )
    values = "A=Flase\nDATABSE_URL=x\nLISTENED_TO=1\nPYTHONUTF8=1\nSTRANGE=1\nP=$nothing\n"
    known = '{"variables": ["A", "DATABASE_URL", "P"]}'
    found = facts(project(tmp_path, IMPORTS + settings, values), known)
    assert found.contract.names == ("A", "DATABASE_URL", "NEWER", "P")
    ours = [one.text for one in found.messages if one.id.startswith("selfdeploy.") and one.id[-3:-1] == "05"]
    where = "(site_of_mine/settings.py:{line})"
    neither = f"The value of 'A' {where.format(line=6)} is neither true nor false, and is read as False."
    dangling = f"The value of 'P' {where.format(line=9)} begins with `$`, so django-environ takes it for the name of "
    unread = "is in the target's environment, and nobody reads it"
    new = f"The settings read the new variable 'NEWER' {where.format(line=8)}, which is not set: its default is 'x'."
    assert ours == [
        neither,
        dangling + "another variable, which there is not: the settings got their default.",
        f"The variable 'DATABSE_URL' {unread}: did you mean 'DATABASE_URL'?",
        f"The variable 'STRANGE' {unread}.",
        new,
    ]


def test_a_secret_key_that_the_first_deployment_will_make_is_not_missing(tmp_path: Path) -> None:
    found = facts(project(tmp_path, IMPORTS + 'KEY = env("SECRET_KEY")\n'))
    assert [(one.name, one.present) for one in found.contract.variables] == [("SECRET_KEY", True)]


def test_the_contract_is_had_from_settings_that_lack_everything(tmp_path: Path) -> None:
    folder = project(tmp_path, IMPORTS + 'A = env("A")\nB = env.int("B")\nC = env.int("C", default=1)\n')
    found = dry.contract("site_of_mine.settings", code=folder, project=folder)
    assert [(one.name, one.cast, one.is_required, one.present) for one in found.variables] == [
        ("A", "str", True, False),
        ("B", "int", True, False),
        ("C", "int", False, False),
    ]


def test_before_a_build_settings_may_fail_for_the_files_that_it_makes(tmp_path: Path) -> None:
    folder = project(tmp_path, IMPORTS + 'A = env("A", default="")\nopen("made-by-the-build")\n')
    early = {"DJANGO_SETTINGS_MODULE": "django_selfdeploy.live_settings", ONLY: EARLY}
    constants = {**early, "SELFDEPLOY_SETTINGS": "site_of_mine.settings", "SELFDEPLOY_SHARED": "/nowhere"}
    reply = dry._asked(constants, code=folder, project=folder, question={"question": "settings"})
    assert reply["answer"]["note"] == "1 variable read"
    with pytest.raises(ReleaseError, match="made-by-the-build"):
        dry.contract("site_of_mine.settings", code=folder, project=folder)


def test_nothing_is_left_of_the_watch(tmp_path: Path) -> None:
    """A worker of the application server imports the settings plainly."""
    folder = project(tmp_path, "import os\nKIND = type(os.environ).__name__\n")
    found = dry.contract("site_of_mine.settings", code=folder, project=folder)
    assert found.variables == ()
    assert type(os.environ).__name__ == "_Environ"
