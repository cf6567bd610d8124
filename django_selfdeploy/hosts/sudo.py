"""Root by sudo: the password is asked for once, and goes to nobody but sudo."""

from __future__ import annotations

import paramiko

from ..core.errors import HostError
from .keys import Ask


def answer(name: str, channel: paramiko.Channel, nonce: str, ask: Ask | None) -> None:
    """To come."""


def refused(name: str, why: str) -> HostError:
    return HostError(f"{name!r}: sudo refuses: {why}.")
