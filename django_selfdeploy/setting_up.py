"""Preparing the hosts of a target, as root: what `deploy_setup` does."""

from __future__ import annotations

import base64
import getpass
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from .conf import Target
from .core.actions.prepare import CHANGED
from .core.errors import ConfigError
from .core.layout import Layout
from .core.plan import Plan
from .core.setup_script import script_of
from .hosts.address import Address, parsed
from .hosts.base import Listener
from .hosts.news import Planned
from .inventory import Host
from .options import Project
from .preparation import target_on
from .reaching import THIS_MACHINE, chosen, connected
from .steps.setup import Preparation, setup_plan

USER = re.compile(r"[a-z_][a-z0-9_.-]{0,31}\Z")
"""useradd(8); capitals would be an alias in sudoers(5)."""

KEY = re.compile(r"(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp\d+|sk-[a-z0-9@.-]+) [A-Za-z0-9+/]+={0,3}(?: [ -~]*)?\Z")
"""A line of authorized_keys without options (sshd(8)), and without anything that is more than one line."""


@dataclass(frozen=True)
class Setup:
    """What was asked for: `login` is who logs in, "" for root, or with `sudo` for whom the target names. `keys` are
    files of public keys; `user` deploys where the target names no hosts.
    """

    login: str = ""
    sudo: bool = False
    keys: tuple[str, ...] = ()
    user: str = ""
    firewall: bool = False


def can_prepare(project: Project) -> bool:
    """Whether we can be root there: on other hosts the login decides, on this machine only root can."""
    return bool(project.target.hosts) or os.geteuid() == 0


def plans(project: Project, asked: Setup) -> dict[str, Plan]:
    """The plan of each host by its name. Raises ConfigError for what cannot be prepared."""
    target = project.target
    if not target.hosts:
        return {THIS_MACHINE: setup_plan(_preparation(target, asked.user or _caller(), asked, _named_keys(asked)))}
    return {host.name: setup_plan(_preparation_of(target, host, asked)) for host in chosen(project)}


def scripts(project: Project, asked: Setup) -> dict[str, str]:
    """The same as scripts for an administrator; hosts with the same plan have the same."""
    return {name: script_of(plan) for name, plan in plans(project, asked).items()}


def examine(project: Project, asked: Setup) -> dict[str, Plan]:
    """Of each host's plan the steps that would change something. Nothing is changed."""
    wanted = plans(project, asked)
    with connected(_as_administrator(project, asked), become=asked.sudo) as fleet:
        done = fleet.each(lambda name, connection: connection.examine(wanted[name]))
    return {
        name: plan.with_steps(tuple(step for step, there in zip(plan.steps, done[name], strict=True) if not there))
        for name, plan in wanted.items()
    }


def prepare(project: Project, asked: Setup, listeners: tuple[Listener, ...]) -> dict[str, tuple[str, ...]]:
    """Prepare the hosts; by name, what was changed. Raises a DeployError; what was done until then stays."""
    wanted = plans(project, asked)
    with connected(_as_administrator(project, asked), become=asked.sudo) as fleet:
        fleet.listeners += listeners
        if fleet.several:
            fleet.tell(_announced(wanted))
        answers = fleet.each(lambda name, connection: connection.prepare(wanted[name]))
    return {name: tuple(found.get(CHANGED, ())) for name, found in answers.items()}


def _announced(wanted: Mapping[str, Plan]) -> Planned:
    order: dict[str, list[str]] = {}
    for name, plan in wanted.items():
        for step in plan.steps:
            order.setdefault(step.name, []).append(name)
    return Planned(tuple((step, tuple(names)) for step, names in order.items()))


def _as_administrator(project: Project, asked: Setup) -> Project:
    """The project with hosts where somebody else logs in. The runner is kept in that login's home: whoever owns the
    root must not be able to lay a file there that root then runs.
    """
    hosts = tuple(replace(host, address=_address(host, asked)) for host in project.target.hosts)
    return replace(project, target=replace(project.target, hosts=hosts, root="", python=""))


def _address(host: Host, asked: Setup) -> str:
    address = parsed(host.address)
    login = asked.login or (address.user if asked.sudo else "root")
    changed = str(Address(address.host, login))
    if address.port:
        bare = changed if ":" not in changed or "[" in changed else f"[{changed}]"
        return f"{bare}:{address.port}"
    return changed


def _preparation_of(target: Target, host: Host, asked: Setup) -> Preparation:
    from .hosts.ssh_config import login  # paramiko takes 0.1 s to import

    way = login(parsed(host.address), target.ssh)
    keys = _named_keys(asked) or _usual_keys(way.identities)
    if not keys and way.user != "root":
        raise ConfigError(
            f"There is no public key beside {', '.join(way.identities)}, so nobody could log in as {way.user!r}.",
            hint="Name the file with `--key FILE.pub`; `ssh-add -L` prints what an agent holds.",
        )
    return _preparation(target_on(target, host.name), way.user, asked, keys)


def _preparation(target: Target, user: str, asked: Setup, keys: tuple[str, ...]) -> Preparation:
    if not USER.match(user):
        raise ConfigError(
            f"The user {user!r} cannot be made.", hint="Use small letters, digits, dots, - and _, at most 32."
        )
    root = os.path.normpath(target.root) if target.root else f"/srv/{target.name}"
    return Preparation(target, Layout(root), user, keys, asked.firewall)


def _caller() -> str:
    """Who deploys on this machine: whoever called sudo, else the one who works here."""
    return os.environ.get("SUDO_USER") or getpass.getuser()


def _usual_keys(identities: tuple[str, ...]) -> tuple[str, ...]:
    """The public halves of the private keys that are offered, where they lie beside them."""
    beside = (Path(f"{path}.pub") for path in identities)
    return tuple(key for path in beside if path.is_file() for key in _keys(path))


def _named_keys(asked: Setup) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for name in asked.keys for key in _keys(Path(name).expanduser())))


def _keys(path: Path) -> tuple[str, ...]:
    """The public keys of a file. Raises ConfigError for anything else, which is not shown: it may be a private key."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="ascii").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{str(path)!r} cannot be read as a public key.", hint="Name a file FILE.pub.") from error
    keys = tuple(line for line in lines if line and not line.startswith("#"))
    if not keys or not all(map(_is_key, keys)):
        raise ConfigError(f"{str(path)!r} holds something else than public keys.", hint="Name a file FILE.pub.")
    return keys


def _is_key(line: str) -> bool:
    """Whether it is one, and the number is of the kind that stands before it (RFC 4253, 6.6)."""
    if not KEY.match(line):
        return False
    kind, number = line.split()[:2]
    try:
        return base64.b64decode(number, validate=True)[4 : 4 + len(kind)] == kind.encode()
    except ValueError:
        return False
