"""Asking a release whether it works."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from . import http
from .release import ProbeSpec

QUESTION = "X-Selfdeploy-Probe"
"""Request header by which a process is asked for the id of its release."""

ANSWER = "X-Selfdeploy-Release"
"""Response header with that id."""

PASS = "selfdeploy_pass"  # noqa: S105 - a name
"""Cookie that lets staff in while the site is closed."""

REDIRECTS = 3


@dataclass(frozen=True)
class Finding:
    """`works` when the release answered with success; else `trouble` is a sentence that says what came instead.

    `answered` tells a wrong answer of the right process from no answer at all.
    """

    works: bool
    trouble: str = ""
    answered: bool = False


def ask(
    address: str, spec: ProbeSpec, release: str, *, timeout: float = 5.0, front: bool = False, key: str = ""
) -> Finding:
    """GET the probe's path at `address`; success is a 2xx that the process of `release` gave.

    Redirects to the same host are followed. Through the `front` a redirect to https is success too where the
    project asks for https: the front of this host cannot pretend that the request came by TLS. `key` lets the
    request in while the site is closed.
    """
    headers = {"Host": spec.host, QUESTION: "1", "User-Agent": "django-selfdeploy"}
    if key:
        headers["Cookie"] = f"{PASS}={key}"
    if spec.https:
        headers["X-Forwarded-Proto"] = "https"
    path = spec.path
    for _ in range(REDIRECTS + 1):
        try:
            answer = http.get(address, path, headers, timeout=timeout)
        except http.NoAnswer as error:
            return Finding(False, f"GET {path} got no answer ({error}).")
        found = answer.headers.get(ANSWER.lower(), "")
        if found != release:
            who = f"release {found!r}" if found else "something that names no release"
            return Finding(False, f"GET {path} was answered with {answer.status} by {who}.")
        if 200 <= answer.status < 300:
            return Finding(True, answered=True)
        location = answer.headers.get("location", "")
        if front and spec.https and location.startswith("https://"):
            return Finding(True, answered=True)
        following = _same_host(spec, path, location) if 300 <= answer.status < 400 else ""
        if not following:
            towards = f" to {location!r}" if location else ""
            return Finding(False, f"GET {path} was answered with {answer.status}{towards}.", answered=True)
        path = following
    return Finding(False, f"GET {spec.path} was redirected more than {REDIRECTS} times.", answered=True)


def _same_host(spec: ProbeSpec, path: str, location: str) -> str:
    """The path to go on with, "" where the redirect leads away from what the probe may ask."""
    scheme = "https" if spec.https else "http"
    parts = urlsplit(urljoin(f"{scheme}://{spec.host}{path}", location))
    if not location or parts.scheme != scheme or parts.netloc != spec.host:
        return ""
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
