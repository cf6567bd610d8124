"""System checks of the machine that deploys, and the table of every message that carries an id of ours.

They have a tag of their own and run with `check --deploy` only: a mistake in SELFDEPLOY stops no other command.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django.apps import AppConfig
from django.conf import global_settings, settings
from django.core import checks
from django.core.management import get_commands

from . import conf
from .conf import Target
from .core.errors import ConfigError
from .core.layout import Layout
from .project import adjust
from .project.place import project_folder

TAG = "selfdeploy"
OURS = "django_selfdeploy"
FORWARDED = ("HTTP_X_FORWARDED_PROTO", "https")
"""The one scheme header that our front server sets, and overwrites when a visitor sends it."""

ADJUSTED = ("DEBUG", "SECRET_KEY", "ALLOWED_HOSTS", "MEDIA_ROOT", "MEDIA_URL", "DATABASES", "STORAGES")
"""What adjust.py asks for; taken as written, since Django raises for an empty key and gives "" as the URL "/"."""

LOCAL_MEMORY = "django.core.cache.backends.locmem.LocMemCache"


class Kind(NamedTuple):
    """What an id stands for: its level, what is found, and what to do. The reference is made from it."""

    level: int
    what: str
    to_do: str


_put_right = "With ADJUST_SETTINGS the deployment puts it right: see the W or I of the same number."
_nothing = "Nothing: a place outside of the project is left alone."

ALL_CHECKS: dict[str, Kind] = {
    "selfdeploy.W001": Kind(checks.WARNING, "DEBUG is on.", "Read it with env.bool, as `deploy_init` writes it."),
    "selfdeploy.W002": Kind(
        checks.WARNING, "SECRET_KEY is startproject's, or empty.", "Read it from .env, as `deploy_init` writes it."
    ),
    "selfdeploy.W003": Kind(checks.WARNING, "ALLOWED_HOSTS is empty.", "List the names of the site in it."),
    "selfdeploy.I004": Kind(checks.INFO, "A SQLite file lies in the folder that a new release replaces.", _nothing),
    "selfdeploy.I005": Kind(checks.INFO, "MEDIA_ROOT lies in the folder that a new release replaces.", _nothing),
    "selfdeploy.I006": Kind(checks.INFO, "A storage lies in the folder that a new release replaces.", _nothing),
    "selfdeploy.E001": Kind(checks.ERROR, "W001 with ADJUST_SETTINGS off.", _put_right),
    "selfdeploy.E002": Kind(checks.ERROR, "W002 with ADJUST_SETTINGS off.", _put_right),
    "selfdeploy.E003": Kind(checks.ERROR, "W003 with ADJUST_SETTINGS off.", _put_right),
    "selfdeploy.E004": Kind(checks.ERROR, "I004 with ADJUST_SETTINGS off.", _put_right),
    "selfdeploy.E005": Kind(checks.ERROR, "I005 with ADJUST_SETTINGS off.", _put_right),
    "selfdeploy.E006": Kind(checks.ERROR, "I006 with ADJUST_SETTINGS off.", _put_right),
    "selfdeploy.E007": Kind(
        checks.ERROR, "An app has more than one last migration.", "Run `manage.py makemigrations --merge`."
    ),
    "selfdeploy.E008": Kind(
        checks.ERROR, "WSGI_APPLICATION is not set.", 'Write WSGI_APPLICATION = "mysite.wsgi.application".'
    ),
    "selfdeploy.E009": Kind(
        checks.ERROR, "No page could prove that a release works.", "Name one that answers 200 in PROBE_PATH."
    ),
    "selfdeploy.W009": Kind(
        checks.WARNING,
        "Another app owns the command `deploy`.",
        "List django_selfdeploy before it in INSTALLED_APPS, or run `python -m django_selfdeploy deploy`.",
    ),
    "selfdeploy.E010": Kind(checks.ERROR, "SELFDEPLOY is not valid.", "What the hint of the message says."),
    "selfdeploy.W010": Kind(checks.WARNING, "The user who deploys is root.", "Deploy as a user who owns nothing else."),
    "selfdeploy.W011": Kind(
        checks.WARNING,
        "SECURE_SSL_REDIRECT sends visitors to https, which the front server does not speak.",
        "List the TLS proxy in trusted_proxies of FRONT, or set SECURE_SSL_REDIRECT = False.",
    ),
    "selfdeploy.W012": Kind(
        checks.WARNING,
        "SECURE_PROXY_SSL_HEADER names a header that the front server passes on as the visitor sent it.",
        f"Write SECURE_PROXY_SSL_HEADER = {FORWARDED}.",
    ),
    "selfdeploy.W013": Kind(
        checks.WARNING,
        "Cookies are for https only, and the front server speaks http: nobody can log in.",
        "List the TLS proxy in trusted_proxies of FRONT, or set it to False.",
    ),
    "selfdeploy.W014": Kind(
        checks.WARNING,
        "A cache in local memory is not shared by the worker processes.",
        "Use a cache that they share, for example the database's, or one worker.",
    ),
    "selfdeploy.E018": Kind(
        checks.ERROR, "The models of an app of the project have changes without a migration.", "Run `makemigrations`."
    ),
    "selfdeploy.W018": Kind(
        checks.WARNING,
        "The models of an installed app have changes without a migration.",
        "See whether a setting of yours changes its models, for example DEFAULT_AUTO_FIELD.",
    ),
    "selfdeploy.E019": Kind(
        checks.ERROR,
        "A database has migrations that the release lacks, and no release on this host has them.",
        "Deploy a commit that has them; `migrate APP --prune` forgets those that were squashed.",
    ),
    "selfdeploy.W019": Kind(
        checks.WARNING,
        "A database has migrations of newer releases, as after a rollback.",
        "See that the code of this release gets along with them.",
    ),
    "selfdeploy.E020": Kind(
        checks.ERROR,
        "A migration is applied before one that it depends on.",
        "Apply or fake what is missing with `manage.py migrate`.",
    ),
    "selfdeploy.E021": Kind(
        checks.ERROR, "The migrations do not fit together: one names another that is not there.", "Add what is missing."
    ),
    "selfdeploy.E022": Kind(
        checks.ERROR,
        "A migration declares a kind that there is not.",
        'Write selfdeploy = "expand", "locking" or "contract".',
    ),
    "selfdeploy.W023": Kind(
        checks.WARNING,
        "A migration with SQL or Python of its own is applied before the switch, unjudged.",
        'Let it declare itself: selfdeploy = "expand" or "contract".',
    ),
    "selfdeploy.W024": Kind(
        checks.WARNING, "The judgement on a migration was overruled.", "Nothing, if that was meant."
    ),
    "selfdeploy.W025": Kind(
        checks.WARNING,
        "A migration locks a table that is not small.",
        "What the message says, or `--maintenance`.",
    ),
    "selfdeploy.I015": Kind(
        checks.INFO,
        "The project has no requirements file, so the packages of this virtualenv are installed.",
        "Write a requirements.txt; `deploy_init` makes a first one.",
    ),
    "selfdeploy.I016": Kind(
        checks.INFO, "The project is not in git, so its folder is deployed as it is.", "Run `git init`, and commit."
    ),
    "selfdeploy.I017": Kind(
        checks.INFO,
        "Files that lie in the project are not deployed.",
        "Commit them, if the site needs them; environment files and databases never are.",
    ),
}
"""Every id, with those that the deployment itself tells of a release."""


def register() -> None:
    """Make the checks known to Django; once, in AppConfig.ready."""
    checks.register(check, TAG, deploy=True)


def check(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[checks.CheckMessage]:
    """All that is to be told of the settings that are loaded, for every target."""
    targets, wrong = _targets()
    found = [*wrong, *_command_name(), *_user(), *_proxy_header()]
    for target in targets:
        for one in (*_redirect(target), *_cookies(target), *_caches(target), *_adjustments(target)):
            found += [] if one in found else [one]
    return found


def message(name: str, what: str, to_do: str = "") -> checks.CheckMessage:
    """A message with the level of its id; `to_do` where the table's is too general."""
    kind = ALL_CHECKS[name]
    return checks.CheckMessage(kind.level, what, hint=to_do or kind.to_do, id=name)


def _targets() -> tuple[list[Target], list[checks.CheckMessage]]:
    """The targets that run with the settings that are loaded, and what is wrong with any."""
    configured = getattr(settings, "SELFDEPLOY", None)
    module = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    targets, wrong = [], []
    for alias in conf.aliases(configured):
        try:
            targets.append(conf.load(alias, configured, settings_module=module))
        except ConfigError as error:
            wrong.append(message("selfdeploy.E010", error.message, error.hint))
    return [target for target in targets if target.settings_module == module], wrong


def _command_name() -> Iterator[checks.CheckMessage]:
    owner: Any = get_commands().get("deploy", OURS)
    name = owner if isinstance(owner, str) else type(owner).__module__
    if name.partition(".")[0] != OURS:
        to_do = (
            f'List "{OURS}" before {name!r} in INSTALLED_APPS, since the first one counts; '
            f"`python -m {OURS} deploy` always works."
        )
        yield message("selfdeploy.W009", f"`manage.py deploy` is a command of {name!r}.", to_do)


def _user() -> Iterator[checks.CheckMessage]:
    if os.geteuid() == 0:
        to_do = "Make a user for it (`manage.py deploy_setup --deploy-as deploy` does), and deploy as that user."
        yield message("selfdeploy.W010", "The user who deploys is 'root', and so is the site's.", to_do)


def _proxy_header() -> Iterator[checks.CheckMessage]:
    header = settings.SECURE_PROXY_SSL_HEADER
    if header and tuple(header) != FORWARDED:
        yield message(
            "selfdeploy.W012",
            f"SECURE_PROXY_SSL_HEADER is {tuple(header)}, which the front server passes on as the visitor sent it.",
        )


def _is_plain(target: Target) -> bool:
    """Whether visitors reach the site by http alone: no proxy before the front server is trusted to say otherwise."""
    return getattr(target.front, "trusted_proxies", None) == ()


def _trust(target: Target) -> str:
    front = '{"BACKEND": "nginx", "OPTIONS": {"trusted_proxies": ["192.0.2.1"]}}'
    return f'Name the proxy that speaks https: SELFDEPLOY = {{"{target.alias}": {{"FRONT": {front}}}}}'


def _redirect(target: Target) -> Iterator[checks.CheckMessage]:
    if settings.SECURE_SSL_REDIRECT and _is_plain(target):
        yield message(
            "selfdeploy.W011",
            f"SECURE_SSL_REDIRECT is on, and the front server of {target.alias!r} speaks http only.",
            f"{_trust(target)}, or set SECURE_SSL_REDIRECT = False.",
        )


def _cookies(target: Target) -> Iterator[checks.CheckMessage]:
    for name in ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE"):
        if getattr(settings, name) and _is_plain(target):
            yield message(
                "selfdeploy.W013",
                f"{name} is on, and the front server of {target.alias!r} speaks http only: nobody can log in.",
                f"{_trust(target)}, or set {name} = False.",
            )


def _caches(target: Target) -> Iterator[checks.CheckMessage]:
    workers = getattr(target.app_server, "workers", 1)
    if workers < 2 or not _caches_used():
        return
    for alias, cache in settings.CACHES.items():
        if cache.get("BACKEND") == LOCAL_MEMORY:
            yield message(
                "selfdeploy.W014",
                f"The cache {alias!r} is in local memory, and {target.alias!r} has {workers} worker processes, "
                "each with a cache of its own.",
                'Use one that they share: "BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": '
                '"cache", and run `manage.py createcachetable`.',
            )


def _caches_used() -> bool:
    """Whether anything speaks for it: Django's default is local memory, for projects that use none as well."""
    chosen = settings.CACHES != global_settings.CACHES
    return chosen or "cache" in settings.SESSION_ENGINE or any(".cache." in name for name in settings.MIDDLEWARE)


def _adjustments(target: Target) -> Iterator[checks.CheckMessage]:
    """What a deployment of these settings would put right, or stop at where it is told not to."""
    try:
        folder = str(project_folder())
    except ConfigError:
        return
    layout = Layout(target.root or "ROOT")
    places = adjust.Places(code=folder, project=folder, public="", shared=layout.shared, media=layout.media)
    values = {name: getattr(settings._wrapped, name, None) for name in ADJUSTED}  # type: ignore[misc]
    for one in adjust.adjustments(values, places, str):
        if one.number:
            yield _adjustment(one, applied=target.adjust_settings)


def _adjustment(one: adjust.Adjustment, *, applied: bool) -> checks.CheckMessage:
    if not applied:
        return message(f"selfdeploy.E00{one.number}", one.found, one.hint)
    letter = "W" if f"selfdeploy.W00{one.number}" in ALL_CHECKS else "I"
    return message(f"selfdeploy.{letter}00{one.number}", f"{one.found} {one.instead}", one.hint)
