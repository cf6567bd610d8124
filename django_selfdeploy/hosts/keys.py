"""The user's own keys: which are offered to a host, in which order, and how an encrypted one is opened."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

import paramiko

from . import troubles
from .ssh_config import Login

Ask = Callable[[str], str]

KINDS: tuple[type[paramiko.PKey], ...] = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)

USABLE = ("ssh-ed25519", "ecdsa-sha2-", "ssh-rsa", "rsa-sha2-")

Opened = Callable[[str], paramiko.PKey | None]
"""Opens the key in a file; None where that cannot be."""

_opened: dict[str, paramiko.PKey] = {}
_opening = threading.Lock()
"""Keys that were encrypted: asked for once in a process, however many hosts there are."""


@dataclass(frozen=True)
class Offer:
    """A key to try, by the name under which messages speak of it."""

    name: str
    key: paramiko.PKey


def offers(login: Login, ask: Ask | None, locked: list[str]) -> Generator[Offer, None, None]:
    """The keys to try, in order; what is asked is asked when its turn comes.

    A key that the user names comes before the agent's others, since a host hears out only a few (MaxAuthTries).
    Where none is named, the agent comes first, then what opens without asking. Encrypted keys that nobody can be
    asked for are added to `locked`.
    """
    with closing(_agent(login)) as agent:
        yield from _in_order(login, _held(agent), lambda path: _opened_key(login, path, ask, locked))


def _in_order(login: Login, agent: list[Offer], opened: Opened) -> Iterator[Offer]:
    files = [path for path in login.identities if os.path.exists(path) or os.path.exists(f"{path}.pub")]
    named, taken = [], set()
    for path in files:
        public = _public(path)
        held = next((one for one in agent if public and one.key.asbytes() == public), None)
        if held is not None:
            taken.add(held.key.asbytes())
        named.append((path, held))
    others = [] if login.only else [one for one in agent if one.key.asbytes() not in taken]
    if not login.named:
        yield from others
        named.sort(key=lambda pair: pair[1] is None and os.path.exists(pair[0]) and _is_encrypted(pair[0]))
    for path, held in named:
        if held is not None:
            yield Offer(path, held.key)
        elif os.path.exists(path) and (key := opened(path)) is not None:
            yield Offer(path, key)
    if login.named:
        yield from others


class _NoAgent:
    def get_keys(self) -> tuple[paramiko.AgentKey, ...]:
        return ()

    def close(self) -> None:
        pass


def _agent(login: Login) -> paramiko.Agent | _NoAgent:
    """The user's agent; IdentityAgent (ssh_config(5)) may say that there is to be none."""
    if login.agent.lower() == "none" or "SSH_AUTH_SOCK" not in os.environ:
        return _NoAgent()
    try:
        return paramiko.Agent()
    except (paramiko.SSHException, OSError, EOFError):
        return _NoAgent()


def _held(agent: paramiko.Agent | _NoAgent) -> list[Offer]:
    """What it holds and paramiko can use: keys on security keys (sk-) it cannot."""
    known = [key for key in agent.get_keys() if key.get_name().startswith(USABLE)]
    return [Offer(f"{key.comment or key.get_name()} (agent)", key) for key in known]


def _public(path: str) -> bytes:
    """The public half beside the key, as it travels; b"" where there is none."""
    try:
        with open(f"{path}.pub", encoding="utf-8", errors="replace") as file:
            words = file.read().split()
        return bytes(paramiko.PKey.from_type_string(words[0], base64.b64decode(words[1], validate=True)).asbytes())
    except (OSError, IndexError, ValueError, paramiko.SSHException, paramiko.pkey.UnknownKeyType):
        return b""


def _opened_key(login: Login, path: str, ask: Ask | None, locked: list[str]) -> paramiko.PKey | None:
    with _opening:
        if path in _opened:
            return _opened[path]
        if not _is_encrypted(path):
            return _loaded(path, None)
        if ask is None:
            locked.append(path)
            return None
        key = _loaded(path, ask(f"Passphrase of {path}: "))
        if key is None:
            raise troubles.wrong_passphrase(path)
        _opened[path] = key
        return key


def _is_encrypted(path: str) -> bool:
    for kind in KINDS:
        try:
            kind.from_private_key_file(path)
        except paramiko.PasswordRequiredException:
            return True
        except (paramiko.SSHException, ValueError, TypeError, OSError, IndexError):
            continue
        return False
    return False


def _loaded(path: str, passphrase: str | None) -> paramiko.PKey | None:
    """None for what cannot be opened so."""
    for kind in KINDS:
        try:
            key = kind.from_private_key_file(path, passphrase)
        except (paramiko.SSHException, ValueError, TypeError, OSError, IndexError):
            continue
        if os.path.exists(f"{path}-cert.pub"):
            key.load_certificate(f"{path}-cert.pub")
        return key
    return None
