"""All checks on settings, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..facts import Message
from . import caches, cookies, databases, forms, logs, mail, names, sites, tls, urls
from .surroundings import Sight, Surroundings, Values

Check = Callable[[Values, Surroundings, Sight], Iterator[Message]]

CHECKS: tuple[Check, ...] = (
    names.judged,
    urls.judged,
    tls.judged,
    forms.judged,
    cookies.judged,
    logs.judged,
    mail.judged,
    caches.judged,
    databases.judged,
    sites.judged,
)


def messages(values: Values, around: Surroundings, seen: Sight) -> tuple[Message, ...]:
    """What of the settings does not fit the rest of them, or what is around: each thing once."""
    found = (message for check in CHECKS for message in check(values, around, seen))
    return tuple(dict.fromkeys(found))
