"""What is told of settings that do not fit, and that their sound neighbours are not told of."""

from dataclasses import replace
from typing import Any

import pytest

from django_selfdeploy.project.consistency import databases, logs
from django_selfdeploy.project.consistency.surroundings import Limit, Sight, Surroundings
from tests.comparing import HEADER, MIDDLEWARE, PLAIN, PROXIED, UNKNOWN, hints, hosts, ids, told

SEEN = Sight(shows_errors=True)
NO_FRONT = Surroundings(front="", hosts=0)
CACHE = "django.core.cache.backends"
SESSIONS = "django.contrib.sessions.backends"
MAIL = "django.core.mail.backends"


def cache(backend: str, alias: str = "default", **more: Any) -> dict[str, Any]:
    return {alias: {"BACKEND": f"{CACHE}.{backend}", **more}}


def logging(kind: str, filename: str = "/var/log/mysite/site.log") -> dict[str, Any]:
    return {"version": 1, "handlers": {"file": {"class": kind, "filename": filename}}}


def test_sound_settings_give_no_message() -> None:
    for around in (PLAIN, PROXIED, UNKNOWN, NO_FRONT, hosts(1)):
        assert told(around, SECURE_PROXY_SSL_HEADER=HEADER if around.proxied else None) == []


@pytest.mark.parametrize(
    ("host", "hint"),
    [
        ("http://example.com", 'Write "example.com".'),
        ("https://example.com/shop/", 'Write "example.com".'),
        ("example.com:8000", 'Write "example.com".'),
        ("example.com.", 'Write "example.com".'),
        ("*.example.com", 'Write ".example.com".'),
        ("bücher.example", 'Write "xn--bcher-kva.example".'),
        ("::1", 'Write "[::1]".'),
        ("[::1]:8000", 'Write "[::1]".'),
        ("my_site.example", 'Write names such as "example.com", ".example.com" for all below it, or "*".'),
        ("exam ple.com", 'Write names such as "example.com", ".example.com" for all below it, or "*".'),
        ("", 'Write names such as "example.com", ".example.com" for all below it, or "*".'),
    ],
)
def test_a_host_that_no_request_can_match_is_told_with_the_one_that_is_meant(host: str, hint: str) -> None:
    changes = {"ALLOWED_HOSTS": ["www.example.com", host]}
    assert told(**changes) == [("E060", f"ALLOWED_HOSTS has {host!r}, which no request can match.")]
    assert hints(**changes) == [hint]


@pytest.mark.parametrize("host", ["Example.COM", ".example.com", "192.0.2.1", "[fd00::1]", "xn--bcher-kva.example"])
def test_hosts_that_can_be_asked_for_are_not_told(host: str) -> None:
    assert told(ALLOWED_HOSTS=[host]) == []


ORIGINS = ["https://www.example.com"]
FOREVER = {"SECURE_HSTS_SECONDS": 31_536_000, "SECURE_HSTS_INCLUDE_SUBDOMAINS": True, "SECURE_HSTS_PRELOAD": True}
REDIRECT = {"SECURE_SSL_REDIRECT": True, "SECURE_PROXY_SSL_HEADER": HEADER}
BELOW = {"FORCE_SCRIPT_NAME": "/app"}
ADMINS = {"ADMINS": [("Ann", "ann@example.com")], "SERVER_EMAIL": "site@example.com"}
POOLED = {"ENGINE": "django.db.backends.postgresql", "HOST": "db", "OPTIONS": {"pool": True}}
SERVER = {"ENGINE": "django.db.backends.postgresql", "HOST": "db"}
TIGHT = replace(SEEN, limits=(("default", Limit(16, "max_connections 19 less 3 reserved")),))

WRONG: list[tuple[str, Surroundings, Sight, dict[str, Any]]] = [
    ("W061", PLAIN, SEEN, {"ALLOWED_HOSTS": ["*"]}),
    ("E062", PLAIN, SEEN, {"ALLOWED_HOSTS": ["example.com"], "PREPEND_WWW": True}),
    ("E063", PLAIN, SEEN, {"FORCE_SCRIPT_NAME": "app"}),
    ("E063", PLAIN, SEEN, {"FORCE_SCRIPT_NAME": "/a/../b"}),
    ("E064", PLAIN, SEEN, {"STATIC_URL": "/"}),
    ("E064", PLAIN, SEEN, {"MEDIA_URL": "/media/../"}),
    ("W065", hosts(2), replace(SEEN, as_deployed=True), {}),
    ("W011", PLAIN, SEEN, {"SECURE_SSL_REDIRECT": True}),
    ("E066", PROXIED, SEEN, {"SECURE_SSL_REDIRECT": True}),
    ("W067", PLAIN, SEEN, {"SECURE_PROXY_SSL_HEADER": HEADER}),
    ("W012", PROXIED, SEEN, {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_SCHEME", "https")}),
    ("I068", PLAIN, SEEN, {"USE_X_FORWARDED_HOST": True}),
    ("I068", PLAIN, SEEN, {"USE_X_FORWARDED_PORT": True}),
    ("W069", PROXIED, SEEN, {}),
    ("W069", PROXIED, SEEN, {"CSRF_TRUSTED_ORIGINS": ["https://shop.example.com"]}),
    ("W070", PROXIED, SEEN, {**REDIRECT, "CSRF_TRUSTED_ORIGINS": ["http://www.example.com"]}),
    ("W071", PLAIN, SEEN, {"SECURE_HSTS_SECONDS": 60}),
    ("W071", PROXIED, SEEN, {"SECURE_HSTS_SECONDS": 60, "CSRF_TRUSTED_ORIGINS": ORIGINS}),
    ("W072", replace(PROXIED, hsts=True), SEEN, {"SECURE_HSTS_SECONDS": 60, "SECURE_PROXY_SSL_HEADER": HEADER}),
    ("W073", PROXIED, SEEN, {**REDIRECT, **FOREVER, "SECURE_HSTS_SECONDS": 60}),
    ("W073", UNKNOWN, SEEN, {**FOREVER, "SECURE_HSTS_INCLUDE_SUBDOMAINS": False}),
    ("W074", PLAIN, SEEN, {"SESSION_COOKIE_DOMAIN": "example.org"}),
    ("W074", PLAIN, SEEN, {"CSRF_COOKIE_DOMAIN": ".shop.example.com"}),
    ("W075", PLAIN, SEEN, {**BELOW, "SESSION_COOKIE_PATH": "/shop"}),
    ("W078", PLAIN, SEEN, {"LOGGING": logging("logging.handlers.RotatingFileHandler")}),
    ("W078", PLAIN, SEEN, {"LOGGING": logging("logging.handlers.TimedRotatingFileHandler")}),
    ("I079", PLAIN, SEEN, {"LOGGING": logging("logging.FileHandler")}),
    ("I080", PLAIN, Sight(shows_errors=False), {}),
    ("W080", PLAIN, Sight(shows_errors=False), {"LOGGING": {"version": 1}}),
    ("W081", PLAIN, SEEN, {**ADMINS, "EMAIL_BACKEND": f"{MAIL}.console.EmailBackend"}),
    ("W081", PLAIN, replace(SEEN, mail_answers=False), ADMINS),
    ("W081", PLAIN, SEEN, {**ADMINS, "MAILERS": {"default": {"BACKEND": f"{MAIL}.dummy.EmailBackend"}}}),
    ("W083", PLAIN, SEEN, {**ADMINS, "SERVER_EMAIL": "root@localhost"}),
    ("W083", PLAIN, replace(SEEN, resets_passwords=True), {}),
    (
        "W082",
        PLAIN,
        SEEN,
        {"SESSION_ENGINE": f"{SESSIONS}.signed_cookies", "SESSION_SERIALIZER": "shop.PickleSerializer"},
    ),
    ("W014", PLAIN, SEEN, {"CACHES": cache("locmem.LocMemCache", LOCATION="x")}),
    ("E084", PLAIN, SEEN, {"SESSION_ENGINE": f"{SESSIONS}.cache", "CACHES": cache("dummy.DummyCache")}),
    ("E085", PLAIN, replace(SEEN, lacking=(("default", "redis"),)), {"CACHES": cache("redis.RedisCache")}),
    ("W086", PLAIN, SEEN, {"SESSION_ENGINE": f"{SESSIONS}.cache"}),
    ("W086", PLAIN, SEEN, {"SESSION_ENGINE": f"{SESSIONS}.cached_db"}),
    ("W086", hosts(1, workers=1), SEEN, {"SESSION_ENGINE": f"{SESSIONS}.cache"}),
    ("W086", hosts(2), SEEN, {"SESSION_ENGINE": f"{SESSIONS}.file"}),
    ("W088", PLAIN, replace(SEEN, site="example.com"), {"SITE_ID": 1}),
    ("W088", PLAIN, replace(SEEN, site=""), {"SITE_ID": 1}),
    ("W089", PLAIN, TIGHT, {"DATABASES": {"default": SERVER}}),
]


@pytest.mark.parametrize(("name", "around", "seen", "changes"), WRONG)
def test_what_does_not_fit_is_told_once(name: str, around: Surroundings, seen: Sight, changes: dict[str, Any]) -> None:
    assert ids(around, seen, **changes) == [name]


SOUND: list[tuple[Surroundings, Sight, dict[str, Any]]] = [
    (NO_FRONT, SEEN, {"ALLOWED_HOSTS": ["*"]}),
    (PLAIN, SEEN, {"ALLOWED_HOSTS": ["example.com", "www.example.com"], "PREPEND_WWW": True}),
    (PLAIN, SEEN, {"ALLOWED_HOSTS": [".example.com", "localhost", "127.0.0.1"], "PREPEND_WWW": True}),
    (PLAIN, SEEN, {"ALLOWED_HOSTS": ["example.com"], "PREPEND_WWW": True, "MIDDLEWARE": MIDDLEWARE[:2]}),
    (PLAIN, SEEN, {**BELOW, "SESSION_COOKIE_PATH": "/app", "CSRF_COOKIE_PATH": "/app/members/"}),
    (PLAIN, SEEN, {"FORCE_SCRIPT_NAME": "/a/b/", "STATIC_URL": "/assets/v1/", "MEDIA_URL": "/assets/v1/media/"}),
    (PLAIN, SEEN, {"FORCE_SCRIPT_NAME": "", "STATIC_URL": "https://cdn.example/", "MEDIA_URL": ""}),
    (hosts(2), SEEN, {}),
    (PLAIN, replace(SEEN, as_deployed=True), {}),
    (hosts(2), replace(SEEN, as_deployed=True), {"DATABASES": {"default": SERVER}}),
    (PROXIED, SEEN, {**REDIRECT, **FOREVER, "SESSION_COOKIE_SECURE": True, "CSRF_COOKIE_SECURE": True}),
    (UNKNOWN, SEEN, {"SECURE_SSL_REDIRECT": True, "SECURE_HSTS_SECONDS": 60, "SESSION_COOKIE_SECURE": True}),
    (PROXIED, SEEN, {"SECURE_SSL_REDIRECT": True, "MIDDLEWARE": MIDDLEWARE[1:], "CSRF_TRUSTED_ORIGINS": ORIGINS}),
    (replace(UNKNOWN, front="Caddy"), SEEN, {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_SCHEME", "https")}),
    (replace(UNKNOWN, front="Caddy"), SEEN, {"USE_X_FORWARDED_HOST": True}),
    (PROXIED, SEEN, {"CSRF_TRUSTED_ORIGINS": ORIGINS}),
    (PROXIED, SEEN, {"CSRF_TRUSTED_ORIGINS": ["https://*.example.com"]}),
    (PROXIED, SEEN, {"ALLOWED_HOSTS": [".example.com"], "CSRF_TRUSTED_ORIGINS": ["https://*.example.com"]}),
    (PROXIED, SEEN, {**REDIRECT, "CSRF_TRUSTED_ORIGINS": ["http://partner.example"]}),
    (PLAIN, SEEN, {"SESSION_COOKIE_DOMAIN": "example.com", "CSRF_COOKIE_DOMAIN": ".www.example.com"}),
    (PLAIN, SEEN, {"ALLOWED_HOSTS": [".example.com"], "SESSION_COOKIE_DOMAIN": "shop.example.com"}),
    (PLAIN, SEEN, {"CSRF_COOKIE_DOMAIN": "example.org", "CSRF_USE_SESSIONS": True}),
    (PLAIN, SEEN, {"LOGGING": logging("logging.handlers.WatchedFileHandler")}),
    (PLAIN, SEEN, {"LOGGING": logging(logs.SHARED)}),
    (PLAIN, SEEN, {"EMAIL_BACKEND": f"{MAIL}.console.EmailBackend"}),
    (PLAIN, replace(SEEN, mail_answers=False), {}),
    (PLAIN, replace(SEEN, mail_answers=True), ADMINS),
    (
        PLAIN,
        SEEN,
        {**ADMINS, "EMAIL_BACKEND": "anymail.backends.mailgun.EmailBackend", "SERVER_EMAIL": "root@localhost"},
    ),
    (PLAIN, SEEN, {"SESSION_ENGINE": f"{SESSIONS}.signed_cookies"}),
    (PLAIN, SEEN, {"SESSION_ENGINE": f"{SESSIONS}.file"}),
    (PLAIN, SEEN, {"SESSION_ENGINE": f"{SESSIONS}.cache", "CACHES": cache("db.DatabaseCache", LOCATION="cache")}),
    (PLAIN, SEEN, {"SESSION_ENGINE": f"{SESSIONS}.cache", "INSTALLED_APPS": []}),
    (hosts(1, workers=1), SEEN, {"SESSION_ENGINE": f"{SESSIONS}.cached_db"}),
    (hosts(1, workers=1), SEEN, {"CACHES": cache("locmem.LocMemCache", LOCATION="x")}),
    (PLAIN, replace(SEEN, site="www.example.com"), {"SITE_ID": 1}),
    (PLAIN, replace(SEEN, site="example.com"), {"SITE_ID": 1, "ALLOWED_HOSTS": ["localhost"]}),
    (PLAIN, replace(TIGHT, limits=(("default", Limit(17, "")),)), {"DATABASES": {"default": SERVER}}),
    (PLAIN, TIGHT, {"DATABASES": {"default": {**SERVER, "PORT": "6432"}}}),
    (PLAIN, TIGHT, {"DATABASES": {"default": {**SERVER, "DISABLE_SERVER_SIDE_CURSORS": True}}}),
]


@pytest.mark.parametrize(("around", "seen", "changes"), SOUND)
def test_what_fits_is_not_told(around: Surroundings, seen: Sight, changes: dict[str, Any]) -> None:
    assert told(around, seen, **changes) == []


def test_one_mistake_about_https_is_told_once_for_each_setting() -> None:
    everything = {**REDIRECT, **FOREVER, "SESSION_COOKIE_SECURE": True, "CSRF_COOKIE_SECURE": True}
    assert ids(**everything) == ["W011", "W013", "W013"]


OWN = {**SERVER, "HOST": "127.0.0.1"}


@pytest.mark.parametrize(
    ("around", "served", "count", "terms"),
    [
        (PLAIN, [SERVER], 17, "2 workers with 4 threads, make 8, twice while two releases overlap, and 1 to deploy"),
        (
            hosts(3, processes=5),
            [SERVER],
            61,
            (
                "2 workers with 4 threads on 3 hosts and 5 of other processes, make 29, twice while two releases "
                "overlap, and 3 to deploy"
            ),
        ),
        (hosts(3, processes=5), [OWN], 21, None),
        (PLAIN, [SERVER, SERVER], 34, None),
        (PLAIN, [POOLED], 17, None),
        (replace(PLAIN, threads=1000), [SERVER], 4001, None),
        (replace(PLAIN, threads=1000), [POOLED], 17, None),
        (PLAIN, [{**SERVER, "OPTIONS": {"pool": {"min_size": 1, "max_size": 2}}}], 9, None),
        (replace(PLAIN, threads=1), [{**SERVER, "OPTIONS": {"pool": {"min_size": 2, "max_size": 6}}}], 9, None),
        (Surroundings(front="", hosts=0, processes=4), [SERVER], 9, None),
    ],
)
def test_connections_are_counted_with_their_terms(
    around: Surroundings, served: list[dict[str, Any]], count: int, terms: str | None
) -> None:
    found = databases.connections(around, served)
    assert found.count == count
    if terms:
        assert found.terms == terms


def test_aliases_of_one_server_are_counted_together() -> None:
    both = {"default": SERVER, "reports": {**SERVER, "NAME": "reports"}, "other": {**SERVER, "HOST": "db2"}}
    limits = (("default", Limit(33, "CONNECTION LIMIT of the role")), ("other", Limit(33, "")))
    [(name, text)] = told(PLAIN, replace(SEEN, limits=limits), DATABASES=both)
    assert name == "W089"
    assert text == (
        "The server of 'default' and 'reports' takes 33 connections (CONNECTION LIMIT of the role), and 34 may be "
        "open: 2 workers with 4 threads for 2 aliases, make 16, twice while two releases overlap, and 2 to deploy."
    )
