"""Settings about https, compared with the TLS that is there: none, or that of a trusted proxy."""

from __future__ import annotations

from collections.abc import Iterator

from ..facts import Message
from .surroundings import Sight, Surroundings, Values, told

SECURITY = "django.middleware.security.SecurityMiddleware"

FORWARDED = ("HTTP_X_FORWARDED_PROTO", "https")
"""The one scheme header that our front server sets, and overwrites when a visitor sends it."""

YEAR = 31_536_000
"""Seconds for which a site must ask to be on the preload lists of browsers (hstspreload.org)."""


def judged(values: Values, around: Surroundings, seen: Sight) -> Iterator[Message]:
    """What of the settings about https does not work here, or not as it is meant."""
    yield from _header(values, around)
    yield from _redirect(values, around)
    yield from _cookies(values, around)
    yield from _believed(values, around)
    yield from _hsts(values, around)


def redirects(values: Values) -> bool:
    """Whether every visitor by http is sent to https."""
    return bool(values["SECURE_SSL_REDIRECT"]) and SECURITY in values["MIDDLEWARE"]


def _header(values: Values, around: Surroundings) -> Iterator[Message]:
    header = values["SECURE_PROXY_SSL_HEADER"]
    if header and tuple(header) != FORWARDED and around.front == "nginx":
        what = f"SECURE_PROXY_SSL_HEADER is {tuple(header)}, which the front server passes on as the visitor sent it."
        yield told("selfdeploy.W012", what, f"Write SECURE_PROXY_SSL_HEADER = {FORWARDED}.")


def _trust(around: Surroundings) -> str:
    front = '{"BACKEND": "nginx", "OPTIONS": {"trusted_proxies": ["192.0.2.1"]}}'
    return f'Name the proxy that speaks https: SELFDEPLOY = {{"{around.alias}": {{"FRONT": {front}}}}}'


def _redirect(values: Values, around: Surroundings) -> Iterator[Message]:
    if values["SECURE_SSL_REDIRECT"] and around.is_plain:
        yield told(
            "selfdeploy.W011",
            f"SECURE_SSL_REDIRECT is on, and the front server of {around.alias!r} speaks http only.",
            f"{_trust(around)}, or set SECURE_SSL_REDIRECT = False.",
        )
    if redirects(values) and around.is_proxied and not values["SECURE_PROXY_SSL_HEADER"]:
        yield told(
            "selfdeploy.E066",
            "SECURE_SSL_REDIRECT is on without SECURE_PROXY_SSL_HEADER, so visitors by https are sent to https again "
            "and again.",
            f"Write SECURE_PROXY_SSL_HEADER = {FORWARDED}.",
        )


def _cookies(values: Values, around: Surroundings) -> Iterator[Message]:
    for name in ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE"):
        if values[name] and around.is_plain:
            yield told(
                "selfdeploy.W013",
                f"{name} is on, and the front server of {around.alias!r} speaks http only: nobody can log in.",
                f"{_trust(around)}, or set {name} = False.",
            )


def _believed(values: Values, around: Surroundings) -> Iterator[Message]:
    """What the front server sets itself, so that what a proxy says is not heard."""
    header = values["SECURE_PROXY_SSL_HEADER"]
    overwritten = around.is_plain and around.front == "nginx" and not _is_told(values, around)
    if header and tuple(header) == FORWARDED and overwritten:
        yield told(
            "selfdeploy.W067",
            f"SECURE_PROXY_SSL_HEADER is set, and the front server of {around.alias!r} trusts no proxy: it says "
            '"http" itself, so forms that are sent by https are refused.',
            f"{_trust(around)}, or leave SECURE_PROXY_SSL_HEADER out.",
        )
    for name in ("USE_X_FORWARDED_HOST", "USE_X_FORWARDED_PORT"):
        if values[name] and around.front == "nginx":
            header = name.removeprefix("USE_").replace("_", "-").title()
            yield told(
                "selfdeploy.I068",
                f"{name} is on, and the front server takes {header} away, since anybody could send it.",
                f"Leave {name} out, and let the proxy pass on the Host header.",
            )


def _is_told(values: Values, around: Surroundings) -> bool:
    """Whether it is told already that there is no TLS: it is the same mistake."""
    names = ("SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE")
    return around.is_plain and any(values[name] for name in names)


def _hsts(values: Values, around: Surroundings) -> Iterator[Message]:
    seconds = values["SECURE_HSTS_SECONDS"]
    if not seconds or SECURITY not in values["MIDDLEWARE"]:
        return
    blind = around.is_plain or (around.is_proxied and not values["SECURE_PROXY_SSL_HEADER"])
    if blind and not _is_told(values, around):
        yield told(
            "selfdeploy.W071",
            "SECURE_HSTS_SECONDS is set, and Django never learns that a request came by https, so the header is "
            "never sent.",
            f"{_trust(around)} and write SECURE_PROXY_SSL_HEADER = {FORWARDED}, or leave SECURE_HSTS_SECONDS out.",
        )
    if around.hsts and not blind:
        yield told(
            "selfdeploy.W072",
            "Both Django and the front server set Strict-Transport-Security, and browsers take the first one only.",
            "Leave it out of templates/selfdeploy/nginx/site.conf, or set SECURE_HSTS_SECONDS = 0.",
        )
    if values["SECURE_HSTS_PRELOAD"] and (seconds < YEAR or not values["SECURE_HSTS_INCLUDE_SUBDOMAINS"]):
        yield told(
            "selfdeploy.W073",
            f"SECURE_HSTS_PRELOAD is on, and browsers' lists take only sites that ask for {YEAR} seconds with all "
            "sub-domains.",
            f"Write SECURE_HSTS_SECONDS = {YEAR} and SECURE_HSTS_INCLUDE_SUBDOMAINS = True, or leave "
            "SECURE_HSTS_PRELOAD out.",
        )
