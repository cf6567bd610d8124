"""Pages of the project that can be asked for: no parameters, and no side effects as far as names tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, get_script_prefix, reverse
from django.urls.resolvers import LocalePrefixPattern, RegexPattern
from django.utils.regex_helper import normalize

MOST = 200
"""So many pages are told at most; the target's SMOKE says how many of them are asked."""

DOING = frozenset(
    {
        *("accept", "activate", "approve", "backup", "book", "buy", "callback", "cancel", "checkout", "clear", "clone"),
        *("close", "confirm", "create", "cron", "deactivate", "decline", "delete", "deletion", "destroy", "disable"),
        *("disconnect", "dismiss", "drop", "enable", "execute", "export", "flush", "generate", "hook", "impersonate"),
        *("import", "install", "launch", "like", "lock", "logoff", "logout", "notify", "oauth", "order", "pay"),
        *("publish", "purge", "push", "rebuild", "refresh", "reindex", "remove", "reset", "restart", "restore"),
        *("revoke", "run", "save", "send", "signoff", "signout", "start", "stop", "subscribe", "switch", "sync"),
        *("task", "toggle", "trigger", "unlock", "unsubscribe", "upgrade", "vote", "webhook"),
    }
)
"""Words in the path or the name of a view that may do something when it is asked."""

_words = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def pages() -> tuple[str, ...]:
    """Paths of pages without parameters, those first that every project of the kind has: sitemap, admin's login."""
    found = dict.fromkeys(path for path in _plain(get_resolver(), get_script_prefix()))
    try:
        login: tuple[str, ...] = (reverse("admin:login"),)
    except NoReverseMatch:
        login = ()
    known = sorted(found, key=lambda path: ("sitemap" not in path, path.count("/"), path))
    return tuple(dict.fromkeys((*login, *known)))[:MOST]


def _plain(resolver: URLResolver, prefix: str) -> Iterator[str]:
    for pattern in resolver.url_patterns:
        text = _text(pattern.pattern)
        if text is None:
            continue
        if isinstance(pattern, URLResolver):
            if pattern.app_name != "admin":  # what needs a login says nothing to a visitor
                yield from _plain(pattern, prefix + text)
        elif isinstance(pattern, URLPattern) and is_harmless(prefix + text, pattern):
            yield prefix + text


def _text(pattern: Any) -> str | None:
    """The one path that the pattern stands for; None where it has parameters."""
    if isinstance(pattern, LocalePrefixPattern):
        return pattern.language_prefix
    if not isinstance(pattern, RegexPattern):
        return None if pattern.converters else str(pattern)
    possible = normalize(str(pattern))
    return next((text for text, parameters in possible if not parameters), None)


def is_harmless(path: str, pattern: URLPattern) -> bool:
    """Whether nothing about the page says that asking for it does something."""
    view = getattr(pattern.callback, "view_class", None) or getattr(pattern.callback, "cls", None)
    names = [path, pattern.name or "", getattr(pattern.callback, "__name__", "")]
    names += [kind.__name__ for kind in view.__mro__] if view else []
    words = {word.lower() for name in names for word in _words.findall(name)}
    words |= {"".join(re.findall("[a-z]+", name.lower())) for name in path.split("/")}
    answers = "get" in (getattr(pattern.callback, "actions", None) or ()) or view is None or hasattr(view, "get")
    return answers and not words & DOING and "__" not in path
