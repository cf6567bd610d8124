"""A host over SSH: one connection, one channel, one command, which becomes the runner."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

import paramiko
from paramiko.common import cMSG_CHANNEL_REQUEST

from ..core.errors import HostError
from ..core.wire import Channel
from . import start
from .address import parsed
from .base import Connection
from .greeting import Greeting
from .keys import Ask
from .link import Means, linked
from .options import Ssh
from .ssh_streams import Complaints, Incoming, Outgoing, beating
from .sudo import Password

START = 60.0
"""Seconds for a host to start a shell and the runner; some ask a slow directory of users first."""

HINT = (
    "The runner goes on alone, or takes back what was begun, by how far it was: `deploy_attach TARGET` tells what "
    "comes of it, and the next `deploy` puts right what was left."
)


@contextmanager
def connected(
    address: str,
    ssh: Ssh,
    *,
    python: str = "",
    root: str = "",
    accept_new_host_key: bool = False,
    ask: Ask | None = None,
    become: bool = False,
) -> Iterator[Connection]:
    """A runner on the host, for as long as the block lasts. It outlives us when it has switched.

    `ask` asks the user for a passphrase or a password, None when nobody can be asked. With `become` the runner is
    root's, by sudo. Raises HostError for a login that fails and ConfigError for an address or an option that is wrong.
    """
    nonce = secrets.token_hex(8)
    line = start.command(nonce, python=python, root=root, silence=ssh.silence, become=become)
    with linked(parsed(address), Means(ssh, accept_new_host_key, ask)) as (transport, login):
        channel = _opened(transport, str(login), login.timeout)
        _run(channel, line)
        password = Password(str(login), nonce, ask) if become else None
        talk = _Talk(channel, str(login), nonce, ssh.silence, password)
        if become:
            talk.greet()  # sudo may take for a password what is sent before
            talk.connection.round_trips += 1
        with beating(talk.wire, talk.outgoing, every=ssh.keepalive, silence=ssh.silence, end=transport.close):
            yield talk.connection


class _Talk:
    """What is built upon a channel, each on the one before."""

    def __init__(
        self, channel: paramiko.Channel, name: str, nonce: str, silence: float, password: Password | None
    ) -> None:
        self._transport = channel.transport
        self._complaints = Complaints(channel)
        self._incoming = Incoming(channel, self._complaints, max(START, silence))
        self.outgoing = Outgoing(channel)
        self.wire = Channel(io.BufferedReader(self._incoming, 1 << 16), cast("BinaryIO", self.outgoing))
        self._greeting = Greeting(
            name, self.wire, self._incoming, self._complaints, nonce=nonce, silence=silence, password=password
        )
        broken = f"The connection to {name!r} was lost"
        self.connection = Connection(self.wire, greet=self.greet, trouble=self._trouble, broken=broken, hint=HINT)

    def greet(self) -> None:
        """Twice is once."""
        self._greeting.hear()
        self.connection.round_trips += self._greeting.round_trips
        self._greeting.round_trips = 0

    def _trouble(self) -> str:
        gone = "" if self._transport.is_active() else "the link is dead, or the host closed it"
        return self._incoming.trouble or self._complaints.text() or gone


def _opened(transport: paramiko.Transport, name: str, timeout: float) -> paramiko.Channel:
    try:
        return transport.open_session(timeout=timeout)
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise HostError(
            f"{name!r} lets us log in, but opens no session: {error}.",
            hint="See MaxSessions, and what authorized_keys and sshd_config allow this user.",
        ) from error


def _run(channel: paramiko.Channel, line: str) -> None:
    """Ask for the command without waiting for the yes: it comes before the runner's first word, and a no closes the
    channel. paramiko's exec_command would wait for a round trip.
    """
    message = paramiko.Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string("exec")
    message.add_boolean(True)
    message.add_string(line)
    channel.transport._send_user_message(message)
