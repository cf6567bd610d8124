"""ALLOWED_HOSTS to server names: the grammar of host names (RFC 1123) and nothing else."""

from __future__ import annotations

import ipaddress
import re

from ..core.errors import ConfigError

_label = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
_ipv6 = re.compile(r"\[[0-9a-f:.]+\]\Z")


def server_names(allowed_hosts: tuple[str, ...], *, prepend_www: bool = False) -> tuple[str, ...]:
    """The names for the front server; none when every host is allowed.

    ".example.com" stands for itself and every name below it, as it does in Django and in nginx. What is no host name
    is left out; raises ConfigError where nothing else is there.
    """
    if "*" in allowed_hosts:
        return ()
    names = _names(allowed_hosts)
    if prepend_www:
        names += [f"www.{name}" for name in names if _gets_www(name) and f"www.{name}" not in names]
    return tuple(dict.fromkeys(names))


def host_for_probe(allowed_hosts: tuple[str, ...], *, prepend_www: bool = False) -> str:
    """A host that the project answers to; one that it does not send elsewhere."""
    if "*" in allowed_hosts or not allowed_hosts:
        return "www.localhost" if prepend_www else "localhost"
    names = _names(tuple(host for host in allowed_hosts if _is_sent(host)) or allowed_hosts)
    bare = [name.lstrip(".") for name in names]
    if not prepend_www:
        return bare[0]
    below = [f"www.{name[1:]}" for name in names if name.startswith(".")]
    return next((name for name in (*bare, *below) if name.startswith("www.")), f"www.{bare[0]}")


def _is_sent(host: str) -> bool:
    """Whether Django finds it as it is written: what it compares are the letters that were sent."""
    try:
        return _name(host) == host.lower() and "_" not in host
    except ConfigError:
        return False


def _gets_www(name: str) -> bool:
    """Whether visitors of the name are sent to the one with www."""
    if name.startswith((".", "www.", "[")) or "." not in name:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return True
    return False


def _names(allowed_hosts: tuple[str, ...]) -> list[str]:
    found, refused = [], []
    for host in allowed_hosts:
        try:
            found.append(_name(host))
        except ConfigError as error:
            refused.append(error)
    if refused and not found:
        raise refused[0]
    return found


def listening(bind: str, port: int) -> tuple[str, ...]:
    """What may follow `listen` where the front server listens on the address `bind`; all of IPv4 is IPv6 too."""
    if bind == "0.0.0.0":  # noqa: S104 - compared, not bound
        return (str(port), f"[::]:{port}")
    return (f"[{bind}]:{port}" if ":" in bind else f"{bind}:{port}",)


def _name(host: str) -> str:
    """`host` in the form that is sent: lower case, IDN as punycode (RFC 3490)."""
    lowered = host.lower().rstrip(".")
    if _ipv6.match(lowered):
        return lowered
    wildcard = lowered.startswith(".")
    bare = lowered[1:] if wildcard else lowered
    try:
        encoded = bare.encode("idna").decode("ascii") if not bare.isascii() else bare
    except UnicodeError:
        encoded = ""
    if not encoded or len(encoded) > 253 or not all(_label.match(label) for label in encoded.split(".")):
        raise ConfigError(
            f"ALLOWED_HOSTS has {host!r}, which is no host name.",
            hint='Write names such as "example.com", ".example.com" for all below it, or "*".',
        )
    return f".{encoded}" if wildcard else encoded
