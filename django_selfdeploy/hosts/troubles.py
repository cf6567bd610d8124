"""What can go wrong between a controller and a host, each as a sentence and what to do next."""

from __future__ import annotations

import errno
import socket

from ..core.errors import HostError
from . import known_hosts
from .known_hosts import Known
from .ssh_config import Login

UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.ETIMEDOUT}


def not_connected(login: Login, error: OSError) -> HostError:
    """The network's own reasons."""
    where = f"{login.host} port {login.port}"
    if isinstance(error, socket.gaierror):
        return HostError(
            f"{str(login)!r}: there is no host called {login.host!r}.",
            hint="Mend the name in HOSTS, or say in ~/.ssh/config what it stands for (HostName).",
        )
    if isinstance(error, ConnectionRefusedError):
        return HostError(
            f"{str(login)!r} refuses the connection: nothing listens at {where}.",
            hint="See if sshd runs there, and on which port.",
        )
    if isinstance(error, TimeoutError) or error.errno in UNREACHABLE:
        return HostError(
            f"{str(login)!r} cannot be reached: {where} does not answer.",
            hint="See if the host is up, and if a firewall or a VPN is in between.",
        )
    return HostError(f"{str(login)!r} cannot be reached: {error.strerror or error}.", hint=f"Try `ssh {login}`.")


def proxy_failed(login: Login) -> HostError:
    """The command that is to lead there ends; what it complained of is on our standard error."""
    return HostError(
        f"{str(login)!r} cannot be reached: its ProxyCommand ends.",
        hint=f"Run {login.proxy!r} by itself to see why.",
    )


def jump_refused(login: Login, via: Login, why: str) -> HostError:
    """The host in between is logged in to, and leads no further."""
    return HostError(
        f"{str(login)!r} cannot be reached from the host in between, {str(via)!r}: {why}.",
        hint="It must allow forwarding (AllowTcpForwarding), and find the host by that name.",
    )


def mute(login: Login) -> HostError:
    """Something accepts connections and says nothing."""
    return HostError(
        f"{str(login)!r} accepts the connection and says nothing for {login.timeout:g} s.",
        hint=f"See if it is sshd that listens on port {login.port}, and if the host is overloaded.",
    )


def no_ssh(login: Login, said: str) -> HostError:
    """Something else answers."""
    return HostError(
        f"What listens on port {login.port} of {str(login)!r} is not an SSH server: it says {said[:80]!r}.",
        hint="Give the port of sshd: HOST:PORT.",
    )


def hung_up(login: Login) -> HostError:
    """The connection was closed before anybody could log in."""
    return HostError(
        f"{str(login)!r} closed the connection before the login.",
        hint="sshd does so when too many log in at once (MaxStartups), or when it is told to refuse this address.",
    )


def no_agreement(login: Login, why: str) -> HostError:
    """There is no algorithm that both accept."""
    return HostError(
        f"{str(login)!r} and this machine have no way of encryption in common: {why}.",
        hint="Its sshd offers only what is broken by now (SHA-1, CBC): bring it up to date.",
    )


# keys of hosts


def unknown_key(login: Login, kind: str, key: bytes) -> HostError:
    """With the fingerprint, and the line to add."""
    return HostError(
        f"The host key of {str(login)!r} is not known: {_shown(kind, key)}.",
        hint="Compare it with what the host itself says (`ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub`). If it is "
        f"the same, run this command again with --accept-new-host-key, or add this line to {login.known[0]}:\n"
        f"{known_hosts.line(login.place, kind, key)}",
    )


def changed_key(login: Login, kind: str, key: bytes, known: Known) -> HostError:
    """With both fingerprints."""
    return HostError(
        f"The host key of {str(login)!r} has changed: it shows {_shown(kind, key)}, and {known.where} has "
        f"{_shown(known.kind, known.key)}.",
        hint="Somebody may be listening in. If the host was made anew, ask whoever did it for the fingerprint, then "
        f"remove the old key with `ssh-keygen -R '{login.place}' -f {known.where.rpartition(':')[0]}`.",
    )


def revoked_key(login: Login, kind: str, key: bytes, known: Known) -> HostError:
    """A line in known_hosts forbids it."""
    return HostError(
        f"The host key of {str(login)!r} is revoked by {known.where}: {_shown(kind, key)}.",
        hint="Do not log in there: whoever marked the key had a reason.",
    )


def certified_key(login: Login, kind: str, key: bytes, known: Known) -> HostError:
    """Certificates of hosts are not verified by paramiko."""
    return HostError(
        f"The host key of {str(login)!r} is known by its authority only ({known.where}), which is not supported.",
        hint=f"Add the key itself to {login.known[0]}, if it is the right one:\n"
        f"{known_hosts.line(login.place, kind, key)}",
    )


def not_written(path: str, error: OSError) -> HostError:
    """A file of host keys cannot be read or added to."""
    return HostError(f"{path!r} cannot be used: {error.strerror}.", hint="Mend its permissions.")


def _shown(kind: str, key: bytes) -> str:
    return f"{kind} {known_hosts.fingerprint(key)}"


# logging in


def no_key_accepted(login: Login, tried: list[str], locked: list[str]) -> HostError:
    """`tried` were refused, `locked` are encrypted and could not be asked for."""
    none = f"no key in {' or '.join(login.identities)}" if login.named else "there was none to try"
    what = f"tried: {', '.join(tried)}" if tried else none
    more = f" {', '.join(locked)} is encrypted: add it to an agent (ssh-add)." if locked else ""
    return HostError(
        f"{str(login)!r} accepts no key for {login.user!r} ({what}).",
        hint=f"See that the public key is in ~{login.user}/.ssh/authorized_keys there.{more}",
    )


def locked_key(login: Login, path: str) -> HostError:
    """The only key there is cannot be opened."""
    return HostError(
        f"The key {path!r} for {str(login)!r} is encrypted, and nobody can be asked for its passphrase.",
        hint="Run the command in a terminal, or add the key to an agent (ssh-add).",
    )


def wrong_passphrase(path: str) -> HostError:
    return HostError(f"That is not the passphrase of {path!r}.", hint="Try again.")


def too_many(login: Login, tried: list[str]) -> HostError:
    """The host heard out as many keys as it does."""
    return HostError(
        f"{str(login)!r} ended the login after {len(tried)} keys (MaxAuthTries): {', '.join(tried)}.",
        hint="Name the right one: IDENTITY_FILE in SSH, or IdentityFile and IdentitiesOnly in ~/.ssh/config.",
    )


def not_signed(login: Login, name: str, why: str) -> HostError:
    """The key is there, and does not do what is asked of it."""
    return HostError(
        f"The login at {str(login)!r} fails with the key {name}: {why}.",
        hint="If the key is an agent's, the agent may have refused it: see `ssh-add -l`.",
    )


def no_public_keys(login: Login, allowed: tuple[str, ...]) -> HostError:
    """A key is not enough, or not allowed."""
    return HostError(
        f"{str(login)!r} wants more, or something else, than a key: {', '.join(allowed) or 'nothing that is known'}.",
        hint="Let this user log in by public key alone; passwords and codes are not supported.",
    )


def not_answered(login: Login) -> HostError:
    """The login takes too long."""
    return HostError(
        f"{str(login)!r} does not answer the login within {login.timeout:g} s.",
        hint="The host, or the directory of users it asks, is overloaded or gone.",
    )
