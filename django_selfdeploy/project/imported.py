"""Which of the installed packages a project uses: by its imports, and by what its settings name."""

from __future__ import annotations

import ast
import importlib.metadata
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..requirements import OWN, canonical, frozen, own_requirement
from . import own_files
from .adjustment import Values

NEEDED: dict[str, tuple[str, ...]] = {
    "django.db.backends.postgresql": ("psycopg", "psycopg_binary", "psycopg_c", "psycopg2"),
    "django.contrib.gis.db.backends.postgis": ("psycopg", "psycopg_binary", "psycopg_c", "psycopg2"),
    "django.db.backends.mysql": ("MySQLdb", "pymysql"),
    "django.db.backends.oracle": ("oracledb",),
    "django.core.cache.backends.redis.RedisCache": ("redis",),
    "django.core.cache.backends.memcached.PyMemcacheCache": ("pymemcache",),
    "django.core.cache.backends.memcached.PyLibMCCache": ("pylibmc",),
    "django.contrib.auth.hashers.Argon2PasswordHasher": ("argon2",),
    "django.contrib.auth.hashers.BCryptSHA256PasswordHasher": ("bcrypt",),
}
"""Modules that Django imports only where a setting names the key (its own documentation of each)."""

_dotted = re.compile(r"[A-Za-z_]\w*(\.\w+)+\Z")


def requirements(folder: Path, live: Values) -> tuple[str, ...]:
    """A line for each package that the project in `folder` uses: at least the version that is installed here.

    One that did not come from an index is named with its place. This package, where it came from none, is left
    out: a deployment installs it as it was installed here.
    """
    wanted = {"django", "environ", "django_selfdeploy", *_imports(folder), *_named(live)}
    wanted -= {item.name.removesuffix(".py") for item in folder.iterdir()}
    installed = importlib.metadata.packages_distributions()
    names = {canonical(name) for module in wanted for name in installed.get(module, ())}
    pins = {_name(pin): pin for pin in frozen()} | {OWN: own_requirement()}
    if "==" not in pins[OWN]:
        names.discard(OWN)
    return tuple(_bounded(pins[name]) for name in sorted(names & set(pins)))


def _bounded(pin: str) -> str:
    """Django's feature releases take things away, so only the next patch of it is as good as the one here."""
    name, _, version = pin.partition("==")
    if canonical(name) != "django":
        return pin.replace("==", ">=", 1)
    return f"{name}~={version}" if version.count(".") > 1 else f"{name}~={version}.0"


def _name(pin: str) -> str:
    return canonical(re.split(r" @ |==", pin)[0])


def _imports(folder: Path) -> Iterator[str]:
    """The top-level names of the modules that the files below `folder` import, and PIL for an ImageField."""
    for path in own_files.files(folder):
        if path.suffix != ".py":
            continue
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, OSError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                yield str(node.module).partition(".")[0]
            elif isinstance(node, ast.Attribute) and node.attr == "ImageField":
                yield "PIL"


def _named(live: Values) -> Iterator[str]:
    for text in (*live.get("INSTALLED_APPS", ()), *filter(_dotted.match, _texts(live))):
        yield str(text).partition(".")[0]
        yield from NEEDED.get(str(text), ())


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
