"""What is recorded when settings are imported, in every style of reading the environment, and that it changes nothing."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_selfdeploy.project.contract import DEFAULT, HIDDEN, NONE, REQUIRED, Contract, Variable
from django_selfdeploy.project.observing import Recorder

ENVIRON = "import environ\nenv = environ.Env(LEVEL=(int, 3), NAMED=str)\n"


@pytest.fixture(autouse=True)
def surroundings() -> Iterator[None]:
    """The variables as they were."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def load(folder: Path, text: str, name: str = "settings") -> ModuleType:
    """The module imported; each time anew."""
    path = folder / "website" / f"{name}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(f"website_{name}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def observe(folder: Path, text: str, **values: str) -> Contract:
    os.environ.update(values)
    with Recorder(code=str(folder), project=str(folder)) as recorder:
        load(folder, text)
    return recorder.contract


def one(folder: Path, text: str, **values: str) -> Variable:
    """The only variable of it."""
    (found,) = observe(folder, text, **values).variables
    return found


CASES: dict[str, tuple[str, str, Variable]] = {
    "item": ("import os\n", 'X = os.environ["A"]', Variable("A", "str", REQUIRED)),
    "get": ("import os\n", 'X = os.environ.get("A")', Variable("A", "str", NONE)),
    "get-default": ("import os\n", 'X = os.environ.get("A", "b")', Variable("A", "str", DEFAULT, "b")),
    "getenv": ("import os\n", 'X = os.getenv("A", "b")', Variable("A", "str", DEFAULT, "b")),
    "from-import": ("from os import environ, getenv\n", 'X = getenv("A") or "A" in environ', Variable("A", "str")),
    "in": ("import os\n", 'X = "A" in os.environ', Variable("A", "str", NONE)),
    "asked-for-and-taken": ("import os\n", 'X = "A" in os.environ and os.environ["A"]', Variable("A", "str", NONE)),
    "setdefault": ("import os\n", 'X = os.environ.setdefault("A", "b")', Variable("A", "str", DEFAULT, "b")),
    "pop": ("import os\n", 'X = os.environ.pop("A", "b")', Variable("A", "str", DEFAULT, "b")),
    "environ": (ENVIRON, 'X = env("A")', Variable("A", "str", REQUIRED)),
    "environ-bool": (ENVIRON, 'X = env.bool("A", default=False)', Variable("A", "bool", DEFAULT, "False")),
    "environ-list": (ENVIRON, 'X = env.list("A", default=["b", "c"])', Variable("A", "list", DEFAULT, "b,c")),
    "environ-cast": (ENVIRON, 'X = env("A", cast=int)', Variable("A", "int", REQUIRED)),
    "environ-list-of": (ENVIRON, 'X = env("A", cast=[int], default=[1])', Variable("A", "list of int", DEFAULT, "1")),
    "environ-smart-cast": (ENVIRON, 'X = env("A", default=2)', Variable("A", "int", DEFAULT, "2")),
    "environ-scheme": (ENVIRON, 'X = env("LEVEL")', Variable("LEVEL", "int", DEFAULT, "3")),
    "environ-scheme-cast": (ENVIRON, 'X = env("NAMED")', Variable("NAMED", "str", REQUIRED)),
    "environ-scheme-method": (ENVIRON, 'X = env.str("LEVEL")', Variable("LEVEL", "str", DEFAULT, "3")),
    "environ-db": (ENVIRON, "X = env.db()", Variable("DATABASE_URL", "db_url", REQUIRED)),
    "environ-db-default": (
        ENVIRON,
        'X = env.db("A", default="sqlite:///a.db")',
        Variable("A", "db_url", DEFAULT, "sqlite:///a.db"),
    ),
    "environ-cache": (
        ENVIRON,
        'X = env.cache("A", default="dummycache://")',
        Variable("A", "cache_url", DEFAULT, "dummycache://"),
    ),
    "environ-json": (ENVIRON, 'X = env.json("A", default={})', Variable("A", "json", DEFAULT, "{}")),
    "environ-none": (ENVIRON, 'X = env("A", default=None)', Variable("A", "str", NONE)),
    "environ-prefix": (ENVIRON, 'env.prefix = "MY_"; X = env.int("A", 1)', Variable("MY_A", "int", DEFAULT, "1")),
    "environ-in": (ENVIRON, 'X = "A" in env', Variable("A", "str", NONE)),
    "environ-file": (
        "import environ\nenv = environ.FileAwareEnv()\n",
        'X = env.int("A", default=1)',
        Variable("A", "int", DEFAULT, "1"),
    ),
    "decouple": ("from decouple import config\n", 'X = config("A")', Variable("A", "str", REQUIRED)),
    "decouple-bool": (
        "from decouple import config\n",
        'X = config("A", default=True, cast=bool)',
        Variable("A", "bool", DEFAULT, "True"),
    ),
    "decouple-csv": (
        "from decouple import Csv, config\n",
        'X = config("A", default="b,c", cast=Csv())',
        Variable("A", "list", DEFAULT, "b,c"),
    ),
    "environs": ("from environs import Env\nenv = Env()\n", 'X = env.int("A")', Variable("A", "int", REQUIRED)),
    "environs-bool": (
        "from environs import Env\nenv = Env()\n",
        'X = env.bool("A", False)',
        Variable("A", "bool", DEFAULT, "False"),
    ),
    "environs-list": (
        "from environs import Env\nenv = Env()\n",
        'X = env.list("A", ["b"])',
        Variable("A", "list", DEFAULT, "b"),
    ),
    "environs-prefixed": (
        "from environs import Env\nenv = Env(prefix='MY_')\n",
        'X = env.str("A", "b")',
        Variable("MY_A", "str", DEFAULT, "b"),
    ),
    "dj-database-url": (
        "import dj_database_url\n",
        'X = dj_database_url.config(default="sqlite:///a.db")',
        Variable("DATABASE_URL", "db_url", DEFAULT, "sqlite:///a.db"),
    ),
    "own-function": (
        "import os\ndef need(name):\n    return os.environ[name]\n",
        'X = need("A")',
        Variable("A", "str", REQUIRED, where=("website/settings.py:3",)),
    ),
}


@pytest.mark.parametrize(("before", "line", "expected"), CASES.values(), ids=CASES)
def test_a_reading_is_recorded(tmp_path: Path, before: str, line: str, expected: Variable) -> None:
    text = before + line + "\n"
    where = expected.where or (f"website/settings.py:{text.count(chr(10))}",)
    values = {} if expected.otherwise != REQUIRED else {expected.name: "1"}
    if expected.cast == "db_url" and values:
        values = {expected.name: "sqlite://:memory:"}
    found = one(tmp_path, text, **values)
    wanted = Variable(expected.name, expected.cast, expected.otherwise, expected.default, where, bool(values))
    assert found == wanted


def test_pydantic_settings_tell_their_fields(tmp_path: Path) -> None:
    text = (
        "from pydantic import Field\n"
        "from pydantic_settings import BaseSettings, SettingsConfigDict\n"
        "class Config(BaseSettings):\n"
        "    model_config = SettingsConfigDict(env_prefix='my_')\n"
        "    name: str\n"
        "    size: int = 3\n"
        "    other: bool = Field(False, validation_alias='OTHER')\n"
        "config = Config()\n"
    )
    found = observe(tmp_path, text, MY_NAME="x")
    assert found.variables == (
        Variable("MY_NAME", "str", REQUIRED, where=("website/settings.py:8",), present=True),
        Variable("MY_SIZE", "int", DEFAULT, "3", where=("website/settings.py:8",)),
        Variable("OTHER", "bool", DEFAULT, "False", where=("website/settings.py:8",)),
    )
    assert "HOME" not in found.others


def test_a_value_that_names_a_variable_leads_to_it(tmp_path: Path) -> None:
    found = observe(tmp_path, ENVIRON + 'X = env("A")\n', A="$B", B="c")
    assert [(each.name, each.by, each.dangling) for each in found.variables] == [("A", "", False), ("B", "A", False)]


def test_a_value_that_begins_with_a_dollar_is_told_without_itself(tmp_path: Path) -> None:
    found = observe(tmp_path, ENVIRON + 'X = env("A", default="")\n', A="$ecret")
    assert [(each.name, each.dangling) for each in found.variables] == [("A", True)]
    assert "ecret" not in str(found)


def test_a_default_that_may_be_a_secret_is_not_told(tmp_path: Path) -> None:
    found = one(tmp_path, ENVIRON + 'X = env("SECRET_KEY", default="hunter2hunter2")\n')
    assert (found.otherwise, found.default) == (HIDDEN, "")


def test_the_path_of_the_machine_is_not_told(tmp_path: Path) -> None:
    found = one(tmp_path, f'import os\nX = os.environ.get("DB", "{tmp_path}/db.sqlite3")\n')
    assert found.default == "BASE_DIR/db.sqlite3"


def test_what_a_library_reads_of_its_own_accord_is_told_apart(tmp_path: Path) -> None:
    library = tmp_path / "site-packages" / "lib_of_others.py"
    library.parent.mkdir()
    library.write_text(
        "import os\nLEVEL = os.environ.get('LIB_LEVEL')\n"
        "def start():\n    return os.environ.get('LIB_DSN')\n"
        "def get(name):\n    return os.environ.get(name)\n"
    )
    sys.path.insert(0, str(library.parent))
    try:
        found = observe(tmp_path, 'import lib_of_others\nlib_of_others.start()\nX = lib_of_others.get("MINE")\n')
    finally:
        sys.path.remove(str(library.parent))
        sys.modules.pop("lib_of_others", None)
    assert (found.names, found.others) == (("MINE",), ("LIB_LEVEL", "LIB_DSN"))


def test_variables_of_the_host_and_of_the_deployer_are_none_of_the_project(tmp_path: Path) -> None:
    text = 'import os\nX = os.environ.get("HOME"), os.environ.get("SELFDEPLOY_RELEASE"), os.environ.get("PATH")\n'
    assert observe(tmp_path, text) == Contract()


@pytest.mark.parametrize(
    "taken",
    [
        "dict(os.environ)",
        "{**os.environ}",
        "os.environ.copy()",
        "list(os.environ.items())",
        "{k: os.environ[k] for k in os.environ}",
        "os.environ | {}",
    ],
)
def test_taking_all_of_it_is_no_reading_of_each(tmp_path: Path, taken: str) -> None:
    found = observe(tmp_path, f"import os\nX = {taken}\n")
    assert (found.variables, found.whole) == ((), True)


def test_loading_a_file_is_no_reading(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FROM_FILE=1\n")
    text = f'import environ\nenviron.Env.read_env("{tmp_path}/.env")\nX = environ.Env().int("FROM_FILE")\n'
    assert [(each.name, each.cast, each.present) for each in observe(tmp_path, text).variables] == [
        ("FROM_FILE", "int", True)
    ]


def test_only_while_it_is_watched(tmp_path: Path) -> None:
    kind = type(os.environ)
    with Recorder(code=str(tmp_path), project=str(tmp_path)) as recorder:
        pass
    load(tmp_path, 'import os\nX = os.environ.get("A")\n')
    assert (recorder.contract, type(os.environ)) == (Contract(), kind)


NAMES = st.sampled_from(["A", "B", "LONGER_NAME"])
VALUES = st.sampled_from(["", "x", "1", "y z"])
CALLS = st.one_of(
    st.tuples(st.just("get"), NAMES),
    st.tuples(st.just("get"), NAMES, VALUES),
    st.tuples(st.just("__getitem__"), NAMES),
    st.tuples(st.just("__contains__"), NAMES),
    st.tuples(st.just("__contains__"), st.just(1)),
    st.tuples(st.just("get"), st.just(b"A")),
    st.tuples(st.just("setdefault"), NAMES, VALUES),
    st.tuples(st.just("pop"), NAMES),
    st.tuples(st.just("pop"), NAMES, VALUES),
    st.tuples(st.just("__setitem__"), NAMES, VALUES),
    st.tuples(st.just("__delitem__"), NAMES),
    st.tuples(st.just("copy")),
    st.tuples(st.just("__len__")),
)


def done(call: tuple[Any, ...]) -> Any:
    try:
        return getattr(os.environ, call[0])(*call[1:])
    except (KeyError, TypeError) as error:
        return type(error).__name__, str(error)


@given(calls=st.lists(CALLS, max_size=12))
def test_whatever_is_asked_is_answered_as_before(calls: list[tuple[Any, ...]]) -> None:
    answers = []
    for watched in (False, True):
        os.environ.clear()
        if watched:
            here = str(Path(__file__).parent)
            with Recorder(code=here, project=here):
                mine = [done(call) for call in calls]
        else:
            mine = [done(call) for call in calls]
        answers.append((mine, dict(os.environ)))
    assert answers[0] == answers[1]
