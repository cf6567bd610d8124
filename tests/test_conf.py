"""settings.SELFDEPLOY becomes a target, or is refused with a sentence that says what to write."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import pytest

from django_selfdeploy import conf
from django_selfdeploy.backends.base import AppServer, FrontServer, Part, ProcessManager
from django_selfdeploy.backends.gunicorn import Gunicorn
from django_selfdeploy.backends.nginx import Nginx
from django_selfdeploy.backends.supervisor import Supervisor
from django_selfdeploy.backup_options import BackupOptions
from django_selfdeploy.build_options import Build
from django_selfdeploy.conf import Process, Target, aliases, load
from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.env_options import EnvSources
from django_selfdeploy.hosts.options import Ssh
from django_selfdeploy.inventory import Host
from django_selfdeploy.smoke_options import Smoke
from django_selfdeploy.static_options import Static

REFERENCE = "See the reference of the settings."


@dataclass(frozen=True)
class OwnServer(Gunicorn):
    """An application server of a project's own."""

    name = "own"


def made(settings: dict[str, Any] | None = None, *, alias: str = "default", module: str = "mysite.settings") -> Target:
    return load(alias, {alias: settings or {}}, settings_module=module)


def refused(configured: Any, alias: str = "default") -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        load(alias, configured, settings_module="mysite.settings")
    assert caught.value.exit_code == 3
    return caught.value.message, caught.value.hint


# what is made


def test_without_any_setting_everything_has_a_default() -> None:
    expected = Target(
        alias="default",
        name="mysite",
        settings_module="mysite.settings",
        app_server=Gunicorn(),
        front=Nginx(),
        process_manager=Supervisor(),
    )
    assert load("default", None, settings_module="mysite.settings") == made() == expected


def test_every_key_has_its_place() -> None:
    settings = {
        "NAME": "shop",
        "ROOT": "/srv/shop",
        "SETTINGS_MODULE": "shop.settings.production",
        "PORT": 8080,
        "BIND": "127.0.0.1",
        "HOSTS": ["deploy@web1.example.com:2222", {"ADDRESS": "web2.example.com", "ROLES": ["worker", "db"]}],
        "BATCH": "50%",
        "SSH": {"CONNECT_TIMEOUT": 3, "IDENTITY_FILE": "~/.ssh/shop"},
        "COMMIT": "main",
        "ENV_FILE": ".env.production",
        "REQUIREMENTS": ["requirements/production.txt"],
        "INSTALLER": "pip",
        "PYTHON": "/usr/bin/python3.12",
        "TESTS": ["shop.tests"],
        "TESTS_TIMEOUT": 60,
        "CHECK_FAIL_LEVEL": "WARNING",
        "ADJUST_SETTINGS": False,
        "AUDIT": True,
        "ACCEPT": ["selfdeploy.E030"],
        "REFUSE": ["selfdeploy.W034"],
        "BUILD": [["npm", "ci"]],
        "ENV": {"INHERIT": ["CI_TOKEN"], "COMMANDS": {"DB": ["pass", "show", "db"]}, "KEY_FILE": "~/site.key"},
        "STATIC": {"MINIFY": False},
        "SMOKE": {"SKIP": ["/slow/"]},
        "MIGRATIONS": {"shop.0002_price": "expand"},
        "LOCK_TIMEOUT": 1,
        "LOCK_TRIES": 5,
        "STATEMENT_TIMEOUT": 60,
        "APP_SERVER": {"BACKEND": "gunicorn", "OPTIONS": {"workers": 3, "worker_class": "gevent"}},
        "FRONT": {"BACKEND": "nginx", "OPTIONS": {"trusted_proxies": ["10.0.0.1"]}},
        "PROCESS_MANAGER": "supervisor",
        "PROCESSES": {"mail": {"COMMAND": ["python", "mail.py"], "NUMPROCS": 2, "STOP_TIMEOUT": 5}},
        "PROBE_PATH": "/health/",
        "PROBE_HOST": "shop.example:8080",
        "READY_TIMEOUT": 10,
        "WATCH": 0,
        "DRAIN_TIMEOUT": 2.5,
        "KEEP": 2,
        "DISK_RESERVE": 0,
        "START_AT_BOOT": False,
        "BACKUP": {"WHEN": "always", "DIRECTORY": "/mnt/backups", "KEEP_DAYS": 30, "DATABASES": ["default"]},
        "DATABASE_ADMIN": "ADMIN_URL",
        "DATABASE_WAIT": 5,
        "FIXTURES": ["first"],
        "FIND_PROCESSES": False,
    }
    found = made(settings)
    assert found == Target(
        alias="default",
        name="shop",
        root="/srv/shop",
        settings_module="shop.settings.production",
        port=8080,
        bind="127.0.0.1",
        hosts=(Host("deploy@web1.example.com:2222"), Host("web2.example.com", ("worker", "db"))),
        batch="50%",
        ssh=Ssh(connect_timeout=3.0, identity_file="~/.ssh/shop"),
        commit="main",
        env_file=".env.production",
        requirements=("requirements/production.txt",),
        installer="pip",
        python="/usr/bin/python3.12",
        tests=("shop.tests",),
        tests_timeout=60.0,
        check_fail_level="WARNING",
        adjust_settings=False,
        audit=True,
        accept=("selfdeploy.E030",),
        refuse=("selfdeploy.W034",),
        env=EnvSources(("CI_TOKEN",), {"DB": ("pass", "show", "db")}, "~/site.key"),
        build=Build((("npm", "ci"),)),
        static=Static(minify=False),
        smoke=Smoke(skip=("/slow/",)),
        migrations={"shop.0002_price": "expand"},
        lock_timeout=1.0,
        lock_tries=5,
        statement_timeout=60.0,
        app_server=Gunicorn(workers=3, worker_class="gevent"),
        front=Nginx(trusted_proxies=("10.0.0.1",)),
        process_manager=Supervisor(),
        processes={"mail": Process(("python", "mail.py"), 5.0, 2)},
        probe_path="/health/",
        probe_host="shop.example:8080",
        ready_timeout=10.0,
        watch=0.0,
        drain_timeout=2.5,
        keep=2,
        disk_reserve=0,
        start_at_boot=False,
        backup=BackupOptions(when="always", directory="/mnt/backups", keep_days=30.0, databases=("default",)),
        database_admin="ADMIN_URL",
        database_wait=5.0,
        fixtures=("first",),
        find_processes=False,
    )
    assert {field.name.upper() for field in dataclasses.fields(Target)} - {"ALIAS"} == set(settings)


@pytest.mark.parametrize("tests", [True, False, ["a", "b"]])
def test_tests_are_a_yes_a_no_or_labels(tests: Any) -> None:
    assert made({"TESTS": tests}).tests == (tuple(tests) if isinstance(tests, list) else tests)


@pytest.mark.parametrize(
    ("module", "alias", "name"),
    [
        ("mysite.settings", "default", "mysite"),
        ("mysite.settings", "production", "mysite-production"),
        ("My_Site.settings.base", "default", "my_site"),
        ("größe.settings", "default", "gr--e"),
        ("", "default", "site"),
        ("x" * 40, "default", "x" * 32),
        ("x" * 30, "staging", "x" * 30 + "-s"),
        ("mysite", "Staging", "mysite-staging"),
    ],
)
def test_a_name_comes_from_the_projects_package_and_the_target(module: str, alias: str, name: str) -> None:
    assert made(alias=alias, module=module).name == name


def test_a_backend_of_a_projects_own_is_found_by_its_dotted_path() -> None:
    path = f"{__name__}.OwnServer"
    assert made({"APP_SERVER": path}).app_server == OwnServer()
    assert made({"APP_SERVER": {"BACKEND": path, "OPTIONS": {"threads": 8}}}).app_server == OwnServer(threads=8)


def test_targets_are_known_by_their_aliases() -> None:
    assert aliases({"default": {}, "production": {}}) == ("default", "production")
    assert aliases(None) == ("default",)


def test_a_target_does_not_change_the_settings_it_is_made_from() -> None:
    settings = {"PROCESSES": {"mail": {"COMMAND": ["a"]}}, "REQUIREMENTS": ["a.txt"]}
    made(settings)
    assert settings == {"PROCESSES": {"mail": {"COMMAND": ["a"]}}, "REQUIREMENTS": ["a.txt"]}
    assert made().processes is not made().processes


# what is refused


@pytest.mark.parametrize("configured", [[], "production", 7])
def test_what_is_no_dictionary_is_refused(configured: Any) -> None:
    assert refused(configured) == ("SELFDEPLOY is not a dictionary.", 'Write SELFDEPLOY = {"default": {}}.')


@pytest.mark.parametrize(
    ("alias", "hint"),
    [
        ("produktion", "Did you mean 'production'?"),
        ("PRODUCTION", "Did you mean 'production'?"),
        ("x", "It has: default, production."),
    ],
)
def test_an_unknown_target_is_refused_with_a_near_match(alias: str, hint: str) -> None:
    assert refused({"default": {}, "production": {}}, alias) == (f"SELFDEPLOY has no target {alias!r}.", hint)


def test_a_target_that_is_no_dictionary_is_refused() -> None:
    assert refused({"default": None}) == ("SELFDEPLOY['default'] is not a dictionary but None.", REFERENCE)


EVERY_KEY = ", ".join(field.name.upper() for field in dataclasses.fields(Target) if field.name != "alias")


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("APPSERVER", "Did you mean 'APP_SERVER'?"),
        ("port", "Did you mean 'PORT'?"),
        ("PROCESES", "Did you mean 'PROCESSES'?"),
        ("ALIAS", f"It may have: {EVERY_KEY}."),
        (7, f"It may have: {EVERY_KEY}."),
    ],
)
def test_an_unknown_key_is_refused_with_a_near_match(key: Any, hint: str) -> None:
    assert refused({"default": {key: 1}}) == (f"SELFDEPLOY['default'] has the unknown key {key!r}.", hint)


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("NAME", 7, "a text"),
        ("NAME", None, "a text"),
        ("PORT", "8000", "a whole number"),
        ("PORT", 80.5, "a whole number"),
        ("PORT", True, "a whole number"),
        ("WATCH", "5", "a number"),
        ("WATCH", False, "a number"),
        ("START_AT_BOOT", 1, "True or False"),
        ("REQUIREMENTS", "requirements.txt", "a list of texts"),
        ("REQUIREMENTS", ["a", 7], "a list of texts"),
        ("TESTS", "pages", "True, False or a list of texts"),
        ("TESTS", [True], "True, False or a list of texts"),
    ],
)
def test_a_value_of_another_type_is_refused(key: str, value: Any, wanted: str) -> None:
    expected = f"SELFDEPLOY['default'][{key!r}] is {value!r}, which is not {wanted}."
    assert refused({"default": {key: value}}) == (expected, REFERENCE)


ROOT_HINT = "Give the whole path, with letters, digits and @ . _ + - in its names: programs' files cannot quote it."


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("NAME", "My Site", "Use small letters, digits, - and _, at most 32."),
        ("NAME", "-x", "Use small letters, digits, - and _, at most 32."),
        ("NAME", "a" * 33, "Use small letters, digits, - and _, at most 32."),
        ("NAME", "a/../b", "Use small letters, digits, - and _, at most 32."),
        ("NAME", "a\n", "Use small letters, digits, - and _, at most 32."),
        ("PORT", 0, "A port is between 1 and 65535."),
        ("PORT", 70000, "A port is between 1 and 65535."),
        ("KEEP", 1, "At least 2: the live release and the one to go back to."),
        ("INSTALLER", "poetry", "One of auto, uv, pip."),
        ("CHECK_FAIL_LEVEL", "error", "One of DEBUG, INFO, WARNING, ERROR, CRITICAL."),
        ("ROOT", "srv/mysite", ROOT_HINT),
        ("ROOT", "~/mysite", ROOT_HINT),
        ("ROOT", "/", ROOT_HINT),
        ("ROOT", "/srv/my site", ROOT_HINT),
        ("ROOT", "/srv/it's", ROOT_HINT),
        ("ROOT", "/srv/$HOME", ROOT_HINT),
        ("ROOT", "/srv/a;b", ROOT_HINT),
        ("ROOT", "/srv/a\n", ROOT_HINT),
        ("PROBE_PATH", "health/", "A path begins with /."),
        ("PROBE_HOST", "a\r\nX: y", "Give a host name."),
        ("PROBE_HOST", "http://example.com", "Give a host name."),
        ("BIND", "localhost", "Give an IP address."),
        ("BIND", "1.2.3.4.5", "Give an IP address."),
        ("BIND", "::1; return 200", "Give an IP address."),
        ("BIND", "", "Give an IP address."),
    ],
)
def test_a_value_that_cannot_be_is_refused(key: str, value: Any, hint: str) -> None:
    assert refused({"default": {key: value}}) == (f"SELFDEPLOY['default'][{key!r}] is {value!r}.", hint)


@pytest.mark.parametrize("root", ["/srv/mysite", "/srv/my.site/", "/home/a@b.example/site_1+2"])
def test_usual_roots_are_taken(root: str) -> None:
    assert made({"ROOT": root}).root == root


@pytest.mark.parametrize("key", ["TESTS_TIMEOUT", "READY_TIMEOUT", "WATCH", "DRAIN_TIMEOUT", "DISK_RESERVE"])
def test_a_negative_number_is_refused(key: str) -> None:
    assert refused({"default": {key: -1}}) == (
        f"SELFDEPLOY['default'][{key!r}] is negative.",
        "Give a number from 0 on.",
    )


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("guincorn", "Did you mean 'gunicorn'?"),
        ("uwsgi", "There are: gunicorn, nginx, supervisor; or give a dotted path."),
        ("mysite.nothing.Server", "There are: gunicorn, nginx, supervisor; or give a dotted path."),
        ("django_selfdeploy.conf.Nothing", "There are: gunicorn, nginx, supervisor; or give a dotted path."),
    ],
)
def test_an_unknown_backend_is_refused_with_a_near_match(given: str, hint: str) -> None:
    expected = f"SELFDEPLOY['default']['APP_SERVER'] names the unknown backend {given!r}."
    assert refused({"default": {"APP_SERVER": given}}) == (expected, hint)
    assert refused({"default": {"APP_SERVER": {"BACKEND": given}}}) == (expected, hint)


@pytest.mark.parametrize("name", ["nginx", "django_selfdeploy.conf.load", "django_selfdeploy.conf.Target"])
def test_a_backend_of_another_kind_is_refused(name: str) -> None:
    assert refused({"default": {"APP_SERVER": name}}) == (
        f"SELFDEPLOY['default']['APP_SERVER'] names {name!r}, which is no AppServer.",
        "Use another backend.",
    )


@pytest.mark.parametrize(
    "given", [None, 7, [], {}, {"OPTIONS": {}}, {"BACKEND": "nginx", "SCOPE": "own"}, {"backend": "nginx"}]
)
def test_what_names_no_backend_is_refused(given: Any) -> None:
    assert refused({"default": {"FRONT": given}}) == (
        f"SELFDEPLOY['default']['FRONT'] is {given!r}.",
        'Write "nginx", or {"BACKEND": "nginx", "OPTIONS": {...}}.',
    )


def options(part: str, backend: str, given: Any) -> tuple[str, str]:
    return refused({"default": {part: {"BACKEND": backend, "OPTIONS": given}}})


def test_an_unknown_option_is_refused_with_a_near_match() -> None:
    where = "SELFDEPLOY['default']['APP_SERVER']['OPTIONS']"
    assert options("APP_SERVER", "gunicorn", {"worker": 2}) == (
        f"{where} has the unknown key 'worker'.",
        "Did you mean 'workers'?",
    )
    assert options("APP_SERVER", "gunicorn", {"WORKERS": 2}) == (
        f"{where} has the unknown key 'WORKERS'.",
        "Did you mean 'workers'?",
    )
    known = "scope, socket, include, log_size, log_backups"
    assert options("PROCESS_MANAGER", "supervisor", {"zzz": 2})[1] == f"It may have: {known}."


def test_an_option_of_another_type_is_refused() -> None:
    where = "SELFDEPLOY['default']['APP_SERVER']['OPTIONS']"
    assert options("APP_SERVER", "gunicorn", {"workers": "2"}) == (
        f"{where}['workers'] is '2', which is not a whole number.",
        REFERENCE,
    )
    assert options("APP_SERVER", "gunicorn", ["workers"]) == (
        f"{where} is not a dictionary but ['workers'].",
        REFERENCE,
    )


def test_options_that_cannot_be_are_refused_in_the_parts_own_words() -> None:
    assert options("FRONT", "nginx", {"scope": "shared"}) == (
        "SELFDEPLOY['default']['FRONT']: scope 'shared' is not one of own, system.",
        REFERENCE,
    )


PROCESSES = "SELFDEPLOY['default']['PROCESSES']"


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ([], f"{PROCESSES} is not a dictionary.", 'Write {"worker": {"COMMAND": [...]}}.'),
        ({"a": ["x"]}, f"{PROCESSES}['a'] is not a dictionary but ['x'].", REFERENCE),
        (
            {"a": {"COMMAND": "python x.py"}},
            f"{PROCESSES}['a']['COMMAND'] is 'python x.py', which is not a list of texts.",
            REFERENCE,
        ),
        (
            {"a": {"COMMAND": ["x"], "NUMPROCS": -1}},
            f"{PROCESSES}['a']['NUMPROCS'] is -1.",
            "Give a number from 0 on.",
        ),
        (
            {"a": {"COMMAND": ["x"], "STOP_SIGNAL": "SIGTERM"}},
            f"{PROCESSES}['a']['STOP_SIGNAL'] is 'SIGTERM'.",
            "It is one of TERM, INT, QUIT, HUP, USR1, USR2, KILL.",
        ),
        (
            {"a": {"COMAND": ["x"]}},
            f"{PROCESSES}['a'] has the unknown key 'COMAND'.",
            "Did you mean 'COMMAND'?",
        ),
    ],
)
def test_processes_that_cannot_be_are_refused(given: Any, message: str, hint: str) -> None:
    assert refused({"default": {"PROCESSES": given}}) == (message, hint)


def test_a_process_without_a_command_is_one_that_may_be_found() -> None:
    assert made({"PROCESSES": {"a": {}}}).processes == {"a": Process()}
    given = {"default": {"PROCESSES": {"a": {}}, "FIND_PROCESSES": False}}
    message = f"{PROCESSES}['a'] has no command."
    assert refused(given) == (message, 'Add "COMMAND": ["python", "manage.py", "..."].')


def test_a_process_may_be_left_out() -> None:
    assert made({"PROCESSES": {"celery": None}}).processes == {"celery": Process(numprocs=0)}


@pytest.mark.parametrize("name", ["web", "front", "Mail", "a-b", "1a", "", "a b", "a]", "a\n", "a" * 33, 7])
def test_a_process_has_a_name_that_a_program_can_have(name: Any) -> None:
    assert refused({"default": {"PROCESSES": {name: {"COMMAND": ["x"]}}}}) == (
        f"{PROCESSES}[{name!r}] has a name that no program can have.",
        "Use small letters, digits and underscores; `web` and `front` are taken.",
    )


# the reference is made from the fields


@pytest.mark.parametrize("kind", [Target, Process, Gunicorn, Nginx, Supervisor])
def test_every_option_is_documented(kind: Any) -> None:
    undocumented = [
        field.name
        for field in dataclasses.fields(kind)
        if field.name != "alias" and not str(field.metadata.get("doc", "")).endswith(".")
    ]
    assert undocumented == []


def test_every_short_name_is_that_of_its_part() -> None:
    found = {name: conf._backend("", name, Part) for name in conf.BACKENDS}
    assert {name: kind.name for name, kind in found.items()} == {name: name for name in conf.BACKENDS}


@pytest.mark.parametrize("contract", [AppServer, FrontServer, ProcessManager])
def test_a_contract_does_nothing_by_itself(contract: Any) -> None:
    optional = ("helper", "needs_helper", "socket_group", "concurrency")  # what most parts do without
    methods = [name for name, value in vars(contract).items() if callable(value) and not name.startswith("_")]
    methods = [name for name in methods if name not in optional]
    part = contract()
    assert part.problems() == ()
    for name in methods:
        count = getattr(contract, name).__code__.co_argcount - 1
        with pytest.raises(NotImplementedError):
            getattr(part, name)(*(None,) * count)
