"""Everything a step decides from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from .conf import Target
from .core import recovery
from .core.agent import ANSWERS, AgentSpec
from .core.layout import Layout
from .core.release import Release
from .core.secret import Secret
from .core.state import HostState
from .project.facts import ProjectFacts
from .requirements import Requirements
from .source import Source


@dataclass(frozen=True)
class Context:
    """What is known when a plan is made. `facts` is None until the release was looked at.

    `variables` is the text of the target's environment file, None where the controller has none. `requirements`
    is None for a release that is made again from one on the host. `base` is a folder with an older source. `accept`
    holds ids of checks that the command overrules, besides those of the target. `host` is the name of the host in the
    settings, "" for this machine; the one that `leads` does what is done once for all.
    """

    target: Target
    layout: Layout
    state: HostState
    source: Source
    requirements: Requirements | None
    env_key: str
    release: str
    python: str
    uv: str
    variables: Secret | None
    base: str = ""
    host: str = ""
    leads: bool = True
    skip_tests: bool = False
    accept: tuple[str, ...] = ()
    created: str = ""
    fingerprint: str = ""
    facts: ProjectFacts | None = None

    @property
    def previous(self) -> Release | None:
        """The release that is live before this one; of an interrupted run the one that recovery settles on."""
        return recovery.settled(self.state)

    @property
    def folder(self) -> str:
        """The new release's folder."""
        return self.layout.release(self.release)

    @property
    def code(self) -> str:
        """The source in the new release: a folder of its own, so that nothing generated clashes with it."""
        return f"{self.folder}/source"

    @property
    def project(self) -> str:
        """The folder of manage.py in the new release."""
        return str(PurePosixPath(self.code, self.source.project))

    @property
    def etc(self) -> str:
        return f"{self.folder}/etc"

    @property
    def public(self) -> str:
        """Static files of the new release, below the path of their URL."""
        return f"{self.folder}/public"

    @property
    def env(self) -> str:
        return self.layout.env(self.env_key)

    @property
    def env_exists(self) -> bool:
        return self.env_key in self.state.envs

    @property
    def uv_from_tools(self) -> bool:
        """Whether uv is that of the root's own tools, since the host has no other."""
        return bool(self.uv) and self.uv == self.layout.uv

    @property
    def has_uv(self) -> bool:
        return self.uv in self.state.programs.values()

    @property
    def known_facts(self) -> ProjectFacts:
        """The facts. Only steps of the second plan may ask for them."""
        assert self.facts is not None, "the release was not looked at yet"
        return self.facts

    def launched(self, *words: str) -> tuple[str, ...]:
        """A command of the release: in its virtualenv, with its variables."""
        return (f"{self.env}/bin/python", "-m", "django_selfdeploy.launch", self.folder, *words)

    @property
    def agent(self) -> AgentSpec:
        """The Django process of the new release."""
        return AgentSpec(self.launched("python", "manage.py", "selfdeploy_agent", ANSWERS), self.folder)

    @property
    def accepted(self) -> tuple[str, ...]:
        """Ids of checks whose messages stop nothing."""
        return tuple(dict.fromkeys((*self.target.accept, *self.accept)))

    @property
    def app(self) -> str:
        return self.target.name
