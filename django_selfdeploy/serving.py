"""What the processes of a release add to the project: they say, when asked, which release they are."""

from __future__ import annotations

import grp
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from .core.probe import ANSWER, QUESTION

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_asked = f"HTTP_{QUESTION.upper().replace('-', '_')}"


def warm() -> None:
    """Load what Django loads for its first request only. Each worker has a first request, and visitors send most.

    What cannot be loaded is for that request to tell: it can say why.
    """
    with suppress(Exception):
        from django.template import engines
        from django.urls import get_resolver

        list(get_resolver().reverse_dict)  # imports every URLconf and its views
        engines.all()


def share(socket: str, group: str) -> None:
    """Let a group connect to the socket. Raises PermissionError for a group that this process is not in."""
    os.chown(socket, -1, grp.getgrnam(group).gr_gid)


def below(application: Application, prefix: str) -> Application:
    """The WSGI application for a site that is below the path `prefix`: Django's URLs begin after it (PEP 3333).

    The root of the host leads to the site; elsewhere there is nothing. A server that knows the prefix itself, as
    gunicorn does by the variable SCRIPT_NAME, has taken it away already.
    """

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if environ.get("SCRIPT_NAME") == prefix:
            return application(environ, start_response)
        if path == prefix or path.startswith(f"{prefix}/"):
            return application({**environ, "SCRIPT_NAME": prefix, "PATH_INFO": path[len(prefix) :]}, start_response)
        if path in ("", "/"):
            start_response("302 Found", [("Location", f"{quote(prefix)}/"), ("Content-Length", "0")])
        else:
            start_response("404 Not Found", [("Content-Length", "0")])
        return (b"",)

    return answer


def naming_release(application: Application, release: str) -> Application:
    """The WSGI application `application`, whose answers carry the release's id where the request asks for it.

    The front server lets only requests from the host itself ask.
    """

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if _asked not in environ:
            return application(environ, start_response)

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(status, [*headers, (ANSWER, release)], *more)

        return application(environ, start)

    return answer
