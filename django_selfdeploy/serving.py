"""What the processes of a release add to the project: they say, when asked, which release they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .core.probe import ANSWER, QUESTION

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_asked = f"HTTP_{QUESTION.upper().replace('-', '_')}"


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
