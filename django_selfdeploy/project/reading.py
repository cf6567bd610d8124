"""Reading the facts of the project whose settings are loaded: runs in the release, changes nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.storage import HashedFilesMixin, staticfiles_storage
from django.core import checks
from django.core.files.storage import FileSystemStorage
from django.db import DEFAULT_DB_ALIAS, connections
from django.urls import NoReverseMatch, Resolver404, get_resolver, resolve, reverse

from . import cache_tables, creating, history, importing, script_name, servers, uploads, wanting
from .adjustment import Adjustment
from .consistency import every, looking
from .consistency.databases import is_on_host
from .consistency.surroundings import Surroundings, told
from .databases import own_aliases
from .facts import Message, ProjectFacts
from .pages import pages
from .pending import read_pending
from .workers import looking as searching
from .workers.found import Found


def read(*, sql: bool = False, around: Surroundings | None = None, dry: bool = False) -> ProjectFacts:
    """Everything at once. `sql` adds the SQL of pending migrations, which takes its time.

    The settings are compared with what is `around` them, if that is given; `dry` says that this is not the host on
    which they will be used. Raises what the project raises: its settings, models and URLs are imported here.
    """
    sendfile_url, sendfile_root = uploads.sendfile()
    to_create, contract = creating.foreseen(), importing.contract()
    about_migrations = history.messages()
    there = _there()
    workers, about_workers = searching.look()
    compared = _compared(around, there, workers, dry=dry)
    return ProjectFacts(
        application=_application(),
        allowed_hosts=tuple(settings.ALLOWED_HOSTS),
        prepend_www=settings.PREPEND_WWW,
        ssl_redirect=settings.SECURE_SSL_REDIRECT,
        static_url=settings.STATIC_URL or "",
        serves_static=_serves_static(),
        media_url=settings.MEDIA_URL if _raw("MEDIA_URL") else "",
        media_root=str(settings.MEDIA_ROOT),
        serves_media=bool(_raw("MEDIA_URL")) and "//" not in str(_raw("MEDIA_URL")),
        probe_path=_probe_path(),
        messages=(*_adjusted(), *_checked(), *compared, *about_migrations, *wanting.messages(contract), *about_workers),
        pending=() if any(one.level >= checks.ERROR for one in about_migrations) else tuple(read_pending(sql=sql)),
        databases={alias: connections[alias].vendor for alias in connections},
        own_databases=tuple(alias for alias in connections if _is_own(alias)),
        versions=_versions(),
        test_runner=_test_runner(),
        hashed_static=_serves_static() and _hashes_static(),
        body_limit=uploads.body_limit(),
        sendfile_url=sendfile_url,
        sendfile_root=sendfile_root,
        pages=pages(),
        contract=contract,
        script_name=script_name.prefix(),
        uncached=cache_tables.missing(there),
        to_create=to_create,
        workers=workers,
    )


def _raw(name: str) -> Any:
    """A setting as the project wrote it: Django prefixes URLs, and gives an unset MEDIA_URL as "/"."""
    return getattr(settings._wrapped, name, "")  # type: ignore[misc]


def _application() -> str:
    """WSGI_APPLICATION as servers want it, "package.module:name"; "" where the project has none."""
    module, _, name = (settings.WSGI_APPLICATION or "").rpartition(".")
    return f"{module}:{name}" if module else ""


def _serves_static() -> bool:
    """Whether the front server has files to serve: not where another host has them, nor where WhiteNoise serves."""
    if not apps.is_installed("django.contrib.staticfiles") or not settings.STATIC_URL:
        return False
    if any("whitenoise" in name.lower() for name in settings.MIDDLEWARE):
        return False
    return isinstance(staticfiles_storage, FileSystemStorage) and "//" not in settings.STATIC_URL


def _hashes_static() -> bool:
    return isinstance(staticfiles_storage, HashedFilesMixin) and not settings.DEBUG


def _probe_path() -> str:
    """The front page, else the admin's login, else the first page that needs no parameter."""
    for path in (f"{script_name.prefix()}/", _reversed("admin:login"), *_plain_paths()):
        if path and _resolves(script_name.below(path)):
            return path
    return ""


def _resolves(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


def _reversed(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def _plain_paths() -> Iterator[str]:
    names = sorted(name for name in get_resolver().reverse_dict if isinstance(name, str))
    return (path for name in names if (path := _reversed(name)))


def _adjusted() -> tuple[Message, ...]:
    """What live_settings found; an error each where it was told not to put them right."""
    applied = os.environ.get("SELFDEPLOY_ADJUST", "1") == "1"
    found = getattr(settings, "SELFDEPLOY_ADJUSTMENTS", ())
    return _heard(_adjustment(one, applied) for one in found if one.number)


def _adjustment(one: Adjustment, applied: bool) -> Message:
    text = f"{one.found} {one.instead}" if applied else one.found
    return told(one.identity(applied=applied), text, one.hint)


def _compared(
    around: Surroundings | None, there: frozenset[str], workers: tuple[Found, ...], *, dry: bool
) -> tuple[Message, ...]:
    """Our own checks on settings."""
    if around is None:
        return ()
    around = around.joined_by({one.name: one.at_once for one in workers})
    seen = looking.sight_on_host(there)
    if dry:  # another machine's mail server, and packages that are not those of the release
        seen = replace(seen, mail_answers=None, lacking=())
    return _heard(every.messages(looking.values(), around, seen))


def _heard(found: Iterable[Message]) -> tuple[Message, ...]:
    """Those that are not silenced."""
    return tuple(one for one in found if one.id not in settings.SILENCED_SYSTEM_CHECKS)


def _there() -> frozenset[str]:
    """Databases of the project's own that can be asked without making them."""
    return frozenset(alias for alias in own_aliases() if not history.is_new(alias) and _is_open(alias))


def _is_open(alias: str) -> bool:
    return connections[alias].vendor == "sqlite" or servers.reach(alias, wait=0) is None


def _checked() -> tuple[Message, ...]:
    """All checks of Django and of the project's apps, those for a deployment included, less what is silenced."""
    databases = None if history.is_new(DEFAULT_DB_ALIAS) else [DEFAULT_DB_ALIAS]
    found = checks.run_checks(include_deployment_checks=True, databases=databases)
    return tuple(
        Message(_level(message), message.id or "", str(message.msg), str(message.hint or ""))
        for message in found
        if not message.is_silenced() and not (message.id or "").startswith("selfdeploy.")
    )


def _level(message: checks.CheckMessage) -> int:
    """Its level. What Django 6.1's own startproject has against it is a warning: the site works, without mail."""
    lenient = message.id == "mail.E001" and os.environ.get("SELFDEPLOY_ADJUST", "1") == "1"
    return checks.WARNING if lenient else message.level


def _is_own(alias: str) -> bool:
    """Whether the database is on this host, so that every host of a target has one of its own."""
    return connections[alias].vendor == "sqlite" or is_on_host(connections[alias].settings_dict)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("django", "django-selfdeploy", "gunicorn"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _test_runner() -> str:
    """ "pytest" where it is installed here, else ""; whether the project is set up for it, the source tells."""
    try:
        importlib.metadata.version("pytest")
    except importlib.metadata.PackageNotFoundError:
        return ""
    return "pytest"
