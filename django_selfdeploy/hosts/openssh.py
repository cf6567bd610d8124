"""The words that start OpenSSH's own client, for a person at a terminal: a login as our own connections make it."""

from __future__ import annotations

import math
import os
import shlex

from .address import parsed
from .options import Ssh


def words(address: str, ssh: Ssh, *, command: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The command line of ssh(1) for `address`; with `command` that is run there, on a terminal, instead of a shell."""
    to = parsed(address)
    options: list[str] = []
    if ssh.config != Ssh().config:
        options += ["-F", os.path.expanduser(ssh.config)]
    if ssh.known_hosts:
        options += ["-o", f"UserKnownHostsFile={os.path.expanduser(ssh.known_hosts)}"]
    if ssh.identity_file:
        options += ["-i", os.path.expanduser(ssh.identity_file), "-o", "IdentitiesOnly=yes"]
    if to.port:
        options += ["-p", str(to.port)]
    if to.user:
        options += ["-l", to.user]
    options += ["-o", f"ConnectTimeout={math.ceil(ssh.connect_timeout)}"]
    there = ("-t", "--", to.host, shlex.join(command)) if command else ("--", to.host)
    return ("ssh", "-a", *options, *there)
