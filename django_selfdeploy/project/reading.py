"""Reading the facts of the project whose settings are loaded: runs in the release, changes nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.storage import HashedFilesMixin, staticfiles_storage
from django.core import checks
from django.core.files.storage import FileSystemStorage
from django.db import DEFAULT_DB_ALIAS, connections
from django.urls import NoReverseMatch, Resolver404, get_resolver, resolve, reverse

from . import history, uploads
from .facts import Message, ProjectFacts
from .pages import pages
from .pending import read_pending
from .workers import looking

OWN_TAG = "selfdeploy"
"""Our own checks are about the controller; in a release they are not asked."""


def read(*, sql: bool = False) -> ProjectFacts:
    """Everything at once. `sql` adds the SQL of pending migrations, which takes its time.

    Raises what the project raises: its settings, models and URLs are imported here.
    """
    sendfile_url, sendfile_root = uploads.sendfile()
    about_migrations = history.messages()
    workers, about_workers = looking.look()
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
        messages=(*_adjusted(), *_checked(), *about_migrations, *about_workers),
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
    for path in ("/", _reversed("admin:login"), *_plain_paths()):
        if path and _resolves(path):
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
    return tuple(_adjustment(one, applied) for one in found if one.number)


def _adjustment(one: Any, applied: bool) -> Message:
    if not applied:
        return Message(checks.ERROR, f"selfdeploy.E00{one.number}", one.found, one.hint)
    level, letter = (checks.WARNING, "W") if one.number <= 3 else (checks.INFO, "I")
    return Message(level, f"selfdeploy.{letter}00{one.number}", f"{one.found} {one.instead}", one.hint)


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
    if connections[alias].vendor == "sqlite":
        return True
    host = str(connections[alias].settings_dict.get("HOST") or "")
    return host in ("", "localhost", "127.0.0.1", "::1") or host.startswith("/")


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
