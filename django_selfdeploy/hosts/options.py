"""The SSH options of a target."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..core.errors import ConfigError


def _option(default: Any, doc: str) -> Any:
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True)
class Ssh:
    """How the hosts of the target are reached. What is not said here, ~/.ssh/config says."""

    config: str = _option("~/.ssh/config", "The configuration of OpenSSH's client to go by.")
    known_hosts: str = _option(
        "", "The file of known host keys; default: what UserKnownHostsFile says, and those of the machine."
    )
    identity_file: str = _option("", "The private key to log in with; no other one is offered then.")
    connect_timeout: float = _option(10.0, "Seconds for each of: connecting, the server's greeting, logging in.")
    keepalive: float = _option(5.0, "Seconds after which both sides show that they are alive.")
    silence: float = _option(20.0, "Seconds without a word after which the other side counts as gone.")

    def __post_init__(self) -> None:
        """Raises ConfigError for times that cannot be."""
        if self.connect_timeout <= 0 or self.keepalive <= 0:
            raise ConfigError("SSH has a time that is not more than zero.", hint="Leave it out, or give seconds.")
        if self.silence < 2 * self.keepalive:
            raise ConfigError(
                f"SILENCE ({self.silence:g} s) is less than twice KEEPALIVE ({self.keepalive:g} s) in SSH.",
                hint="One late sign of life must not end a deployment: raise SILENCE, or lower KEEPALIVE.",
            )
