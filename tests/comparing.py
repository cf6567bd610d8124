"""The settings of a sound site, and what is told of them with changes."""

from dataclasses import replace
from typing import Any

from django.conf import global_settings

from django_selfdeploy.project.consistency import every
from django_selfdeploy.project.consistency.looking import NAMES, WRITTEN
from django_selfdeploy.project.consistency.surroundings import Sight, Surroundings

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
SOUND: dict[str, Any] = {
    **{name: getattr(global_settings, name, None) for name in (*NAMES, *WRITTEN)},
    "ALLOWED_HOSTS": ["www.example.com", "localhost", "127.0.0.1", "[::1]"],
    "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/srv/mysite/shared/db.sqlite3"}},
    "INSTALLED_APPS": ["django.contrib.sessions", "django.contrib.auth"],
    "MIDDLEWARE": MIDDLEWARE,
    "STATIC_URL": "static/",
    "MEDIA_URL": "media/",
}
HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

PLAIN, PROXIED, UNKNOWN = Surroundings(), Surroundings(proxied=True), Surroundings(proxied=None)


def told(around: Surroundings = PLAIN, seen: Sight | None = None, **changes: Any) -> list[tuple[str, str]]:
    """Id and text of every message, with these changes of the sound settings."""
    found = every.messages({**SOUND, **changes}, around, seen or Sight(shows_errors=True))
    return [(one.id.removeprefix("selfdeploy."), one.text) for one in found]


def ids(around: Surroundings = PLAIN, seen: Sight | None = None, **changes: Any) -> list[str]:
    return [name for name, _ in told(around, seen, **changes)]


def hints(around: Surroundings = PLAIN, seen: Sight | None = None, **changes: Any) -> list[str]:
    return [one.hint for one in every.messages({**SOUND, **changes}, around, seen or Sight(shows_errors=True))]


def hosts(count: int, **changes: Any) -> Surroundings:
    return replace(PLAIN, hosts=count, **changes)
