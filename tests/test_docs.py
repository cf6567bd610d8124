"""The documentation names what there is, all of what there is, and nothing else."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.conf import global_settings
from django.core.management import load_command_class

from django_selfdeploy import __main__ as entry
from django_selfdeploy import checks, conf
from django_selfdeploy.core import errors, events, hand, journal, state, status
from django_selfdeploy.core.layout import Layout
from django_selfdeploy.hosts.options import Ssh
from django_selfdeploy.inventory import Host
from django_selfdeploy.management.commands import deploy_history
from django_selfdeploy.options import Options, Project
from django_selfdeploy.story import about_deployment
from django_selfdeploy.tell import whole

TOP = Path(__file__).parents[1]
DOCS = TOP / "docs"
SOURCES = sorted({TOP / "README.md", *DOCS.rglob("*.md")} - {*(DOCS / "reference" / "_generated").glob("*")})
COMMANDS = entry.names()

NO_SETTINGS = {
    *("SITE_ID", "CONN_MAX_AGE", "DISABLE_SERVER_SIDE_CURSORS"),
    *("ROOT", "RELEASE", "TARGET", "ID", "NAME", "LOCATION", "INSTALLED_APPS", "SELFDEPLOY", "BACKEND", "OPTIONS"),
    *(
        "DATABASE_URL",
        "DATABASE_ADMIN_URL",
        "DATABASE_ADMIN_URL_ANALYTICS",
        "CREATEDB",
        "NO_COLOR",
        "HEAD",
        "ERROR",
        "POST",
        "GET",
        "THAT_FOLDER",
        "TERM",
        "SO_REUSEPORT",
        "MAILERS",
    ),
    *("PATH", "SELFDEPLOY_KEY", "SELFDEPLOY_KEY_PRODUCTION", "SENTRY_DSN", "PYTHONPATH"),
    # of task queues, and of Django 6 alone
    *("ASGI_APPLICATION", "ASYNC", "DEFAULT_TIMEOUT", "Q_CLUSTER", "RQ_QUEUES", "TASKS"),
    *("SENDFILE_BACKEND", "SENDFILE_ROOT", "SENDFILE_URL"),
}
"""Words in capitals that the documentation uses and that are no settings."""


@lru_cache
def generated() -> dict[str, str]:
    return generator().pages()


@lru_cache
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@lru_cache
def text_of(path: Path) -> str:
    """The text of a page with what it includes."""
    return re.sub(
        r"```{include} \S*_generated/(\S+)\.md\n```",
        lambda match: generated()[match[1]],
        path.read_text(encoding="utf-8"),
    )


def everything() -> str:
    return "\n".join(map(text_of, SOURCES))


def blocks(path: Path, *languages: str) -> list[str]:
    found = re.findall(r"^ *```(\w+)\n(.*?)^ *```$", text_of(path), re.MULTILINE | re.DOTALL)
    return [block for language, block in found if language in languages]


def named(path: Path) -> str:
    return str(path.relative_to(TOP))


each_page = pytest.mark.parametrize("page", SOURCES, ids=named)


# All that there is ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_reference_with_all_its_options(name: str) -> None:
    reference = generated()["commands"].split(f"## `{name}`\n")[1].split("\n## ")[0]
    common = {action.dest for action in generator()._Bare().create_parser("", "")._actions}
    for action in load_command_class("django_selfdeploy", name).create_parser("manage.py", name)._actions:
        if action.dest not in common:
            for spelt in action.option_strings or [action.metavar or action.dest]:
                assert f"`{spelt}`" in reference


def test_every_option_of_the_host_script_is_in_the_reference() -> None:
    for action in hand._parser()._actions:
        for spelt in action.option_strings:
            assert spelt in ("-h", "--help", "--root") or f"`{spelt}`" in generated()["host-script"]


@pytest.mark.parametrize("name", checks.ALL_CHECKS)
def test_every_check_is_in_the_reference(name: str) -> None:
    assert f"| `{name}` |" in text_of(DOCS / "reference" / "checks.md")


@pytest.mark.parametrize("kind", [kind for kind in errors.ALL if kind.exit_code], ids=lambda kind: kind.__name__)
def test_every_exit_code_is_in_the_reference_and_in_the_guide(kind: type[errors.DeployError]) -> None:
    assert f"| `{kind.exit_code}` | `{kind.__name__}` |" in text_of(DOCS / "reference" / "exit-codes.md")
    assert re.search(rf"^\| {kind.exit_code} \|", text_of(DOCS / "how-to" / "failures.md"), re.MULTILINE)


def test_every_setting_is_in_the_reference() -> None:
    for key in setting_names() - {"ALIAS"}:
        assert re.search(rf"^(### |\| )`({key}|{key.lower()})`", everything(), re.MULTILINE), key


def test_every_path_and_template_is_in_the_reference() -> None:
    for name, member in vars(Layout).items():
        assert not isinstance(member, property) or f"`layout.{name}`" in generated()["layout"]
    for path in generator().TEMPLATES.rglob("*"):
        assert path.is_dir() or f"`selfdeploy/{path.relative_to(generator().TEMPLATES)}`" in generated()["templates"]


# Nothing else --------------------------------------------------------------------------------------------------


def setting_names() -> set[str]:
    kinds = (conf.Target, Host, Ssh, *generator().NESTED.values(), *generator().PARTS.values())
    return {name.upper() for kind in kinds for name in kind.__dataclass_fields__}


@each_page
def test_every_command_that_is_named_exists(page: Path) -> None:
    words = set(re.findall(r"\bdeploy_[a-z]+\b", text_of(page))) - {"deploy_probes"}
    words |= set(re.findall(r"manage\.py (deploy\w*)", text_of(page))) - {"deploy_NAME"}
    assert words <= set(COMMANDS)
    assert set(re.findall(r"python -m django_selfdeploy ([a-z]+)", text_of(page))) <= set(map(entry.short, COMMANDS))


@each_page
def test_every_command_line_has_options_that_exist(page: Path) -> None:
    for line in re.findall(r"manage\.py (deploy[^\n`|;&]*)", page.read_text(encoding="utf-8")):
        if line.startswith("deploy_run") or "[" in line:
            continue
        name, *words = shlex.split(line.split("#")[0].replace("'", "")) if line.split() else [""]
        parser = load_command_class("django_selfdeploy", name.rstrip(".,:")).create_parser("manage.py", name)
        known = {spelt for action in parser._actions for spelt in action.option_strings}
        assert {word.rstrip(".,:)") for word in words if word.startswith("-") and len(word) > 1} <= known, line


@each_page
def test_every_example_of_the_setting_loads(page: Path) -> None:
    for block in blocks(page, "python"):
        values: dict[str, Any] = {}
        exec(block, values)
        configured = values.get("SELFDEPLOY")
        for alias in conf.aliases(configured):
            assert conf.load(alias, configured, settings_module="mysite.settings").alias == alias


@each_page
def test_every_setting_that_is_named_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    names = set(re.findall(r"`([A-Z][A-Z_]{2,})`", text))
    variables = set(re.findall(r"`(SELFDEPLOY_[A-Z]+)`", text))
    ours = variables & {*re.findall(r"SELFDEPLOY_[A-Z]+", (TOP / "django_selfdeploy/steps/stage.py").read_text())}
    assert names <= setting_names() | set(dir(global_settings)) | NO_SETTINGS | ours | {"DJANGO_SETTINGS_MODULE"}


@each_page
def test_every_json_example_is_json(page: Path) -> None:
    for block in blocks(page, "json"):
        assert all(isinstance(json.loads(line), dict) for line in block.splitlines())


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if not link.startswith("http"):
            name, _, anchor = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_every_picture_is_there(page: Path) -> None:
    for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)|```{image} (\S+)", text_of(page)):
        assert (page.parent / "".join(name)).is_file()


@each_page
def test_every_page_is_reached(page: Path) -> None:
    if page.parent != TOP and page != DOCS / "index.md":
        index = page.parent / "index.md" if page.name != "index.md" else page.parents[1] / "index.md"
        name = page.stem if page.name != "index.md" else f"{page.parent.name}/index"
        assert re.search(rf"^{name}$", index.read_text(encoding="utf-8"), re.MULTILINE)


def test_no_path_of_the_machine_of_an_author_is_shown() -> None:
    assert not re.search(r"/work/|/root/|/tmp/|\.pyenv", everything())


# What programs read --------------------------------------------------------------------------------------------


def documented(page: str, heading: str) -> set[str]:
    """The keys in the first column of the first table below a heading."""
    section = text_of(DOCS / "reference" / page).split(f"{heading}\n", 1)[1]
    [table] = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)[:1]
    return {key for row in table.splitlines()[2:] for key in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_the_keys_of_the_status_are_documented(tmp_path: Path) -> None:
    layout = Layout(str(tmp_path))
    found = status.status(layout, state.look(layout))
    assert documented("json.md", "## `deploy_status`") == set(found)


def test_the_keys_of_the_history_are_documented() -> None:
    section = text_of(DOCS / "reference" / "json.md").split("## `deploy_history`")[1].split("##")[0]
    assert set(re.findall(r"`(\w+)`", section)) == {
        *deploy_history.KEYS,
        *deploy_history.MORE,
        *whole.OF_A_HOST,
        "null",
    }


def test_the_keys_of_an_error_and_an_outcome_are_documented() -> None:
    from django_selfdeploy.management.base import as_json
    from django_selfdeploy.operations import Outcome

    assert documented("json.md", "## Errors") == set(as_json(errors.ConfigError("No.")))
    assert documented("json.md", "At last, when it succeeded:") == set(Outcome.__dataclass_fields__)


def test_the_keys_of_the_journal_are_documented(tmp_path: Path) -> None:
    target = conf.load("default", None, settings_module="mysite.settings")
    about = about_deployment(Project(tmp_path, target), "deploy", "", Options(), None)
    layout = Layout(str(tmp_path))
    Path(layout.journals).mkdir()
    story = journal.Journal(layout, {"id": "1", **about, "previous": "", "host": ""})
    story.keep("migrated", {"applied": [], "failed": "", "stays": [], "left": []})
    story.story |= {"migrations": [], "processes": []}  # what operations say once the release is known
    story.begin_step(number=1, phase="stage", name="lay the source down", at=0.0)
    assert documented("journal.md", "# The journal") == set(story.story) - {"elapsed"}
    assert documented("journal.md", "Of each step:") == set(story.story["steps"][0])


def test_every_event_is_documented() -> None:
    for kind in events.Event.__subclasses__():
        if kind.__module__ != events.__name__:
            continue  # what the controller tells its own listeners
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()
        for word in (name, *kind.__dataclass_fields__):
            assert f"`{word}`" in generated()["json-events"], kind
