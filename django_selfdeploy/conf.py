"""settings.SELFDEPLOY made into targets: checked, typed, with every default in one place."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar

from . import inventory
from .backends.base import AppServer, FrontServer, Part, ProcessManager, option
from .backup_options import BackupOptions, backup_options
from .build_options import Build, build_options
from .core.errors import ConfigError
from .env_options import EnvSources, env_options
from .hosts.options import Ssh
from .inventory import Host
from .process_options import Process, processes
from .project.safety.schedule import is_kind
from .smoke_options import Smoke, smoke_options
from .static_options import Static
from .typed import REFERENCE, fields_of, meant

BACKENDS = {
    "gunicorn": "django_selfdeploy.backends.gunicorn.Gunicorn",
    "nginx": "django_selfdeploy.backends.nginx.Nginx",
    "supervisor": "django_selfdeploy.backends.supervisor.Supervisor",
}
"""Short names of the parts that ship with this package."""

AMOUNTS = (
    *("tests_timeout", "ready_timeout", "watch", "drain_timeout", "disk_reserve", "database_wait"),
    *("lock_timeout", "statement_timeout"),
)
"""Options that are numbers from 0 on."""

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
INSTALLERS = ("auto", "uv", "pip")
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}\Z")
ROOT = re.compile(r"(/[A-Za-z0-9@._+-]+)+/?\Z")
HOST = re.compile(r"[A-Za-z0-9._:\[\]-]*\Z")
ROOT_HINT = "Give the whole path, with letters, digits and @ . _ + - in its names: programs' files cannot quote it."

P = TypeVar("P", bound=Part)


@dataclass(frozen=True)
class Target:
    """One entry of settings.SELFDEPLOY; every field but `alias` is a key of it, in upper case."""

    alias: str
    hosts: tuple[Host, ...] = option((), "Hosts to deploy to over SSH; default: this machine. See `HOSTS` below.")
    batch: int | str = option("25%", "How many hosts switch at a time: a number, a share of them, or `all`.")
    ssh: Ssh = option(Ssh(), "How hosts are logged in at. See `SSH` below.")
    name: str = option("", "Name of the site in program names and paths; default: the project's package.")
    root: str = option(
        "",
        "Folder of the site on the host; default: /srv/NAME for root, else ~/.local/share/selfdeploy/NAME.",
    )
    settings_module: str = option("", "The settings of the release; default: those that the command runs with.")
    port: int = option(8000, "Port of the front server.")
    bind: str = option("0.0.0.0", "Address on which the front server listens.")  # noqa: S104 - to be reached
    commit: str = option("HEAD", "The commit, tag or branch that is deployed, where the project is in git.")
    env_file: str = option(
        "",
        "File of environment variables, beside manage.py; default: .env.TARGET, else .env, where there is one.",
    )
    env: EnvSources = option(EnvSources(), "Where variables come from besides files. See `ENV` below.")
    requirements: tuple[str, ...] = option(
        (), "Requirement files to install; default: found (uv.lock, requirements.txt, pyproject.toml)."
    )
    installer: str = option("auto", "What installs them: uv, pip, or auto for uv where it is there.")
    python: str = option("", "Interpreter of the virtualenv; default: the one that runs the command.")
    tests: bool | tuple[str, ...] = option(
        True, "Whether the project's tests run in the new release, or the labels that do."
    )
    tests_timeout: float = option(1800.0, "Seconds that the tests may take.")
    check_fail_level: str = option(
        "ERROR", "The level of a message of `check --deploy` from which on it stops a deployment."
    )
    adjust_settings: bool = option(
        True,
        "Whether DEBUG, SECRET_KEY, ALLOWED_HOSTS, SQLite and media paths that would be unsafe are put right for the "
        "release; if not, they stop the deployment.",
    )
    audit: bool = option(False, "Whether pip-audit, where the host has it, looks up what is known against packages.")
    migrations: dict[str, str] = option(
        {},
        "Judgements on migrations that are overruled: `expand`, `locking` or `contract` by `app.name`, or a pattern "
        "of such names.",
    )
    lock_timeout: float = option(
        2.0, "Seconds that a migration waits for a lock, and the site behind it; 0 waits for ever."
    )
    lock_tries: int = option(3, "How often a migration is tried that does not get a lock in time.")
    statement_timeout: float = option(3600.0, "Seconds that one statement of a migration may take; 0 for any.")
    app_server: AppServer = option(None, "The application server.")
    front: FrontServer = option(None, "The front server.")
    process_manager: ProcessManager = option(None, "The process manager.")
    build: Build = option(Build(), "Commands that make files of the release, as a front-end build does.")
    static: Static = option(Static(), "What is done to static files before they are served.")
    processes: dict[str, Process] = option(
        {}, "Processes besides the web server, by name; None leaves one out that would be found."
    )
    find_processes: bool = option(True, "Whether workers of task queues are found in what the project has installed.")
    smoke: Smoke = option(Smoke(), "Pages that the new release is asked for before it goes live.")
    accept: tuple[str, ...] = option((), "Ids of checks whose messages stop no deployment; the record names them.")
    refuse: tuple[str, ...] = option((), "Ids of checks whose messages stop a deployment, whatever their level.")
    probe_path: str = option(
        "",
        "Path of the page that proves that a release works; default: /, else the admin's login, else the first page "
        "without parameters.",
    )
    probe_host: str = option("", "Host header of the probe; default: the first host of ALLOWED_HOSTS.")
    ready_timeout: float = option(60.0, "Seconds that new processes may take until they answer.")
    watch: float = option(
        5.0,
        "Seconds that the new release is watched after the switch; three failures bring the old one back.",
    )
    drain_timeout: float = option(30.0, "Seconds that the old processes may take to finish their requests.")
    keep: int = option(5, "How many releases are kept, the live one included.")
    disk_reserve: int = option(200, "Megabytes that must stay free on the host.")
    start_at_boot: bool = option(True, "Whether the site starts again after a reboot.")
    backup: BackupOptions = option(BackupOptions(), "Backups of databases and media. See `BACKUP` below.")
    database_admin: str = option(
        "DATABASE_ADMIN_URL",
        "Variable of the target's .env with the URL of an administrator of the database server, who makes databases "
        "and roles that are missing; for another alias than default the one with _ALIAS at its end comes first.",
    )
    database_wait: float = option(30.0, "Seconds to wait for a database server that does not answer yet.")
    fixtures: tuple[str, ...] = option((), "Fixtures to load into a database that no migration was ever applied to.")


DEFAULT_PARTS: dict[str, tuple[type[Part], str]] = {
    "app_server": (AppServer, "gunicorn"),
    "front": (FrontServer, "nginx"),
    "process_manager": (ProcessManager, "supervisor"),
}


def load(alias: str, configured: Any, *, settings_module: str) -> Target:
    """The target called `alias` of `configured`, the value of settings.SELFDEPLOY (None when absent).

    Raises ConfigError for an unknown target or key (with a near match), or a value that cannot be.
    """
    targets = {"default": {}} if configured is None else configured
    if not isinstance(targets, dict):
        raise ConfigError("SELFDEPLOY is not a dictionary.", hint='Write SELFDEPLOY = {"default": {}}.')
    if alias not in targets:
        raise ConfigError(
            f"SELFDEPLOY has no target {alias!r}.",
            hint=meant(alias, targets) or f"It has: {', '.join(targets)}.",
        )
    where = f"SELFDEPLOY[{alias!r}]"
    values = fields_of(where, Target, targets[alias], skip=("alias",))
    values.setdefault("settings_module", settings_module)
    values.setdefault("name", default_name(alias, values["settings_module"]))
    for key, (contract, default) in DEFAULT_PARTS.items():
        values[key] = _part(f"{where}[{key.upper()!r}]", values.get(key, default), contract)
    values["processes"] = processes(where, values.get("processes", {}), found=values.get("find_processes", True))
    values["build"] = build_options(f"{where}['BUILD']", values.get("build", ()))
    values["static"] = Static(**fields_of(f"{where}['STATIC']", Static, values.get("static", {})))
    values["smoke"] = smoke_options(f"{where}['SMOKE']", values.get("smoke", True))
    values["hosts"] = inventory.hosts(f"{where}['HOSTS']", values.get("hosts", ()))
    values["backup"] = backup_options(f"{where}['BACKUP']", values.get("backup", {}))
    values["env"] = env_options(f"{where}['ENV']", values.get("env", {}))
    values["ssh"] = Ssh(**fields_of(f"{where}['SSH']", Ssh, values.get("ssh", {})))
    target = Target(alias=alias, **values)
    _judge(where, target)
    return target


def aliases(configured: Any) -> tuple[str, ...]:
    return tuple(configured) if isinstance(configured, dict) else ("default",)


def _part(where: str, given: Any, contract: type[P]) -> P:
    """The part that a short name, a dotted path, or a dictionary with BACKEND and OPTIONS stands for."""
    if isinstance(given, str):
        given = {"BACKEND": given}
    unknown = set(given) - {"BACKEND", "OPTIONS"} if isinstance(given, dict) else {"?"}
    if unknown or "BACKEND" not in given:
        raise ConfigError(f"{where} is {given!r}.", hint='Write "nginx", or {"BACKEND": "nginx", "OPTIONS": {...}}.')
    kind = _backend(where, given["BACKEND"], contract)
    part = kind(**fields_of(f"{where}['OPTIONS']", kind, given.get("OPTIONS", {}), case=str.lower))
    for problem in part.problems():
        raise ConfigError(f"{where}: {problem}", hint=REFERENCE)
    return part


def _backend(where: str, name: Any, contract: type[P]) -> type[P]:
    path = BACKENDS.get(name, name)
    module, _, attribute = str(path).rpartition(".")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        hint = meant(name, BACKENDS) or f"There are: {', '.join(BACKENDS)}; or give a dotted path."
        raise ConfigError(f"{where} names the unknown backend {name!r}.", hint=hint) from error
    if not (isinstance(found, type) and issubclass(found, contract)):
        raise ConfigError(f"{where} names {name!r}, which is no {contract.__name__}.", hint="Use another backend.")
    return found


def default_name(alias: str, settings_module: str) -> str:
    """The project's package, as a name of the site: "mysite" of "mysite.settings"; targets differ by alias."""
    package = re.sub(r"[^a-z0-9_-]", "-", settings_module.partition(".")[0].lower()).strip("-_") or "site"
    return package[:32] if alias == "default" else f"{package}-{alias}"[:32].lower()


def _judge(where: str, target: Target) -> None:
    """Raise ConfigError for values that are of the right type and still cannot be."""
    judgements = (
        (
            bool(NAME.match(target.name)),
            "NAME",
            target.name,
            "Use small letters, digits, - and _, at most 32.",
        ),
        (1 <= target.port <= 65535, "PORT", target.port, "A port is between 1 and 65535."),
        (target.lock_tries >= 1, "LOCK_TRIES", target.lock_tries, "At least 1."),
        (
            all(map(is_kind, target.migrations.values())),
            "MIGRATIONS",
            target.migrations,
            'Write for example {"shop.0007_price": "expand"}; it may also be "locking" or "contract".',
        ),
        (target.keep >= 2, "KEEP", target.keep, "At least 2: the live release and the one to go back to."),
        (target.installer in INSTALLERS, "INSTALLER", target.installer, f"One of {', '.join(INSTALLERS)}."),
        (
            target.check_fail_level in LEVELS,
            "CHECK_FAIL_LEVEL",
            target.check_fail_level,
            f"One of {', '.join(LEVELS)}.",
        ),
        (target.root == "" or bool(ROOT.match(target.root)), "ROOT", target.root, ROOT_HINT),
        (target.probe_path[:1] in ("", "/"), "PROBE_PATH", target.probe_path, "A path begins with /."),
        (bool(HOST.match(target.probe_host)), "PROBE_HOST", target.probe_host, "Give a host name."),
        (_is_address(target.bind), "BIND", target.bind, "Give an IP address."),
    )
    if target.hosts:
        _judge_hosts(where, target)
    for good, key, value, hint in judgements:
        if not good:
            raise ConfigError(f"{where}[{key!r}] is {value!r}.", hint=hint)
    for key in AMOUNTS:
        if getattr(target, key) < 0:
            raise ConfigError(f"{where}[{key.upper()!r}] is negative.", hint="Give a number from 0 on.")


def _judge_hosts(where: str, target: Target) -> None:
    try:
        inventory.batch_size(target.batch, len(target.hosts))
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.message}", hint=error.hint) from error
    for name, process in target.processes.items():
        role = inventory.role_of(name, process.role)
        if process.numprocs and not any(host.has(role) for host in target.hosts):
            hint = f'Give a host of {where}["HOSTS"] the role, or the process another "ROLE".'
            raise ConfigError(f"No host has the role {role!r}, which the process {name!r} needs.", hint=hint)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
