"""Root by sudo: the password is asked for once, and goes to nobody but sudo."""

from __future__ import annotations

from ..core.errors import HostError
from .keys import Ask
from .start import prompt

HINT = "Log in as root, or give this user the right: `visudo`."

MISSING, TERMINAL = ("not found", "No such file"), "have a tty"
"""What a shell says of a sudo that is not there, and sudo of a login that has no terminal."""


class Password:
    """Waits for sudo's prompt, and answers it once. It remembers what it did, so it is not frozen.

    Where sudo wants none it would hand the password on to the command, so nothing is sent before the prompt was seen.
    """

    def __init__(self, name: str, nonce: str, ask: Ask | None) -> None:
        self._name, self._prompt, self._ask = name, prompt(nonce), ask
        self._sent = False

    def answer(self, said: str) -> bytes:
        """What to send to a sudo that has said all this; b"" is nothing. Raises HostError when it cannot be had, and
        when sudo asks again: the password was wrong, and is not tried twice.
        """
        if self._sent and said.count(self._prompt) > 1:
            raise HostError(f"That is not the password that sudo wants on {self._name!r}.", hint="Try again.")
        if self._sent or self._prompt not in said:
            return b""
        if self._ask is None:
            raise HostError(
                f"sudo wants a password on {self._name!r}, and nobody can be asked for it.",
                hint="Run the command in a terminal, or log in as root.",
            )
        self._sent = True
        return self._ask(f"Password for sudo on {self._name}: ").encode() + b"\n"

    def without_prompt(self, said: str) -> str:
        """What sudo said, less the prompts."""
        return said.replace(self._prompt, "").strip()


def is_hopeless(said: str) -> bool:
    """Whether no password would help a sudo that says this, under LC_ALL=C."""
    return any(words in said for words in (*MISSING, TERMINAL))


def refusal(name: str, said: str) -> HostError:
    """The error for what sudo says, under LC_ALL=C."""
    told = " ".join(said.split())
    if any(words in told for words in MISSING):
        return HostError(f"There is no sudo on {name!r}.", hint="Log in as root, or install it there.")
    if TERMINAL in told:
        return HostError(
            f"sudo on {name!r} wants a terminal (requiretty).",
            hint="Take `Defaults requiretty` out of its sudoers for this user, or log in as root.",
        )
    return HostError(f"sudo on {name!r} does not let us become root: {told[-300:]!r}.", hint=HINT)
