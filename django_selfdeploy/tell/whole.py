"""A deployment to many hosts told as one: what the admin, the database and the history say of all its hosts.

Each host has a journal of its own, with the same id. The status of the whole is the one of its hosts that matters
most, in the order of STATUSES.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..core import journal

Story = dict[str, Any]

STATUSES = (
    journal.RUNNING,  # nothing is certain yet
    journal.INTERRUPTED,  # a host was left as it stood; the next deployment puts it right
    journal.INCOMPLETE,  # the release is live, and a migration that waited for that is missing
    journal.SWITCHED_BACK,  # visitors had the new release, for a while
    journal.FAILED,  # visitors noticed nothing
    journal.CANCELLED,  # as somebody wished
    "",  # any other: a later version wrote it
    journal.SUCCEEDED,
    journal.UNCHANGED,
)
"""What one host can tell, the most important first."""

OF_A_HOST = ("host", "status", "release", "previous", "seconds", "live_after", "error")


def merged(stories: Iterable[Story]) -> Story:
    """One story in the words of a journal, without its steps, from the stories of the hosts, of which there is one at
    least. The order in which they are given does not matter; a single one stays as it is.

    It starts with the first host and finishes with the last; `seconds` and `live_after` are the longest. The error is
    the one that came first. Errors and warnings of some hosts name them. Everything else is what the first host says.
    """
    told = sorted(stories, key=_order)
    if len(told) == 1:
        return told[0]
    ended = all(story.get("finished") for story in told)
    return {
        **_said_first(told),
        "host": ", ".join(_different(story.get("host") for story in told)),
        "status": min((story.get("status") or "" for story in told), key=_rank),
        "finished": max(story["finished"] for story in told) if ended else None,
        "live_after": _longest(told, "live_after"),
        "seconds": _longest(told, "seconds") if ended else None,
        "error": _first_error(told),
        "warnings": _warnings(told),
        "versions": _versions(told),
    }


def history(stories: Iterable[Story], *, count: int | None = None) -> list[Story]:
    """The stories of many hosts as one each deployment, newest first, at most `count`.

    Each has `hosts`, a list with the keys of OF_A_HOST of every host that tells of it. When every host has given its
    newest `count` stories, none is missing.
    """
    known: dict[str, dict[Any, Story]] = {}
    for story in stories:
        known.setdefault(story["id"], {})[story.get("host")] = story
    newest = sorted(known, reverse=True)[:count]
    return [{**merged(known[identity].values()), "hosts": _hosts(known[identity].values())} for identity in newest]


def _hosts(stories: Iterable[Story]) -> list[Story]:
    told = sorted(stories, key=lambda story: story.get("host") or "")
    return [{key: story.get(key) for key in OF_A_HOST} for story in told]


def _order(story: Story) -> tuple[str, str]:
    return str(story.get("started") or ""), story.get("host") or ""


def _rank(status: str) -> int:
    return STATUSES.index(status if status in STATUSES else "")


def _said_first(told: Sequence[Story]) -> Story:
    keys = dict.fromkeys(key for story in told for key in story if key != "steps")
    return {key: next((story[key] for story in told if story.get(key)), told[0].get(key)) for key in keys}


def _longest(told: Sequence[Story], key: str) -> float | None:
    return max((story[key] for story in told if story.get(key) is not None), default=None)


def _first_error(told: Sequence[Story]) -> Story | None:
    """Clocks of hosts differ, so the seconds since the command decide, and moments only where they are not known."""
    failed = [story for story in told if (story.get("error") or {}).get("message")]
    if not failed:
        return None
    first = min(failed, key=_ended)
    host, message = first.get("host") or "", first["error"]["message"]
    return {**first["error"], "message": message if host in message else f"{host}: {message}"}


def _ended(story: Story) -> tuple[float, str]:
    seconds = story.get("seconds")
    return float("inf") if seconds is None else seconds, str(story.get("finished") or "")


def _warnings(told: Sequence[Story]) -> list[str]:
    by_text: dict[str, list[str]] = {}
    for story in told:
        for text in dict.fromkeys(story.get("warnings") or ()):
            by_text.setdefault(text, []).append(story.get("host") or "")
    return [
        text if len(hosts) == len(told) else f"{', '.join(filter(None, hosts))}: {text}"
        for text, hosts in by_text.items()
    ]


def _versions(told: Sequence[Story]) -> Story:
    every = [story.get("versions") or {} for story in told]
    return {
        name: ", ".join(_different(one.get(name) for one in every))
        for name in dict.fromkeys(n for v in every for n in v)
    }


def _different(values: Iterable[Any]) -> list[str]:
    return sorted({str(value) for value in values if value})
