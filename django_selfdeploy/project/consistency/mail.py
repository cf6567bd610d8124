"""Whether the mails that the project sends reach anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..facts import Message
from .surroundings import Sight, Surroundings, Values, told

SMTP = "django.core.mail.backends.smtp.EmailBackend"
SILENT = tuple(f"django.core.mail.backends.{name}.EmailBackend" for name in ("console", "dummy", "filebased", "locmem"))
LOCAL = ("", "localhost", "127.0.0.1", "::1")
ADDRESSES = {"DEFAULT_FROM_EMAIL": "webmaster@localhost", "SERVER_EMAIL": "root@localhost"}
"""Django's own values, which mail servers refuse: "localhost" is no domain."""


class Mailer(NamedTuple):
    """How mails are sent: the backend, and the server that it speaks to."""

    backend: str
    host: str
    port: int


def judged(values: Values, around: Surroundings, seen: Sight) -> Iterator[Message]:
    """Only where the project is known to send any: to ADMINS and MANAGERS, or for a new password."""
    uses = _uses(values, seen)
    mailer = mailer_of(values)
    if not uses or mailer is None:
        return
    if mailer.backend in SILENT:
        yield told(
            "selfdeploy.W081",
            f"Mails {uses} reach nobody: they go to {mailer.backend!r}.",
            f'Write EMAIL_BACKEND = "{SMTP}", and EMAIL_HOST.',
        )
    if mailer.backend != SMTP:
        return
    if seen.mail_answers is False:
        yield told(
            "selfdeploy.W081",
            f"Mails {uses} reach nobody: no mail server listens on port {mailer.port} of this host.",
            "Name one that does in EMAIL_HOST and EMAIL_PORT, or install one.",
        )
    for name, address in ADDRESSES.items():
        admins = bool(values["ADMINS"] or values["MANAGERS"])
        used = admins if name == "SERVER_EMAIL" else seen.resets_passwords
        if used and values[name] == address:
            yield told(
                "selfdeploy.W083",
                f"{name} is {address!r}, and most mail servers refuse mails from there.",
                f'Write {name} = "site@example.com", with a domain of yours.',
            )


def mailer_of(values: Values) -> Mailer | None:
    """The mailer that is used when none is named; None where it cannot be told.

    Django 6.1 has them in MAILERS, before it they are settings of their own.
    """
    mailers = values.get("MAILERS")
    if not mailers:
        return Mailer(str(values["EMAIL_BACKEND"]), str(values["EMAIL_HOST"] or ""), int(values["EMAIL_PORT"] or 25))
    chosen = mailers.get("default") if isinstance(mailers, Mapping) else None
    if not isinstance(chosen, Mapping):
        return None
    options: Mapping[str, Any] = chosen.get("OPTIONS") or {}
    backend = str(chosen.get("BACKEND") or SMTP)
    return Mailer(backend, str(options.get("host") or "localhost"), int(options.get("port") or 25))


def is_local(mailer: Mailer | None) -> bool:
    """Whether the mails are given to a server on the same host."""
    return mailer is not None and mailer.backend == SMTP and mailer.host in LOCAL


def _uses(values: Values, seen: Sight) -> str:
    """What mails are known to be for, in words; "" for nothing."""
    if values["ADMINS"] or values["MANAGERS"]:
        return "to ADMINS" if values["ADMINS"] else "to MANAGERS"
    return "for a new password" if seen.resets_passwords else ""
