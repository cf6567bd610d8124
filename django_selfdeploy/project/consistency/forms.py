"""Whether the forms of the site are taken, and whose else: CSRF_TRUSTED_ORIGINS."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from ..facts import Message
from .names import is_allowed, public
from .surroundings import Sight, Surroundings, Values, told
from .tls import FORWARDED, redirects

CSRF = "django.middleware.csrf.CsrfViewMiddleware"


def judged(values: Values, around: Surroundings, seen: Sight) -> Iterator[Message]:
    """Origins that are missing, and those that should not be there. An origin of another site may be meant."""
    if CSRF not in values["MIDDLEWARE"]:
        return
    origins = [str(origin) for origin in values["CSRF_TRUSTED_ORIGINS"]]
    blind = around.is_proxied and not values["SECURE_PROXY_SSL_HEADER"] and not redirects(values)
    refused = [host for host in public(values) if not _is_trusted(host, origins)] if blind else []
    if refused:
        yield told(
            "selfdeploy.W069",
            f"Django does not learn that visitors of {', '.join(map(repr, refused))} come by https, and refuses their "
            "forms.",
            f"Write SECURE_PROXY_SSL_HEADER = {FORWARDED}.",
        )
    hosts = [str(host) for host in values["ALLOWED_HOSTS"]]
    for origin in origins:
        parts = urlsplit(origin)
        name = (parts.hostname or "").removeprefix("*.")
        if parts.scheme == "http" and around.is_proxied and redirects(values) and is_allowed(name, hosts):
            yield told(
                "selfdeploy.W070",
                f"CSRF_TRUSTED_ORIGINS has {origin!r}, and the site is https: whoever can change a page on its way "
                "by http can send forms.",
                f'Write "https{origin[4:]}", or leave it out.',
            )


def _is_trusted(host: str, origins: list[str]) -> bool:
    """As CsrfViewMiddleware compares them; of ".example.com" all below it must be trusted."""
    if host.startswith("."):
        return f"https://*{host}" in origins
    wild = (origin.removeprefix("https://*") for origin in origins if origin.startswith("https://*."))
    return f"https://{host}" in origins or any(host == end[1:] or host.endswith(end) for end in wild)
