"""Looking at the settings that are loaded and at what they need around them: nothing is changed, nothing is sent.

Only this host is asked, and the database servers, to which Django connects anyway.
"""

from __future__ import annotations

import importlib.util
import logging
import socket
from collections.abc import Collection, Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connections
from django.urls import NoReverseMatch, reverse
from django.utils.log import AdminEmailHandler, RequireDebugTrue

from .caches import LIBRARIES
from .mail import Mailer, is_local, mailer_of
from .surroundings import Limit, Sight, Values

NAMES = (
    *("ADMINS", "ALLOWED_HOSTS", "CACHES", "CSRF_COOKIE_DOMAIN", "CSRF_COOKIE_PATH", "CSRF_COOKIE_SECURE"),
    *("CSRF_TRUSTED_ORIGINS", "CSRF_USE_SESSIONS", "DATABASES", "DEFAULT_FROM_EMAIL", "FORCE_SCRIPT_NAME"),
    *("INSTALLED_APPS", "LOGGING", "MAILERS", "MANAGERS", "MIDDLEWARE"),
    *("PREPEND_WWW", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD", "SECURE_HSTS_SECONDS"),
    *("SECURE_PROXY_SSL_HEADER", "SECURE_SSL_REDIRECT", "SERVER_EMAIL", "SESSION_CACHE_ALIAS", "SESSION_COOKIE_DOMAIN"),
    *("SESSION_COOKIE_PATH", "SESSION_COOKIE_SECURE", "SESSION_ENGINE", "SESSION_SERIALIZER", "SITE_ID"),
    *("USE_X_FORWARDED_HOST", "USE_X_FORWARDED_PORT"),
)
"""Settings that are compared; some are not in every version of Django, nor in every project."""

WRITTEN = ("STATIC_URL", "MEDIA_URL", "EMAIL_BACKEND", "EMAIL_HOST", "EMAIL_PORT")
"""Those that Django changes when it is asked for them, or complains of: 6.1 has MAILERS instead."""

PASSWORD_URLS = ("password_reset", "admin_password_reset", "account_reset_password", "rest_password_reset")
"""Names of views that mail a way to a new password: Django's, the admin's, django-allauth's, dj-rest-auth's."""

PATIENCE = 0.3
"""Seconds that a mail server of this host may take to accept a connection."""


def values() -> Values:
    """The settings by name, as they are loaded."""
    written: Any = settings._wrapped  # type: ignore[misc]
    found = {name: getattr(settings, name, None) for name in NAMES}
    return {**found, **{name: getattr(written, name, "") for name in WRITTEN}}


def sight() -> Sight:
    """What can be seen wherever the settings are loaded."""
    return Sight(shows_errors=shows_errors(), resets_passwords=any(map(_is_there, PASSWORD_URLS)))


def sight_on_host(there: Collection[str]) -> Sight:
    """What can be seen on the host of the release; `there` are the databases that can be asked."""
    resets_passwords = any(map(_is_there, PASSWORD_URLS))
    sends = bool(settings.ADMINS or settings.MANAGERS or resets_passwords)
    return Sight(
        shows_errors=shows_errors(),
        resets_passwords=resets_passwords,
        mail_answers=_answers(mailer_of(values())) if sends else None,
        site=_site() if "default" in there else None,
        limits=tuple((alias, limit) for alias in there if (limit := limit_of(alias))),
        lacking=tuple(_lacking()),
        as_deployed=True,
    )


def shows_errors() -> bool:
    """Whether what Django logs of a failed request ("django.request", ERROR) reaches anybody while DEBUG is off."""
    logger: logging.Logger | None = logging.getLogger("django.request")
    if logger is None or logger.disabled or not logger.isEnabledFor(logging.ERROR):
        return False
    none_found = True
    while logger:
        for handler in logger.handlers:
            none_found = False
            if _shows(handler):
                return True
        logger = logger.parent if logger.propagate else None
    return none_found  # Python's handler of last resort writes to the process's log


def _shows(handler: logging.Handler) -> bool:
    if handler.level > logging.ERROR or isinstance(handler, logging.NullHandler):
        return False
    if any(isinstance(one, RequireDebugTrue) for one in handler.filters):
        return False
    return not isinstance(handler, AdminEmailHandler) or bool(settings.ADMINS)


def _is_there(name: str) -> bool:
    try:
        reverse(name)
    except NoReverseMatch:
        return False
    return True


def _answers(mailer: Mailer | None) -> bool | None:
    if mailer is None or not is_local(mailer):
        return None
    try:
        with socket.create_connection((mailer.host or "localhost", mailer.port), PATIENCE):
            return True
    except OSError:
        return False


def _site() -> str | None:
    """The domain of the Site that SITE_ID names, "" where there is no such row; None where no Site is used."""
    number = getattr(settings, "SITE_ID", None)
    if not apps.is_installed("django.contrib.sites") or not number:
        return None
    from django.contrib.sites.models import Site

    try:
        return Site.objects.values_list("domain", flat=True).filter(pk=number).first() or ""
    except DatabaseError:  # before the first migration
        return None


def _lacking() -> Iterator[tuple[str, str]]:
    for alias, cache in settings.CACHES.items():
        module = LIBRARIES.get(cache.get("BACKEND", ""))
        if module and importlib.util.find_spec(module) is None:
            yield alias, module


def limit_of(alias: str) -> Limit | None:
    """How many connections the server takes from this role; None where that cannot be read, or there is no limit."""
    connection = connections[alias]
    ask = {"postgresql": _of_postgres, "mysql": _of_mysql}.get(connection.vendor)
    if ask is None:
        return None
    try:
        with connection.cursor() as cursor:
            found = ask(cursor)
    except DatabaseError:
        return None
    return min(found, key=lambda limit: limit.count, default=None)


POSTGRES = """
SELECT current_setting('max_connections')::int,
       current_setting('superuser_reserved_connections')::int,
       coalesce(current_setting('reserved_connections', true), '0')::int,
       r.rolsuper, r.rolconnlimit, d.datconnlimit
FROM pg_roles r, pg_database d
WHERE r.rolname = current_user AND d.datname = current_database()
"""
"""`reserved_connections` is there from version 16 on. Limits of -1 are none, and a superuser has none."""


def _of_postgres(cursor: Any) -> list[Limit]:
    cursor.execute(POSTGRES)
    [(most, for_superusers, for_others, superuser, role, database)] = cursor.fetchall()
    reserved = 0 if superuser else for_superusers + for_others
    found = [Limit(most - reserved, f"max_connections {most} less {reserved} reserved")]
    if not superuser and role >= 0:
        found.append(Limit(role, "CONNECTION LIMIT of the role"))
    if not superuser and database >= 0:
        found.append(Limit(database, "CONNECTION LIMIT of the database"))
    return found


def _of_mysql(cursor: Any) -> list[Limit]:
    """The session's max_user_connections is that of the account, where it has one of its own."""
    cursor.execute("SELECT @@global.max_connections, @@session.max_user_connections")
    [(most, own)] = cursor.fetchall()
    found = [Limit(int(most), f"max_connections {most}")]
    return [*found, Limit(int(own), "max_user_connections")] if own else found
