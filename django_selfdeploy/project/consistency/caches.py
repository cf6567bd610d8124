"""Caches, and sessions in them: whether what one process keeps is found by the next."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import global_settings

from ..facts import Message
from .surroundings import Sight, Surroundings, Values, told

BACKENDS = "django.core.cache.backends"
LOCAL_MEMORY = f"{BACKENDS}.locmem.LocMemCache"
DUMMY = f"{BACKENDS}.dummy.DummyCache"
FILES = f"{BACKENDS}.filebased.FileBasedCache"

LIBRARIES = {
    f"{BACKENDS}.redis.RedisCache": "redis",
    f"{BACKENDS}.memcached.PyMemcacheCache": "pymemcache",
    f"{BACKENDS}.memcached.PyLibMCCache": "pylibmc",
}
"""What must be installed for a cache of Django's."""

SESSIONS = "django.contrib.sessions"
IN_CACHE = (f"{SESSIONS}.backends.cache", f"{SESSIONS}.backends.cached_db")
DATABASE = (
    'Use one that they share: "BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"; a '
    "deployment makes its table."
)


def judged(values: Values, around: Surroundings, seen: Sight) -> Iterator[Message]:
    """What of caches and sessions is not found again."""
    yield from _sessions(values, around)
    for alias, cache in values["CACHES"].items():
        local = cache.get("BACKEND") == LOCAL_MEMORY and not (_has_sessions(values) and alias == _alias(values))
        if local and around.workers > 1 and _are_used(values):
            yield told(
                "selfdeploy.W014",
                f"The cache {alias!r} is in local memory, and {around.alias!r} has {around.workers} worker processes, "
                "each with a cache of its own.",
                DATABASE,
            )
    for alias, module in seen.lacking:
        yield told(
            "selfdeploy.E085",
            f"The cache {alias!r} needs the package {module!r}, which is not installed.",
            f"Add {module!r} to the project's requirements.",
        )


def _are_used(values: Values) -> bool:
    """Whether anything speaks for it: Django's default is local memory, for projects that use none as well."""
    chosen = values["CACHES"] != global_settings.CACHES
    return chosen or any(".cache." in name for name in values["MIDDLEWARE"])


def _has_sessions(values: Values) -> bool:
    return SESSIONS in values["INSTALLED_APPS"] and values["SESSION_ENGINE"] in IN_CACHE


def _alias(values: Values) -> str:
    return str(values["SESSION_CACHE_ALIAS"])


def _sessions(values: Values, around: Surroundings) -> Iterator[Message]:
    engine = str(values["SESSION_ENGINE"])
    if SESSIONS not in values["INSTALLED_APPS"]:
        return
    backend = values["CACHES"].get(_alias(values), {}).get("BACKEND") if _has_sessions(values) else ""
    if backend == DUMMY and engine == IN_CACHE[0]:
        yield told(
            "selfdeploy.E084",
            f"Sessions are in the cache {_alias(values)!r}, which keeps nothing: nobody can log in.",
            f'Write SESSION_ENGINE = "{SESSIONS}.backends.db", or use another cache.',
        )
    several = around.is_shared_out
    if backend == LOCAL_MEMORY and (several or engine == IN_CACHE[0]):
        why = "that each process has for itself" if several else "of a process that ends with its release"
        yield told(
            "selfdeploy.W086",
            f"Sessions are in the cache {_alias(values)!r}, in memory {why}: visitors are logged out at random.",
            f'Write SESSION_ENGINE = "{SESSIONS}.backends.db", or use a cache that the processes share.',
        )
    if engine == f"{SESSIONS}.backends.file" and around.hosts > 1:
        yield told(
            "selfdeploy.W086",
            f"Sessions are files, and {around.alias!r} has {around.hosts} hosts, each with files of its own: visitors "
            "are logged out at random.",
            f'Write SESSION_ENGINE = "{SESSIONS}.backends.db".',
        )
    if engine == f"{SESSIONS}.backends.signed_cookies" and "pickle" in str(values["SESSION_SERIALIZER"]).lower():
        yield told(
            "selfdeploy.W082",
            "Sessions are pickled and kept by the visitors: who learns SECRET_KEY can run any code here.",
            'Write SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer".',
        )
