"""What is known of hosts' keys (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"), and what a key that a host shows is worth."""

from __future__ import annotations

import base64
import binascii
import enum
import fnmatch
import hashlib
import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass

RSA = ("rsa-sha2-512", "rsa-sha2-256")
"""How the owner of an `ssh-rsa` key may sign (RFC 8332); SHA-1 is not among them."""


@dataclass(frozen=True)
class Known:
    """One line: `mark` is "", "@revoked" or "@cert-authority", `where` the file and the number of the line."""

    mark: str
    names: tuple[str, ...]
    kind: str
    key: bytes
    where: str


class Verdict(enum.Enum):
    """What a host's key is to us."""

    GOOD = "good"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    REVOKED = "revoked"
    CERTIFIED = "known by its authority only"


def read(paths: Iterable[str]) -> tuple[Known, ...]:
    """The lines of those of the files that are there. Raises OSError for one that cannot be read."""
    found: list[Known] = []
    for path in paths:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                found += (one for number, line in enumerate(file, 1) if (one := _known(line, f"{path}:{number}")))
        except FileNotFoundError:
            continue
    return tuple(found)


def of(known: Iterable[Known], place: str) -> tuple[Known, ...]:
    """The lines that speak of the host `place`: a name, or `[name]:port`."""
    return tuple(one for one in known if _matches(one.names, place))


def judge(lines: Iterable[Known], key: bytes) -> tuple[Verdict, Known | None]:
    """The verdict about a key from the lines that speak of its host, and the line that decides.

    A key of a kind that is not listed, where another kind is, counts as changed: the listed kind was asked for first.
    """
    lines = tuple(lines)
    plain = [one for one in lines if not one.mark]
    for one in lines:
        if one.mark == "@revoked" and one.key == key:
            return Verdict.REVOKED, one
    for one in plain:
        if one.key == key:
            return Verdict.GOOD, one
    if plain:
        return Verdict.CHANGED, plain[0]
    authority = next((one for one in lines if one.mark == "@cert-authority"), None)
    return (Verdict.CERTIFIED, authority) if authority else (Verdict.UNKNOWN, None)


def first(lines: Iterable[Known], usual: Iterable[str]) -> list[str]:
    """The algorithms in the order in which to ask a host for its key: those that are known of it first."""
    known = {name for one in lines if not one.mark for name in (RSA if one.kind == "ssh-rsa" else (one.kind,))}
    return sorted(usual, key=lambda name: name not in known)


def fingerprint(key: bytes) -> str:
    """As `ssh-keygen -l` shows it."""
    return f"SHA256:{base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip('=')}"


def line(place: str, kind: str, key: bytes) -> str:
    """The line to add for a host's key."""
    return f"{place} {kind} {base64.b64encode(key).decode()}"


def add(path: str, text: str) -> None:
    """Append a line to the user's own file; it is made, for the user alone, where there is none. Raises OSError."""
    os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with open(handle, "rb+") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        between = b"" if file.read(1) in (b"", b"\n") else b"\n"
        file.write(between + text.encode() + b"\n")


def _known(text: str, where: str) -> Known | None:
    words = text.split()
    if not words or words[0].startswith("#"):
        return None
    mark = words.pop(0) if words[0].startswith("@") else ""
    if len(words) < 3:
        return None
    try:
        key = base64.b64decode(words[2], validate=True)
    except binascii.Error:
        return None
    return Known(mark, tuple(words[0].split(",")), words[1], key, where)


def _matches(names: tuple[str, ...], place: str) -> bool:
    found = False
    for name in names:
        if name.startswith("|1|"):
            found = found or _hashed(name, place)
        elif name.startswith("!") and _like(place, name[1:]):
            return False
        else:
            found = found or _like(place, name)
    return found


def _like(place: str, pattern: str) -> bool:
    """`*` and `?` are the only wildcards; brackets stand for themselves."""
    return fnmatch.fnmatchcase(place.lower(), pattern.lower().replace("[", "[[]"))


def _hashed(name: str, place: str) -> bool:
    """Whether it is the place, hidden by `HashKnownHosts yes`: |1|SALT|HMAC-SHA1, both as base64."""
    _, _, salt, wanted = (*name.split("|"), "", "")[:4]
    try:
        found = hmac.new(base64.b64decode(salt), place.encode(), hashlib.sha1).digest()
        return hmac.compare_digest(found, base64.b64decode(wanted))
    except binascii.Error:
        return False
