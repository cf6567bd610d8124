"""Names of hosts in the settings: ALLOWED_HOSTS, and what Django and the front server make of them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from ..facts import Message
from .surroundings import Sight, Surroundings, Values, told

COMMON = "django.middleware.common.CommonMiddleware"

_matched = re.compile(r"\.?[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*\Z|\[[a-f0-9]*:[a-f0-9.:]+\]\Z")
"""What can equal a Host header that Django takes (host_validation_re of django.http.request)."""


def judged(values: Values, around: Surroundings, seen: Sight) -> Iterator[Message]:
    """What is wrong with ALLOWED_HOSTS."""
    hosts = [str(host) for host in values["ALLOWED_HOSTS"]]
    for host in hosts:
        if host != "*" and not _matched.match(host.lower()):
            what = f"ALLOWED_HOSTS has {host!r}, which no request can match."
            yield told("selfdeploy.E060", what, _better(host))
    if "*" in hosts and around.front:
        yield told(
            "selfdeploy.W061",
            'ALLOWED_HOSTS has "*", so links in mails, as for a new password, lead where a visitor says.',
            'List the names of the site; ".example.com" stands for all below it.',
        )
    if values["PREPEND_WWW"] and COMMON in values["MIDDLEWARE"]:
        yield from _www(hosts)


def is_allowed(name: str, hosts: list[str]) -> bool:
    """Whether Django answers to `name`, in lower case (django.http.request.validate_host)."""
    lowered = [host.lower() for host in hosts]
    wild = (host for host in lowered if host.startswith("."))
    return "*" in lowered or name in lowered or any(name == host[1:] or name.endswith(host) for host in wild)


def is_public(host: str) -> bool:
    """Whether it is a name that visitors of the internet may use: no address, and none of a single machine."""
    bare = host.strip("[].")
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        return "." in bare
    return False


def public(values: Values) -> list[str]:
    """The names in ALLOWED_HOSTS that visitors use, in lower case."""
    return [host.lower() for host in map(str, values["ALLOWED_HOSTS"]) if is_public(host)]


def _better(host: str) -> str:
    bare = re.sub(r"^[a-zA-Z]+://", "", host).partition("/")[0].strip().rstrip(".").lower()
    bare = re.sub(r"^\*?\.?\*\.", ".", bare)
    if bare.count(":") > 1 and not bare.startswith("["):
        bare = f"[{bare}]"
    elif not bare.endswith("]"):
        bare = re.sub(r":\d*$", "", bare)
    if not bare.isascii():
        try:
            bare = bare.encode("idna").decode("ascii")
        except UnicodeError:
            bare = ""
    if _matched.match(bare):
        return f'Write "{bare}".'
    return 'Write names such as "example.com", ".example.com" for all below it, or "*".'


def _www(hosts: list[str]) -> Iterator[Message]:
    for host in hosts:
        name = host.lower()
        if name.startswith((".", "www.")) or not is_public(name) or is_allowed(f"www.{name}", hosts):
            continue
        yield told(
            "selfdeploy.E062",
            f'PREPEND_WWW sends visitors of {host!r} to "www.{name}", which ALLOWED_HOSTS does not have.',
            f'Add "www.{name}" to ALLOWED_HOSTS.',
        )
