"""Made-up targets, hosts, sources and releases: a test names only what it is about.

The standard example is the site "mysite" in /srv/mysite, whose release NEW follows the release OLD.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from django_selfdeploy import conf
from django_selfdeploy.context import Context
from django_selfdeploy.core import codec
from django_selfdeploy.core.layout import Layout
from django_selfdeploy.core.manifest import FILE, LINK, Entry, blob_id
from django_selfdeploy.core.plan import Plan
from django_selfdeploy.core.release import Control, Front, ProbeSpec, Program, Release
from django_selfdeploy.core.secret import Secret
from django_selfdeploy.core.state import HostState, Known
from django_selfdeploy.core.supervisor import Process
from django_selfdeploy.hosts.nowhere import nothing_there
from django_selfdeploy.project.facts import Pending, ProjectFacts
from django_selfdeploy.requirements import Requirements
from django_selfdeploy.source import Source
from django_selfdeploy.steps import activate

ROOT = "/srv/mysite"
LAYOUT = Layout(ROOT)
OLDER, OLD, NEW = "20261120-080000-0a0a0a0a", "20261121-090000-2b2b2b2b", "20261122-101112-1c1c1c1c"

FILES = {"manage.py": "import django\n", "mysite/settings.py": "DEBUG = False\n", "requirements.txt": "django\n"}


def entry(path: str, text: str = "", *, mode: int = FILE) -> Entry:
    return Entry(path, blob_id(text.encode()), mode, len(text.encode()))


@dataclass(frozen=True)
class MadeSource(Source):
    """A source whose files are in memory."""

    texts: tuple[tuple[str, str], ...] = ()

    def read(self, blobs: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        known = {blob_id(text.encode()): text.encode() for _, text in self.texts}
        return ((blob, known[blob]) for blob in blobs)


def source(files: dict[str, str] = FILES, *, links: dict[str, str] | None = None, **changes: Any) -> MadeSource:
    """A clean commit with these files."""
    links = links or {}
    entries = [entry(path, text) for path, text in files.items()]
    entries += [entry(path, to, mode=LINK) for path, to in links.items()]
    about = {
        "kind": "git",
        "commit": "1c1c1c1c" * 5,
        "dirty": False,
        "subject": "Welcome the visitor",
        "project": "",
        "entries": tuple(sorted(entries, key=lambda one: one.path)),
        "left_out": (),
        "texts": (*files.items(), *links.items()),
    }
    return MadeSource(**{**about, **changes})


def target(alias: str = "default", **settings: Any) -> conf.Target:
    """The target that these settings, in upper case, make."""
    options = {"ROOT": ROOT, **settings}
    return conf.load(alias, {alias: options}, settings_module="mysite.settings")


def facts(**changes: Any) -> ProjectFacts:
    """A project with static files, an admin and one pending migration."""
    about = {
        "application": "mysite.wsgi:application",
        "allowed_hosts": ("localhost", "127.0.0.1", "[::1]"),
        "prepend_www": False,
        "ssl_redirect": False,
        "static_url": "/static/",
        "serves_static": True,
        "media_url": "/media/",
        "media_root": f"{ROOT}/shared/media",
        "serves_media": True,
        "probe_path": "/",
        "messages": (),
        "pending": (Pending("default", "pages", "0001_initial", ("Create model Page",), True),),
        "databases": {"default": "sqlite"},
        "versions": {"python": "3.12.1", "django": "5.2.1"},
        "test_runner": "",
        "own_databases": ("default",),
    }
    return ProjectFacts(**{**about, **changes})


def requirements(**changes: Any) -> Requirements:
    about = {
        "kind": "requirements",
        "files": ("requirements.txt",),
        "install_from": ("requirements.txt",),
        "lines": ("django-selfdeploy==1.0",),
        "digest": "d" * 64,
    }
    return Requirements(**{**about, **changes})


def host_state(**changes: Any) -> HostState:
    """A host with nothing on it but nginx."""
    return replace(nothing_there(ROOT), **changes)


def context(*, settings: dict[str, Any] | None = None, alias: str = "default", **changes: Any) -> Context:
    """The deployment of NEW by a target with these settings, on an empty host unless `state` says otherwise."""
    about = {
        "target": target(alias, **(settings or {})),
        "layout": LAYOUT,
        "state": host_state(),
        "source": source(),
        "requirements": requirements(),
        "env_key": "e" * 16,
        "release": NEW,
        "python": "/usr/bin/python3",
        "uv": "/usr/bin/uv",
        "variables": Secret("SECRET_KEY=not-for-the-plan\n"),
        "created": "2026-11-22T10:11:12Z",
        "fingerprint": "f" * 32,
        "facts": facts(),
    }
    return Context(**{**about, **changes})


def release(identity: str = OLD, **changes: Any) -> Release:
    """A release as the standard example's steps record it."""
    made = activate.release(context(release=identity))
    return replace(made, **changes)


def small_release(identity: str = OLD, *, root: str = ROOT, **changes: Any) -> Release:
    """A release with one program and short waits, independent of any backend."""
    layout = Layout(root)
    about = {
        "app": "mysite",
        "id": identity,
        "created": "2026-11-22T10:11:12Z",
        "commit": "",
        "subject": "",
        "env": "e" * 16,
        "project": "",
        "programs": (Program("web", f"mysite-{identity}-web", True, 1.0),),
        "probe": ProbeSpec("/", "localhost", seconds=1.0),
        "front": Front("127.0.0.1:9", "m" * 16, "mysite.selfdeploy.invalid", True, "mysite-front", ""),
        "control": Control(layout.control, layout.programs, own=True),
        "url": "http://localhost:8000/",
        "fingerprint": "f" * 32,
        "drain_seconds": 0.05,
        "watch_seconds": 0.02,
    }
    return Release(**{**about, **changes})


def known(*releases: Release, bad: dict[str, str] | None = None) -> tuple[Known, ...]:
    """Folders of complete releases, as a look finds them."""
    return tuple(Known(one.id, one, (bad or {}).get(one.id, "")) for one in releases)


def process(group: str, state: str = "RUNNING", **changes: Any) -> Process:
    pid = 4711 if state in ("RUNNING", "STARTING") else 0
    return replace(Process(group, group, state, pid, float(pid), "", ""), **changes)


def running(*releases: Release) -> tuple[Process, ...]:
    """What a supervisord shows that runs everything of these releases."""
    return tuple(process(group) for one in releases for group in one.groups)


def deployed(*releases: Release, current: str = "", **changes: Any) -> HostState:
    """A host in order on which the last of `releases`, or `current`, is live."""
    live = next(one for one in releases if one.id == (current or releases[-1].id))
    about = {
        "exists": True,
        "current": live.id,
        "releases": known(*releases),
        "live_answers": True,
        "processes": running(live),
        "envs": (live.env,),
        "tools": True,
        "variables": True,
        "boot_installed": True,
    }
    return host_state(**{**about, **changes})


def as_text(plan: Plan) -> str:
    """A plan as JSON that people can compare: of texts the number of lines and a hash."""
    return json.dumps(_readable(json.loads(codec.dumps(plan))), indent=1, ensure_ascii=False) + "\n"


def _readable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _readable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_readable(item) for item in value]
    if isinstance(value, str) and value.count("\n") > 1:
        return f"{value.count(chr(10))} lines, sha256 {hashlib.sha256(value.encode()).hexdigest()[:16]}"
    return value
