"""How one host is logged in to: the address, the SSH options of the target, and what ~/.ssh/config adds to them."""

from __future__ import annotations

import getpass
import glob
import os
import re
from dataclasses import dataclass

import paramiko
from paramiko.ssh_exception import ConfigParseError, CouldNotCanonicalize

from ..core.errors import ConfigError
from .address import Address, parsed
from .options import Ssh

DEEPEST = 16
"""Levels of Include, as in ssh_config(5)."""

DEFAULT_KEYS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")
"""Which keys are tried where none is named; those of ssh_config(5) that are still good."""

DEFAULT_KNOWN = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")


@dataclass(frozen=True)
class Login:
    """Everything that is needed to log in. `identities` are paths; with `named` the user has named them, with
    `only` nothing else is offered. `jumps` are the hosts in between, the first one first; `proxy` is a command to
    talk through instead. `known` are files of host keys, of which the first is the user's own.
    """

    address: Address
    host: str
    port: int
    user: str
    identities: tuple[str, ...]
    named: bool
    only: bool
    jumps: tuple[Address, ...]
    proxy: str
    alias: str
    known: tuple[str, ...]
    agent: str
    timeout: float

    @property
    def place(self) -> str:
        """The name under which its key is known (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT")."""
        if self.alias:
            return self.alias
        return self.host.lower() if self.port == 22 else f"[{self.host.lower()}]:{self.port}"

    def __str__(self) -> str:
        """As it is named in messages: as the user wrote it."""
        return str(self.address)


def login(address: Address, ssh: Ssh) -> Login:
    """How to log in to `address`. Raises ConfigError for an ~/.ssh/config that cannot be read or understood."""
    found = _looked_up(address, ssh)
    named = (ssh.identity_file,) if ssh.identity_file else _identities(found)
    proxy = found.get("proxycommand") or ""
    jump = str(found.get("proxyjump") or "none")
    known = (ssh.known_hosts,) if ssh.known_hosts else _words(found, "userknownhostsfile") or DEFAULT_KNOWN[:1]
    return Login(
        address=address,
        host=str(found["hostname"]),
        port=address.port or _number(found, "port", ssh, 22),
        user=address.user or str(found.get("user") or getpass.getuser()),
        identities=tuple(map(os.path.expanduser, named or DEFAULT_KEYS)),
        named=bool(named),
        only=bool(ssh.identity_file) or found.get("identitiesonly", "no").lower() == "yes",
        jumps=() if jump.lower() == "none" or proxy else _jumps(jump, ssh),
        proxy="" if proxy.lower() == "none" else proxy,
        alias=str(found.get("hostkeyalias") or ""),
        known=tuple(map(os.path.expanduser, known if ssh.known_hosts else (*known, *DEFAULT_KNOWN[1:]))),
        agent=str(found.get("identityagent") or ""),
        timeout=float(_number(found, "connecttimeout", ssh, 0) or ssh.connect_timeout),
    )


def _looked_up(address: Address, ssh: Ssh) -> paramiko.SSHConfigDict:
    """What applies to the address. A user and a port that it has itself stand first, for %r and %p."""
    own = "".join(f"{key} {value}\n" for key, value in (("User", address.user), ("Port", address.port)) if value)
    text = own + _text(os.path.expanduser(ssh.config), must=ssh.config != Ssh().config)
    try:
        return paramiko.SSHConfig.from_text(text).lookup(address.host)
    except (ConfigParseError, CouldNotCanonicalize, ValueError, KeyError, ImportError) as error:
        raise ConfigError(
            f"{ssh.config!r} cannot be understood: {error}.",
            hint=f"See what `ssh -F {ssh.config} -G {address.host}` says, or name another file in SSH, CONFIG.",
        ) from error


def _jumps(text: str, ssh: Ssh) -> tuple[Address, ...]:
    try:
        return tuple(parsed(part.strip().removeprefix("ssh://").rstrip("/")) for part in text.split(","))
    except ConfigError as error:
        raise ConfigError(f"ProxyJump in {ssh.config!r}: {error.message}", hint=error.hint) from error


def _identities(found: paramiko.SSHConfigDict) -> tuple[str, ...]:
    return tuple(path for path in found.get("identityfile", ()) if path.lower() != "none")


def _words(found: paramiko.SSHConfigDict, key: str) -> tuple[str, ...]:
    words = tuple(word.strip('"') for word in str(found.get(key) or "").split())
    return ("/dev/null",) if words == ("none",) else words


def _number(found: paramiko.SSHConfigDict, key: str, ssh: Ssh, default: int) -> int:
    value = str(found.get(key, default))
    if value.lower() == "none":
        return default
    if not value.isdigit() or int(value) > 65535:
        raise ConfigError(f"{value!r} in {ssh.config!r} is no number for {key}.", hint="Mend that line.")
    return int(value)


# the file, with what it includes


def _text(path: str, *, must: bool) -> str:
    if not must and not os.path.exists(path):
        return ""
    return "\n".join(_lines(path, os.path.dirname(path), 0)[0])


def _lines(path: str, home: str, depth: int) -> tuple[list[str], bool]:
    """The lines of the file, and whether it has sections. paramiko knows no Include; after one the section goes on
    in which it stands.
    """
    if depth > DEEPEST:
        raise ConfigError(f"{path!r} includes itself.", hint="Remove one of the Include lines.")
    lines, section = [], "Host *"
    for line in _read(path).splitlines():
        key, _, rest = re.sub(r"^\s*(\w+)\s*[=\s]\s*", r"\1 ", line).partition(" ")
        if key.lower() in ("host", "match"):
            section = line
        if key.lower() != "include":
            lines.append(line)
            continue
        for found in _included(rest, home):
            inner, sections = _lines(found, home, depth + 1)
            if sections and section != "Host *":
                raise ConfigError(
                    f"{path!r} includes {found!r} inside of {section.strip()!r}, and that has sections of its own.",
                    hint="Move the Include to the top of the file.",
                )
            lines += [*inner, section] if sections else inner
    return lines, any(re.match(r"\s*(host|match)\b", line, re.IGNORECASE) for line in lines)


def _included(words: str, home: str) -> list[str]:
    """The files that an Include line names (ssh_config(5)): relative to the folder of the user's configuration."""
    found = []
    for word in words.split():
        pattern = os.path.join(home, os.path.expanduser(word.strip('"')))
        found += sorted(path for path in glob.glob(pattern) if os.path.isfile(path))
    return found


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError as error:
        raise ConfigError(f"{path!r} cannot be read: {error.strerror}.", hint="Mend its permissions.") from error
