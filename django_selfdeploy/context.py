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
from .places import processes_on
from .process_options import Process
from .project.consistency.surroundings import Surroundings
from .project.env_changes import Changes, changes
from .project.env_text import parsed
from .project.facts import ProjectFacts
from .project.safety.schedule import Schedule, schedule
from .requirements import Requirements
from .source import Source


@dataclass(frozen=True)
class Context:
    """What is known when a plan is made. `facts` is None until the release was looked at.

    `variables` is the text of the target's environment file, None where the controller has none. `requirements`
    is None for a release that is made again from one on the host. `base` is a folder with an older source. `host` is
    the name of the host in the settings, "" for this machine; the one that `leads` does what is done once for all.
    `accept`, `window_key` and `judged` are those of the options; `others_run` says that older code runs on another
    host; `left_out` are hosts of the target that this deployment does not touch. `around` is what the settings of the
    release are compared with.
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
    window_key: str = ""
    judged: tuple[tuple[str, str], ...] = ()
    others_run: bool = False
    around: Surroundings = Surroundings()
    left_out: tuple[str, ...] = ()

    @property
    def processes(self) -> dict[str, Process]:
        """The processes besides the web server that run on this host, those that were found among them."""
        return processes_on(self.target, self.host, self.known_facts.workers)

    @property
    def previous(self) -> Release | None:
        """The release that is live before this one; of an interrupted run the one that recovery settles on."""
        return recovery.settled(self.state)

    @property
    def is_closed(self) -> bool:
        """Whether the site is closed meanwhile: asked for, and there is one."""
        return bool(self.window_key) and self.previous is not None

    @property
    def overrules(self) -> dict[str, str]:
        """Kinds of migrations by patterns of their names, those of the options last."""
        return {**self.target.migrations, **dict(self.judged)}

    @property
    def schedule(self) -> Schedule:
        """Which of the pending migrations come before the switch, and which after it."""
        running = self.previous is not None or self.others_run
        return schedule(self.known_facts.pending, overrules=self.overrules, window=self.is_closed, running=running)

    @property
    def changed_variables(self) -> Changes:
        """What is not as in the live release; nothing where none is live, or its variables were not asked for."""
        state = self.state
        if state.live_variables is None:
            return Changes()
        after = self.variables or state.kept_variables or Secret("")
        return changes(parsed(state.live_variables.reveal()), parsed(after.reveal()))

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
