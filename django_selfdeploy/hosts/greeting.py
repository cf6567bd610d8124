"""How a runner on a host begins: what it lacks is given to it, and what it cannot do is said."""

from __future__ import annotations

import paramiko

from ..core.errors import DeployError, HostError
from ..core.wire import FILES, NO_PYTHON, NO_RIGHT, UNABLE, WANTED, Channel
from . import start, sudo
from .base import Connection
from .keys import Ask
from .ssh_streams import Complaints, Incoming

EXAMPLE = "sudo apt-get install python3"


class Greeting:
    """The first words. It remembers whether they were exchanged, so it is not frozen."""

    def __init__(
        self, name: str, wire: Channel, incoming: Incoming, complaints: Complaints, *, nonce: str, silence: float
    ) -> None:
        self._name, self._wire, self._nonce = name, wire, nonce
        self._incoming, self._complaints, self._silence = incoming, complaints, silence
        self._done = False
        self._trips = 0

    def hear(self, connection: Connection) -> None:
        """Wait for the runner. Raises HostError when none comes."""
        if not self._done:
            self._expect()
        connection.round_trips += self._trips
        self._trips = 0

    def become(self, channel: paramiko.Channel, ask: Ask | None) -> None:
        """The same as root, before anything else is sent: sudo may read what comes first as a password."""
        sudo.answer(self._name, channel, self._nonce, ask)
        self._expect()

    def _expect(self) -> None:
        try:
            self._wire.expect_hello(self._nonce, otherwise=self._otherwise)
        except TimeoutError as error:
            raise HostError(
                f"{self._name!r} starts no runner within {self._incoming.patience:g} s.",
                hint="See what its login shell does at the start (`.bashrc` and the like): it may wait for an input.",
            ) from error
        except (ValueError, OSError) as error:
            raise self._silent(str(error)) from error
        self._done = True
        self._incoming.patience = self._silence

    def _otherwise(self, word: str, rest: str) -> None:
        if word == WANTED:
            self._trips += 1
            data = start.shipped().data
            self._wire.send_bytes(f"{FILES} {self._nonce} {len(data)}\n".encode(), data)
        elif word == UNABLE:
            raise HostError(
                f"The runner can be left nowhere on {self._name!r}: {rest}.",
                hint="Make room, or let this user write to ~/.cache or /var/tmp there.",
            )
        elif word == NO_PYTHON:
            raise no_python(self._name, rest)
        elif word == NO_RIGHT:
            raise sudo.refused(self._name, rest)

    def _silent(self, said: str) -> DeployError:
        """The login ended without a runner: what it said is all there is to go by."""
        told = " ".join((said.strip() or self._complaints.text()).split())
        return HostError(
            f"{self._name!r} starts no runner{f', it says {told[-400:]!r}' if told else ' and says nothing'}.",
            hint="The login shell must run commands (not nologin), and sshd and authorized_keys must allow any "
            "command (no ForceCommand): see what `ssh HOST true` does.",
        )


def no_python(name: str, found: str) -> HostError:
    """`found` are the Pythons that will not do, with their versions."""
    oldest = ".".join(map(str, start.OLDEST))
    seen = found.strip(" ,")
    if not seen:
        return HostError(f"{name!r} has no Python {oldest} or newer.", hint=f"Install one there: `{EXAMPLE}`.")
    return HostError(
        f"{name!r} has no Python {oldest} or newer: {seen}.",
        hint="Install a newer one there, and name it in PYTHON if it is not on PATH.",
    )
