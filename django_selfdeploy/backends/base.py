"""The contracts of the parts of a target: application server, front server, process manager.

A part is a frozen dataclass whose fields are its OPTIONS in settings.SELFDEPLOY; each field's metadata holds its
documentation, from which the reference is generated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..core.actions.accounts import MakeGroup
from ..core.actions.packages import Package
from ..core.actions.system import EnableUnit, PlaceFile, RunService

if TYPE_CHECKING:
    from ..conf import Target
    from ..context import Context
    from ..core.layout import Layout
    from ..core.release import Control, Front, Program


def option(default: Any, doc: str) -> Any:
    """A field that is an option: its default and what the reference says of it."""
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata={"doc": doc})
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True)
class Needs:
    """What root gives to a host once, so that a part works there without root.

    `port` is one that the user who deploys listens on; `sudo` are the commands, each a program's whole path with
    all its arguments, that this user may run as root.
    """

    packages: tuple[Package, ...] = ()
    groups: tuple[MakeGroup, ...] = ()
    services: tuple[RunService, ...] = ()
    files: tuple[PlaceFile, ...] = ()
    units: tuple[EnableUnit, ...] = ()
    sudo: tuple[tuple[str, ...], ...] = ()
    port: int = 0


@dataclass(frozen=True)
class Part:
    """`name` is the short name of the part in settings."""

    name = ""

    def needs(self, target: Target, layout: Layout, user: str) -> Needs:
        """What a host needs for it, where `user` deploys. Raises ConfigError for what that user cannot have."""
        return Needs()

    def problems(self) -> tuple[str, ...]:
        """Sentences about options that cannot be; none when all is well."""
        return ()


@dataclass(frozen=True)
class AppServer(Part):
    """What speaks HTTP for the project on the release's own socket."""

    distribution = ""
    """The package that must be installed in the release's virtualenv."""

    def command(self, context: Context) -> tuple[str, ...]:
        """The words that start it."""
        raise NotImplementedError

    def check(self, context: Context) -> tuple[str, ...]:
        """The words of its own check; the first is a Python module, run in the release's Django process."""
        raise NotImplementedError

    def files(self, context: Context) -> dict[str, str]:
        """Its files in the release's etc/ folder: text by name."""
        raise NotImplementedError

    def stop_seconds(self) -> float:
        """How long it may take to stop after TERM."""
        raise NotImplementedError

    def concurrency(self) -> tuple[int, int]:
        """How many worker processes it has, and how many requests each of them answers at a time."""
        return (1, 1)


@dataclass(frozen=True)
class FrontServer(Part):
    """What the visitors' connections reach, and what serves static files and media."""

    serves = True
    """Whether visitors reach the host through it."""

    program = ""
    """The executable that must be on the host."""

    @property
    def own(self) -> bool:
        """Whether it is a process of this site alone, on a port of its own."""
        raise NotImplementedError

    def files(self, context: Context) -> dict[str, str]:
        """Its files in the release's etc/ folder."""
        raise NotImplementedError

    def check(self, context: Context, executable: str) -> tuple[str, ...]:
        """The words of its own check of the files in the release, before anything is touched."""
        raise NotImplementedError

    def front(self, context: Context) -> Front:
        """How the runner reaches it and sees which configuration it has loaded."""
        raise NotImplementedError

    def encodings(self, context: Context) -> tuple[str, ...]:
        """The encodings ("gzip", "brotli") in which it sends the compressed siblings of static files."""
        raise NotImplementedError

    def helper(self, app: str) -> str:
        """The program that `deploy_setup` installs for users who are not root; "" where they need none."""
        return ""

    def needs_helper(self, context: Context) -> bool:
        """Whether this deployment cannot do without it."""
        return False

    def socket_group(self, context: Context) -> str:
        """The group that may connect to the release's socket besides the user; "" for the user's own."""
        return ""

    def program_conf(self, context: Context, executable: str) -> str:
        """Its program for our own supervisord; "" where the machine's own front server is used."""
        raise NotImplementedError


@dataclass(frozen=True)
class ProcessManager(Part):
    """What starts the processes and keeps them running."""

    def control(self, layout: Layout) -> Control:
        """How the runner reaches it, on a host with this layout."""
        raise NotImplementedError

    def files(self, context: Context, programs: tuple[Program, ...]) -> dict[str, str]:
        """The release's programs, as files in its etc/ folder."""
        raise NotImplementedError

    def root_files(self, context: Context) -> dict[str, str]:
        """Files of the root's own etc/ folder."""
        raise NotImplementedError
