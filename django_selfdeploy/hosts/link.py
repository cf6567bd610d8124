"""A way to a host: the socket, the hosts in between, the encryption, the host's key and the login."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import paramiko
from paramiko.ssh_exception import BadAuthenticationType, IncompatiblePeer

from ..core.errors import ConfigError
from . import keys, known_hosts, troubles
from .address import Address
from .keys import Ask
from .known_hosts import Verdict
from .options import Ssh
from .proxy import proxied
from .ssh_config import Login, login

LOG = "django_selfdeploy.ssh"
"""paramiko's own remarks go there, and nowhere unless the project listens: what matters becomes an error."""

BROKEN = ("sha1", "cbc", "md5", "3des", "dss", "-96")
"""Parts of the names of algorithms that are not used whatever paramiko's version offers; ssh-rsa is SHA-1 too."""

MOST_JUMPS = 8


@dataclass(frozen=True)
class Means:
    """What the command was given to log in with."""

    ssh: Ssh
    accept_new: bool = False
    ask: Ask | None = None


@contextmanager
def linked(address: Address, means: Means) -> Iterator[tuple[paramiko.Transport, Login]]:
    """A connection that is encrypted, verified and logged in. Raises HostError or ConfigError."""
    with ExitStack() as stack:
        yield _hop(stack, login(address, means.ssh), means, 0)


def _hop(stack: ExitStack, to: Login, means: Means, depth: int) -> tuple[paramiko.Transport, Login]:
    if depth > MOST_JUMPS:
        raise ConfigError(f"ProxyJump leads from {str(to)!r} to itself.", hint="Mend ~/.ssh/config.")
    if to.jumps:
        *before, last = to.jumps
        via = login(last, means.ssh)
        if before:
            via = replace(via, jumps=tuple(before), proxy="")
        between, _ = _hop(stack, via, means, depth + 1)
        sock = _tunnel(between, via, to)
    else:
        sock = stack.enter_context(proxied(to.proxy)) if to.proxy else _connected(to, means.ssh)
    stack.callback(_closed, sock)
    transport = _transport(sock, to)
    stack.callback(transport.close)
    lines = _known(to)
    _shake_hands(transport, to, lines)
    _verify(transport, to, lines, means)
    _log_in(transport, to, means)
    return transport, to


# the socket


def _connected(to: Login, ssh: Ssh) -> socket.socket:
    try:
        sock = socket.create_connection((to.host, to.port), to.timeout)
    except (OSError, UnicodeError) as error:
        raise troubles.not_connected(to, error if isinstance(error, OSError) else socket.gaierror()) from error
    for level, name, value in _alive(ssh):
        if hasattr(socket, name):
            sock.setsockopt(level, getattr(socket, name), value)
    return sock


def _alive(ssh: Ssh) -> Iterator[tuple[int, str, int]]:
    """A link that is cut without a word is seen by the kernel (tcp(7)); other systems have some of these."""
    yield socket.SOL_SOCKET, "SO_KEEPALIVE", 1
    yield socket.IPPROTO_TCP, "TCP_NODELAY", 1
    yield socket.IPPROTO_TCP, "TCP_KEEPIDLE", max(1, int(ssh.keepalive))
    yield socket.IPPROTO_TCP, "TCP_KEEPINTVL", max(1, int(ssh.keepalive))
    yield socket.IPPROTO_TCP, "TCP_KEEPCNT", max(1, int(ssh.silence / ssh.keepalive))
    yield socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", int(ssh.silence * 1000)


def _tunnel(between: paramiko.Transport, via: Login, to: Login) -> Any:
    try:
        return between.open_channel("direct-tcpip", (to.host, to.port), ("127.0.0.1", 0), timeout=to.timeout)
    except paramiko.ChannelException as error:
        raise troubles.jump_refused(to, via, error.text or f"code {error.code}") from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise troubles.jump_refused(to, via, "it does not answer") from error


def _closed(sock: Any) -> None:
    with suppress(OSError, EOFError, paramiko.SSHException):
        sock.close()


# the encryption


def _transport(sock: Any, to: Login) -> paramiko.Transport:
    transport = paramiko.Transport(sock, disabled_algorithms=_disabled())
    log = logging.getLogger(LOG)
    if not log.handlers:
        log.addHandler(logging.NullHandler())  # else Python writes errors on standard error
    transport.set_log_channel(LOG)
    transport.use_compression(True)
    transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = to.timeout
    return transport


def _disabled() -> dict[str, list[str]]:
    found = {}
    for kind in ("kex", "ciphers", "macs", "keys", "pubkeys"):
        names = getattr(paramiko.Transport, f"_preferred_{kind}", ())
        found[kind] = [name for name in names if name == "ssh-rsa" or any(part in name for part in BROKEN)]
    return found


def _known(to: Login) -> tuple[known_hosts.Known, ...]:
    try:
        return known_hosts.of(known_hosts.read(to.known), to.place)
    except OSError as error:
        raise troubles.not_written(str(error.filename), error) from error


def _shake_hands(transport: paramiko.Transport, to: Login, lines: tuple[known_hosts.Known, ...]) -> None:
    options = transport.get_security_options()
    options.key_types = known_hosts.first(lines, [name for name in options.key_types if name != "ssh-rsa"])
    try:
        transport.start_client(timeout=2 * to.timeout)
        transport.get_remote_server_key()
    except IncompatiblePeer as error:
        raise troubles.no_agreement(to, str(error)) from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise _of_greeting(to, error) from error


def _of_greeting(to: Login, error: Exception) -> Exception:
    text, cause = str(error), error.__context__ or error
    if text.startswith("Indecipherable"):
        return troubles.no_ssh(to, text.partition('"')[2].rstrip('"'))
    if isinstance(cause, TimeoutError):
        return troubles.mute(to)
    if isinstance(cause, (EOFError, ConnectionError)):
        return troubles.proxy_failed(to) if to.proxy else troubles.hung_up(to)
    if isinstance(cause, UnicodeError):
        return troubles.no_ssh(to, "bytes that are no text")
    return troubles.mute(to)


# the host's key


def _verify(transport: paramiko.Transport, to: Login, lines: tuple[known_hosts.Known, ...], means: Means) -> None:
    key = transport.get_remote_server_key()
    kind, data = key.get_name(), key.asbytes()
    verdict, line = known_hosts.judge(lines, data)
    if verdict is Verdict.GOOD:
        return
    if verdict is Verdict.UNKNOWN and means.accept_new:
        _keep(to, kind, data)
        return
    if line is None:
        raise troubles.unknown_key(to, kind, data)
    told = {
        Verdict.CHANGED: troubles.changed_key,
        Verdict.REVOKED: troubles.revoked_key,
        Verdict.CERTIFIED: troubles.certified_key,
    }
    raise told[verdict](to, kind, data, line)


def _keep(to: Login, kind: str, data: bytes) -> None:
    try:
        known_hosts.add(to.known[0], known_hosts.line(to.place, kind, data))
    except OSError as error:
        raise troubles.not_written(to.known[0], error) from error


# the login


def _log_in(transport: paramiko.Transport, to: Login, means: Means) -> None:
    tried: list[str] = []
    locked: list[str] = []
    with closing(keys.offers(to, means.ask, locked)) as offers:
        for offer in offers:
            if _accepted(transport, to, offer, tried):
                return
            tried.append(offer.name)
    if locked and not tried:
        raise troubles.locked_key(to, locked[0])
    raise troubles.no_key_accepted(to, tried, locked)


def _accepted(transport: paramiko.Transport, to: Login, offer: keys.Offer, tried: list[str]) -> bool:
    try:
        more = transport.auth_publickey(to.user, offer.key)
    except BadAuthenticationType as error:
        raise troubles.no_public_keys(to, tuple(error.allowed_types)) from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        if transport.is_active():
            if "timeout" in str(error).lower():
                raise troubles.not_answered(to) from error
            return False
        if "EOF" not in str(error):
            raise troubles.not_signed(to, offer.name, str(error)) from error
        if tried:
            raise troubles.too_many(to, [*tried, offer.name]) from error
        raise troubles.hung_up(to) from error
    if more:
        raise troubles.no_public_keys(to, tuple(more))
    return True
