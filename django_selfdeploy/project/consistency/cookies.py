"""Whether browsers send the site's cookies back to it (RFC 6265, 5.1.3 and 5.1.4)."""

from __future__ import annotations

from collections.abc import Iterator

from ..facts import Message
from .names import public
from .surroundings import Sight, Surroundings, Values, told
from .urls import is_prefix

USED_BY = {
    "SESSION": "django.contrib.sessions.middleware.SessionMiddleware",
    "CSRF": "django.middleware.csrf.CsrfViewMiddleware",
}
"""The middleware that sets the cookie."""


def judged(values: Values, around: Surroundings, seen: Sight) -> Iterator[Message]:
    """Cookies that a browser refuses, or never sends."""
    for cookie, middleware in USED_BY.items():
        if middleware in values["MIDDLEWARE"] and not (cookie == "CSRF" and values["CSRF_USE_SESSIONS"]):
            yield from _domain(f"{cookie}_COOKIE_DOMAIN", values)
            yield from _path(f"{cookie}_COOKIE_PATH", values)


def _domain(name: str, values: Values) -> Iterator[Message]:
    domain = str(values[name] or "").lower()
    refused = [host for host in public(values) if domain and not _matches(host, domain.lstrip("."))]
    if refused:
        yield told(
            "selfdeploy.W074",
            f"{name} is {domain!r}, and browsers refuse such a cookie of {', '.join(map(repr, refused))}: nobody can "
            "log in there.",
            f"Leave {name} out, or take these names out of ALLOWED_HOSTS.",
        )


def _matches(host: str, domain: str) -> bool:
    """Whether a browser takes a cookie of `domain` from the host; from one of all those below ".example.com"."""
    bare = host.lstrip(".")
    below = host.startswith(".") and domain.endswith(host)
    return bare == domain or bare.endswith(f".{domain}") or below


def _path(name: str, values: Values) -> Iterator[Message]:
    script = str(values["FORCE_SCRIPT_NAME"] or "")
    site = f"{script.rstrip('/')}/" if is_prefix(script) else "/"
    path = f"{str(values[name] or '/').rstrip('/')}/"
    if not site.startswith(path) and not path.startswith(site):
        yield told(
            "selfdeploy.W075",
            f"{name} is {values[name]!r}, and the site is below {site!r}, so browsers never send the cookie.",
            f"Write {name} = {site!r}.",
        )
