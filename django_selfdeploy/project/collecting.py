"""collectstatic in a release: nothing is done twice, and what is hashed is what is served.

CSS, JavaScript and images are made smaller *before* Django collects them, so that the hash in a name, and every
reference in a style sheet, is that of the bytes that are served. When nothing that matters differs from the release
before, its files are taken over as hard links and Django is not asked at all.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.files.storage import FileSystemStorage, Storage
from django.core.management import call_command
from django.test.signals import setting_changed
from django.test.utils import override_settings

from .. import __version__
from .compressed import compress, methods
from .made import Made, link
from .smaller import Tool, smaller, tool_for, tools

RECORD = "static.json"
"""In a release's etc/: the key of what was collected, and the names below public/. In shared/: the key alone of
what was last sent to a storage elsewhere."""

MADE = "made"
"""Folder of a release: what was made of static files, by hash."""

SETTINGS = ("STATIC_URL", "STATICFILES_FINDERS", "INSTALLED_APPS", "FORCE_SCRIPT_NAME", "DEBUG")


@dataclass(frozen=True)
class Places:
    """`release` is the folder of the new release, `before` that of the last one, None for the first."""

    release: Path
    shared: Path
    before: Path | None

    @property
    def public(self) -> Path:
        return self.release / "public"


@dataclass(frozen=True)
class Found:
    """A static file as a finder knows it; `digest` is SHA-256 of its bytes."""

    storage: Storage
    path: str
    digest: str

    @property
    def file(self) -> Path | None:
        """Where it lies on this host, if it does."""
        return Path(self.storage.path(self.path)) if isinstance(self.storage, FileSystemStorage) else None


def collect(*, before: str = "", served: bool = False, static: Mapping[str, bool] | None = None) -> dict[str, Any]:
    """Collect the static files; `note` tells what was done.

    `before` is the folder of the last release. `served` says that the front server serves the files: only then
    are they made smaller and compressed, as `static`, the target's options, says.
    """
    if not apps.is_installed("django.contrib.staticfiles"):
        return {"note": "django.contrib.staticfiles is not installed"}
    release = Path(os.environ["SELFDEPLOY_PUBLIC"]).parent
    places = Places(release, Path(os.environ["SELFDEPLOY_SHARED"]), Path(before) if before else None)
    options = dict(static or {}) if served else {}
    known = tools(
        minify=options.get("minify", False),
        images=options.get("images", False),
        svg=options.get("svg", False),
        beside=str(Path(os.environ["SELFDEPLOY_PROJECT"], "node_modules", ".bin")),
    )
    by = methods(use_gzip=options.get("gzip", False), brotli=options.get("brotli", False))
    found = find()
    key = key_of(found, (known_tools(known), sorted(by)))
    if not isinstance(staticfiles_storage, FileSystemStorage):
        return _elsewhere(places, key, found)
    location = Path(staticfiles_storage.location)
    if places.public not in (location, *location.parents):
        return {"note": _collected()}
    if took := take_over(places, key):
        return {"note": f"{took} files, none changed"}
    made = Made(places.release / MADE, places.before / MADE if places.before else None)
    note = _collect_here(places, found, made, known)
    names = names_below(places.public)
    compress(places.public, names, made, by)
    _write(places.release / "etc" / RECORD, {"key": key, "files": names_below(places.public)})
    return {"note": f"{note}, {made.count} made smaller or compressed" if made.count else note}


def forget_manifest() -> None:
    """Let the storage read its manifest anew: it was read when it was first used, before anything was collected."""
    setting_changed.send(sender=None, setting="STORAGES", value=settings.STORAGES, enter=True)


def find() -> dict[str, Found]:
    """Every file that collectstatic would collect, by its name below STATIC_URL: the first finder's counts."""
    ignored = apps.get_app_config("staticfiles").ignore_patterns  # type: ignore[attr-defined]
    first: dict[str, tuple[str, Storage]] = {}
    for finder in finders.get_finders():
        for path, storage in finder.list(ignored):
            prefix = getattr(storage, "prefix", None)
            first.setdefault(os.path.join(prefix, path) if prefix else path, (path, storage))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        digests = pool.map(lambda one: _digest(*one), first.values())
        files = zip(first.items(), digests, strict=True)
        return {name: Found(storage, path, digest) for (name, (path, storage)), digest in files}


def _digest(path: str, storage: Storage) -> str:
    with storage.open(path) as file:
        return hashlib.sha256(file.read()).hexdigest()


def key_of(found: Mapping[str, Found], more: Any) -> str:
    """Equal for two collections that would give the same files: their sources, and everything that reads them."""
    about = {
        "files": sorted((name, one.digest) for name, one in found.items()),
        "settings": {name: getattr(settings, name, None) for name in SETTINGS},
        "storage": settings.STORAGES.get("staticfiles"),
        "code": sorted(_code_of(staticfiles_storage.__class__)),
        "versions": (django.get_version(), __version__, sys.version_info[:2]),
        "more": more,
    }
    return hashlib.sha256(json.dumps(about, default=str, sort_keys=True).encode()).hexdigest()


def known_tools(known: Mapping[str, Tool]) -> list[tuple[str, str, str]]:
    return sorted((ending, tool.name, tool.version) for ending, tool in known.items())


def _code_of(kind: type) -> Iterator[tuple[str, str]]:
    """The modules that define a storage: a project may have its own, and change it."""
    for each in kind.__mro__:
        if not each.__module__.startswith(("django.", "builtins")):
            path = inspect.getsourcefile(each)
            yield each.__qualname__, hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else ""


def take_over(places: Places, key: str) -> int:
    """The number of files of the last release that are this one's too now; 0 where they are to be collected."""
    if places.before is None:
        return 0
    kept = _read(places.before / "etc" / RECORD)
    if kept.get("key") != key or not kept.get("files"):
        return 0
    for folder in sorted({os.path.dirname(name) for name in kept["files"]}):
        (places.public / folder).mkdir(parents=True, exist_ok=True)
    for name in kept["files"]:
        if not link(places.before / "public" / name, places.public / name):
            shutil.rmtree(places.public)
            return 0
    (places.release / MADE).mkdir(exist_ok=True)
    for name in names_below(places.before / MADE):
        link(places.before / MADE / name, places.release / MADE / name)
    _write(places.release / "etc" / RECORD, kept)
    return len(kept["files"])


def _collect_here(places: Places, found: Mapping[str, Found], made: Made, known: Mapping[str, Tool]) -> str:
    small = _made_smaller(found, made, known)
    if not small:
        return _collected()
    with tempfile.TemporaryDirectory(prefix=".static-", dir=places.release) as folder:
        for name, one in found.items():
            _lay(Path(folder, name), small.get(name) or one.file, one)
        finder = "django.contrib.staticfiles.finders.FileSystemFinder"
        finders.get_finder.cache_clear()  # type: ignore[attr-defined]
        with override_settings(STATICFILES_DIRS=[folder], STATICFILES_FINDERS=[finder]):
            return _collected()


def _made_smaller(found: Mapping[str, Found], made: Made, known: Mapping[str, Tool]) -> dict[str, Path]:
    """The files to serve instead of those that a tool can make smaller, by name."""

    def of(name: str) -> Path | None:
        tool, file = tool_for(name, known), found[name].file
        if tool is None or file is None:
            return None
        used = hashlib.sha256(f"{tool.name} {tool.version}".encode()).hexdigest()[:16]
        return made.take(f"{found[name].digest}-{used}", lambda: smaller(tool, file))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return {name: path for name, path in zip(found, pool.map(of, found), strict=True) if path is not None}


def _lay(target: Path, file: Path | None, one: Found) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if file is not None:
        target.symlink_to(file)
        return
    with one.storage.open(one.path) as source:
        target.write_bytes(source.read())


def _elsewhere(places: Places, key: str, found: Mapping[str, Found]) -> dict[str, Any]:
    """Files in a storage that no release has of its own: what was sent last counts, whichever release sent it."""
    record = places.shared / RECORD
    if _read(record).get("key") == key:
        return {"note": f"{len(found)} files, none changed"}
    record.unlink(missing_ok=True)
    note = _collected()
    _write(record, {"key": key})
    return {"note": note}


def _collected() -> str:
    """Django's own last line, without the folder, which everybody knows."""
    told = _Counting()
    call_command("collectstatic", interactive=False, verbosity=1, skip_checks=True, stdout=told)
    return re.sub(r" static files? copied(?: to '[^']*')?", " files copied", told.last_line()).rstrip(".")


def names_below(folder: Path) -> list[str]:
    """The relative paths of all files below `folder`, sorted; none where there is no such folder."""
    return sorted(
        os.path.relpath(os.path.join(top, name), folder) for top, _, names in os.walk(folder) for name in names
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, value: dict[str, Any]) -> None:
    temporary = path.with_name(f".tmp-{path.name}")
    temporary.write_text(json.dumps(value), encoding="utf-8")
    temporary.replace(path)


class _Counting:
    """A stream that passes on what is written and remembers the last line."""

    def __init__(self) -> None:
        self._last = ""

    def write(self, text: str) -> None:
        sys.stdout.write(text)
        self._last = text.strip() or self._last

    def flush(self) -> None:
        sys.stdout.flush()

    def isatty(self) -> bool:
        return False

    def last_line(self) -> str:
        return self._last.splitlines()[-1] if self._last else ""
