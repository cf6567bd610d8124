"""How a runner on a host begins: what it lacks is given to it, and what it cannot do is said."""

from __future__ import annotations

from ..core.errors import DeployError, HostError
from ..core.wire import FILES, NO_PYTHON, NO_RIGHT, UNABLE, WANTED, Channel
from . import start, sudo
from .ssh_streams import Complaints, Incoming

EXAMPLE = "sudo apt-get install python3"


class Greeting:
    """The first words on one channel; with a `password` they are root's. It remembers whether they were exchanged,
    so it is not frozen.
    """

    def __init__(
        self,
        name: str,
        wire: Channel,
        incoming: Incoming,
        complaints: Complaints,
        *,
        nonce: str,
        silence: float,
        password: sudo.Password | None,
    ) -> None:
        self._name, self._wire, self._nonce = name, wire, nonce
        self._incoming, self._complaints, self._silence = incoming, complaints, silence
        self._password = password
        self._done = False
        self.round_trips = 0

    def hear(self) -> None:
        """Wait for the runner, once. Raises HostError when none comes."""
        if self._done:
            return
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
        self._incoming.watch = None
        self._incoming.patience = self._silence

    def _otherwise(self, word: str, rest: str) -> None:
        if word == NO_RIGHT:
            self._ask_for_password(rest)
            return
        if word == WANTED:
            self.round_trips += 1
            data = start.shipped().data
            self._wire.send_bytes(f"{FILES} {self._nonce} {len(data)}\n".encode(), data)
            return
        raise {UNABLE: no_folder, NO_PYTHON: no_python}[word](self._name, rest)

    def _ask_for_password(self, why: str) -> None:
        """sudo does not let us without one: from now on its prompt is looked for, on standard error."""
        if sudo.is_hopeless(why):
            raise sudo.refusal(self._name, why)
        self._incoming.watch = self._watch

    def _watch(self) -> bool:
        assert self._password is not None
        answer = self._password.answer(self._complaints.text())
        if answer:
            self._wire.send_bytes(answer)
        return bool(answer)

    def _silent(self, said: str) -> DeployError:
        """The login ended without a runner: what it said is all there is to go by."""
        complaint = self._complaints.text()
        if self._password and (self._incoming.watch or "sudo: " in complaint):
            return sudo.refusal(self._name, self._password.without_prompt(complaint))
        told = " ".join((said.strip() or complaint).split())
        return HostError(
            f"{self._name!r} starts no runner{f', it says {told[-400:]!r}' if told else ' and says nothing'}.",
            hint="The login shell must run commands (not nologin), and sshd and authorized_keys must allow any "
            "command (no ForceCommand): see what `ssh HOST true` does.",
        )


def no_folder(name: str, reasons: str) -> HostError:
    """`reasons` are the folders that were tried, each with what is wrong there."""
    return HostError(
        f"The runner can be left nowhere on {name!r}: {reasons}.",
        hint="Make room, or let this user write to ~/.cache or /var/tmp there.",
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
