"""The checks of the machine that deploys, and the table of all ids."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.core import checks as django_checks
from django.core.management import BaseCommand
from django.test import override_settings

from django_selfdeploy import check_ids, checks
from django_selfdeploy.check_ids import FORWARDED
from django_selfdeploy.project.consistency import ids

PACKAGE = Path(checks.__file__).parent
PROXY = {"BACKEND": "nginx", "OPTIONS": {"trusted_proxies": ["192.0.2.1"]}}
FRONT = (
    'Name the proxy that speaks https: SELFDEPLOY = {"default": {"FRONT": {"BACKEND": "nginx", "OPTIONS": '
    '{"trusted_proxies": ["192.0.2.1"]}}}}, or set '
)
Told = list[tuple[str, str, str]]


@pytest.fixture(autouse=True)
def _ordinary_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.os, "geteuid", lambda: 1000)


def told(**values: Any) -> Told:
    """Id, message and hint of everything, with these settings."""
    with override_settings(**values):
        return [((one.id or "").removeprefix("selfdeploy."), one.msg, one.hint or "") for one in checks.check(None)]


def test_sound_settings_give_no_message() -> None:
    assert told() == []
    assert told(SELFDEPLOY={"default": {}, "production": {}}) == []


def test_the_checks_run_for_a_deployment_only_and_by_their_own_tag() -> None:
    with override_settings(SELFDEPLOY={"default": {"PROT": 1}}):
        assert [one for one in django_checks.run_checks(databases=[]) if "selfdeploy" in (one.id or "")] == []
        found = django_checks.run_checks(tags=["selfdeploy"], include_deployment_checks=True)
    assert [one.id for one in found] == ["selfdeploy.E010"]


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        ([], [("E010", "SELFDEPLOY is not a dictionary.", 'Write SELFDEPLOY = {"default": {}}.')]),
        (
            {"default": {"KEEEP": 1}, "production": {"KEEP": 1}},
            [
                ("E010", "SELFDEPLOY['default'] has the unknown key 'KEEEP'.", "Did you mean 'KEEP'?"),
                (
                    "E010",
                    "SELFDEPLOY['production']['KEEP'] is 1.",
                    "At least 2: the live release and the one to go back to.",
                ),
            ],
        ),
    ],
)
def test_every_target_that_is_not_valid_is_told(configured: Any, expected: Told) -> None:
    assert told(SELFDEPLOY=configured) == expected


@pytest.mark.parametrize(
    "owner", ["django_simple_deploy", type("Command", (BaseCommand,), {"__module__": "x.deploy"})()]
)
def test_another_owner_of_the_command_is_told(owner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "get_commands", lambda: {"deploy": owner})
    name = owner if isinstance(owner, str) else "x.deploy"
    assert told() == [
        (
            "W009",
            f"`manage.py deploy` is a command of {name!r}.",
            (
                f'List "django_selfdeploy" before {name!r} in INSTALLED_APPS, since the first one counts; '
                "`python -m django_selfdeploy deploy` always works."
            ),
        )
    ]


def test_root_is_told_to_deploy_as_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.os, "geteuid", lambda: 0)
    assert told() == [
        (
            "W010",
            "The user who deploys is 'root', and so is the site's.",
            "Make a user for it (`manage.py deploy_setup --deploy-as deploy` does), and deploy as that user.",
        )
    ]


def test_a_redirect_to_https_that_nobody_speaks_is_told() -> None:
    what = "SECURE_SSL_REDIRECT is on, and the front server of 'default' speaks http only."
    assert told(SECURE_SSL_REDIRECT=True) == [("W011", what, f"{FRONT}SECURE_SSL_REDIRECT = False.")]


def test_cookies_that_no_visitor_could_send_are_told() -> None:
    assert told(SESSION_COOKIE_SECURE=True, CSRF_COOKIE_SECURE=True) == [
        (
            "W013",
            f"{name} is on, and the front server of 'default' speaks http only: nobody can log in.",
            f"{FRONT}{name} = False.",
        )
        for name in ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE")
    ]


def test_behind_a_trusted_proxy_https_is_fine() -> None:
    configured = {"default": {"FRONT": PROXY}}
    secure = {"SECURE_SSL_REDIRECT": True, "SESSION_COOKIE_SECURE": True, "SECURE_PROXY_SSL_HEADER": FORWARDED}
    assert told(SELFDEPLOY=configured, **secure) == []


def test_targets_with_other_settings_are_not_judged_by_these() -> None:
    configured = {"default": {"SETTINGS_MODULE": "mysite.production"}}
    assert told(SELFDEPLOY=configured, SECURE_SSL_REDIRECT=True) == []


def test_a_scheme_header_that_a_visitor_could_send_is_told() -> None:
    assert told(SECURE_PROXY_SSL_HEADER=FORWARDED, SELFDEPLOY={"default": {"FRONT": PROXY}}) == []
    assert told(SECURE_PROXY_SSL_HEADER=["HTTP_X_SCHEME", "https"]) == [
        (
            "W012",
            (
                "SECURE_PROXY_SSL_HEADER is ('HTTP_X_SCHEME', 'https'), which the front server passes on as the "
                "visitor sent it."
            ),
            "Write SECURE_PROXY_SSL_HEADER = ('HTTP_X_FORWARDED_PROTO', 'https').",
        )
    ]


LOCAL = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
ONE_WORKER = {"default": {"APP_SERVER": {"BACKEND": "gunicorn", "OPTIONS": {"workers": 1}}}}


@pytest.mark.parametrize(
    "values",
    [
        {"CACHES": {**LOCAL, "default": {**LOCAL["default"], "LOCATION": "x"}}},
        {"MIDDLEWARE": ["django.middleware.cache.UpdateCacheMiddleware"]},
    ],
)
def test_a_cache_that_the_workers_do_not_share_is_told(values: dict[str, Any]) -> None:
    assert told(**values) == [
        (
            "W014",
            (
                "The cache 'default' is in local memory, and 'default' has 2 worker processes, each with a cache of "
                "its own."
            ),
            (
                'Use one that they share: "BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": '
                '"cache"; a deployment makes its table.'
            ),
        )
    ]
    assert told(**values, SELFDEPLOY=ONE_WORKER) == []


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "manage.py").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
def test_what_a_deployment_would_put_right_is_told(project: Path) -> None:
    configured = {"default": {"ROOT": "/srv/site"}, "other": {"ROOT": "/srv/site"}}
    database = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(project / "db.sqlite3")}}
    values = {"DEBUG": True, "SECRET_KEY": "", "ALLOWED_HOSTS": [], "DATABASES": database, "MEDIA_ROOT": "media"}
    found = told(SELFDEPLOY=configured, **values)
    assert [(name, what) for name, what, _ in found] == [
        ("W001", "DEBUG is on. The release runs with DEBUG = False."),
        (
            "W002",
            (
                "SECRET_KEY is the one that startproject made, or empty. The release uses a key of its own, made once "
                "and kept in shared/secret_key."
            ),
        ),
        ("W003", "ALLOWED_HOSTS is empty. The release answers to localhost, 127.0.0.1, [::1] only."),
        (
            "I004",
            (
                "The SQLite file of the database 'default' is in the folder that a new release replaces. The release "
                "uses '/srv/site/shared/db.sqlite3', which outlives releases."
            ),
        ),
        (
            "I005",
            (
                "MEDIA_ROOT is 'media', in the folder that a new release replaces. Uploads are kept in "
                "'/srv/site/shared/media', which outlives releases."
            ),
        ),
    ]
    assert all(hint for _, _, hint in found)


@pytest.mark.usefixtures("project")
def test_what_would_stop_a_deployment_is_an_error() -> None:
    assert told(SELFDEPLOY={"default": {"ADJUST_SETTINGS": False}}, DEBUG=True) == [
        (
            "E001",
            "DEBUG is on.",
            'Write DEBUG = env.bool("DEBUG", default=False), as `manage.py deploy_init` does.',
        )
    ]


def test_what_a_deployment_would_tell_of_the_settings_is_told_here_too() -> None:
    found = told(PREPEND_WWW=True, ALLOWED_HOSTS=["example.com"], SELFDEPLOY={"default": {}, "production": {}})
    assert [name for name, _, _ in found] == ["E062"]


LEVELS = {"I": django_checks.INFO, "W": django_checks.WARNING, "E": django_checks.ERROR}


def test_ids_are_unique_and_carry_the_letter_of_their_level() -> None:
    trees = [ast.parse(Path(module.__file__ or "").read_text()) for module in (check_ids, ids)]
    tables = [
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict)
    ]
    keys = Counter(key.value for table in tables for key in table.keys if isinstance(key, ast.Constant))
    assert [name for name, count in keys.items() if count > 1] == []
    for name, kind in checks.ALL_CHECKS.items():
        assert re.fullmatch(r"selfdeploy\.[IWE]\d{3}", name)
        assert kind.level == LEVELS[name[11]]
        assert kind.what.endswith(".")
        assert kind.to_do.endswith(".")


def test_every_id_in_the_package_is_in_the_table_and_the_other_way_round() -> None:
    tables = ("checks.py", "check_ids.py", "ids.py")
    text = "".join(path.read_text() for path in PACKAGE.rglob("*.py") if path.name not in tables)
    own = ast.parse(Path(checks.__file__).read_text())
    calls = [
        node.args[0] for node in ast.walk(own) if isinstance(node, ast.Call) and ast.unparse(node.func) == "message"
    ]
    used = {str(arg.value) for arg in calls if isinstance(arg, ast.Constant)}
    used |= set(re.findall(r"selfdeploy\.[IWE]\d{3}", text))
    numbered = {f"selfdeploy.{letter}{number:03}" for letter in "IWE" for number in (*range(1, 7), 76, 77, 87)}
    assert used <= set(checks.ALL_CHECKS)
    assert set(checks.ALL_CHECKS) - used <= numbered
