"""What is asked for: a project, a target, options; and what came of it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from .conf import Target
from .core import machine
from .core.layout import Layout


@dataclass(frozen=True)
class Options:
    """What a deployment was asked for besides its target. `lock_wait` is in seconds; `window_key` closes
    the site meanwhile and is what staff get in with, "" leaves it open; `judged` are kinds of migrations by patterns
    of their names. `began` is the moment on time.monotonic()'s clock at which the user gave the command.
    """

    commit: str = ""
    allow_dirty: bool = False
    skip_tests: bool = False
    force: bool = False
    lock_wait: float = 0.0
    wait: bool = True
    window_key: str = ""
    judged: tuple[tuple[str, str], ...] = ()
    began: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Outcome:
    """What came of it: `status` is "succeeded" or "unchanged"; `release` is what is live now."""

    status: str
    deployment: str
    release: str
    url: str


@dataclass(frozen=True)
class Project:
    """The project on this machine: `folder` is that of manage.py.

    `hosts` are names of those of the target's hosts that are asked for, none for all; `accept_new_host_key` lets
    a host be trusted whose key is not known yet.
    """

    folder: Path
    target: Target
    hosts: tuple[str, ...] = ()
    accept_new_host_key: bool = False

    @property
    def layout(self) -> Layout:
        return Layout(root_of(self.target))


def root_of(target: Target) -> str:
    """The root on this machine: as set, else where this machine has a site of that name."""
    return os.path.normpath(target.root) if target.root else machine.root_of(target.name)
