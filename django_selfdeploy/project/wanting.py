"""What the environment of a target has that the settings do not want, and the other way round, as messages."""

from __future__ import annotations

import difflib
import logging
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import environ
from django.conf import settings

from . import own_files
from .contract import DEFAULT, FILE, HIDDEN, Contract, Variable, names_of
from .env_text import parsed
from .facts import Message

NEITHER, UNUSED, NEW, DANGLING = "selfdeploy.W051", "selfdeploy.W052", "selfdeploy.I053", "selfdeploy.W054"

FALSE = ("false", "off", "no", "n", "f", "t", "none", "null", "")
"""What people write for False; what environ.Env.BOOLEAN_TRUE_STRINGS has is True, and a number is what it is."""

ALIKE = 0.8
"""How alike two names are, as difflib counts, for one to be a slip of the pen for the other."""

BY_OTHERS = re.compile(
    r"PATH|\w+_PATH|HOME|USER|LOGNAME|SHELL|PWD|TZ|LANG|LANGUAGE|LC_\w+|TMPDIR|TERM|EDITOR|XDG_\w+|LD_\w+"
    r"|PYTHON\w+|VIRTUAL_ENV|PIP_\w+|UV_\w+|NODE_\w+|NPM_\w+|COMPOSE_\w+|DOCKER_\w+|GIT_\w+"
    r"|SELFDEPLOY_\w+|DATABASE_ADMIN_URL\w*|\w+_DATABASE_ADMIN_URL|DJANGO_(SETTINGS_MODULE|CONFIGURATION|SUPERUSER_\w+|COLORS|ALLOW_ASYNC_UNSAFE)|GUNICORN_\w+|WEB_CONCURRENCY"
    r"|FORWARDED_ALLOW_IPS|UVICORN_\w+|CELERY_\w+|CELERYD_\w+|C_FORCE_ROOT|FLOWER_\w+"
    r"|PG[A-Z]+|MYSQL_\w+|ORACLE_\w+|TNS_ADMIN|AWS_\w+|BOTO_\w+|GOOGLE_\w+|GCLOUD_\w+|AZURE_\w+|SENTRY_\w+|OTEL_\w+"
    r"|NEW_RELIC_\w+|DD_\w+|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|SSL_CERT_\w+|OPENSSL_\w+|KRB5\w+"
    r"|MALLOC_\w+|OMP_\w+|OPENBLAS_\w+|(?i:(https?|ftp|all|no)_proxy)"
)
"""Names that processes and libraries read by themselves, mostly long after the settings were imported."""

Words = Callable[[Collection[str]], Collection[str]]


def messages(found: Contract) -> tuple[Message, ...]:
    """What is to be told of the contract of this release, whose environment this process has."""
    before = _before()
    every = (
        *_neither(found, os.environ),
        *_dangling(found),
        *_unused(found, _own_names(), lambda names: own_files.words(Path(os.environ["SELFDEPLOY_CODE"]), names)),
        *(_new(found, before) if before is not None else ()),
    )
    return tuple(one for one in every if one.id not in settings.SILENCED_SYSTEM_CHECKS)


def unused(found: Contract, names: Collection[str], words: Words) -> tuple[str, ...]:
    """Those of `names` that nobody reads: not the settings, no library that is known for it, no file of the project.

    `words` finds those of some words that stand in the project's files. Settings that take the environment as a
    whole may read any.
    """
    read = {*found.names, *found.others}
    left = [name for name in names if name not in read and not BY_OTHERS.fullmatch(name)]
    left = [name for name in left if name.removesuffix("_FILE") not in read]
    if found.whole or not left:
        return ()
    elsewhere = words(left)
    return tuple(name for name in left if name not in elsewhere)


def _own_names() -> tuple[str, ...]:
    """The variables of the environment file."""
    path = os.environ.get("SELFDEPLOY_VARIABLES", "")
    if not path or not os.path.exists(path):
        return ()
    return tuple(parsed(Path(path).read_text(encoding="utf-8", errors="replace")))


def _before() -> frozenset[str] | None:
    """The names that the live release reads; None where there is none, or it did not tell."""
    path = os.environ.get("SELFDEPLOY_BEFORE") or f"{os.environ.get('SELFDEPLOY_ROOT', '')}/current/etc/{FILE}"
    try:
        return names_of(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _neither(found: Contract, values: Mapping[str, str]) -> Iterator[Message]:
    for one in found.variables:
        if one.cast == "bool" and not _is_boolean(values.get(one.name, "")):
            text = f"The value of {one.name!r}{_at(one)} is neither true nor false, and is read as False."
            yield Message(logging.WARNING, NEITHER, text, f"Write {one.name}=True or {one.name}=False.")


def _is_boolean(value: str) -> bool:
    word = value.lower().strip()
    return word in environ.Env.BOOLEAN_TRUE_STRINGS or word in FALSE or bool(re.fullmatch(r"[+-]?\d+", word))


def _dangling(found: Contract) -> Iterator[Message]:
    for one in found.variables:
        if one.dangling:
            text = (
                f"The value of {one.name!r}{_at(one)} begins with `$`, so django-environ takes it for the name of "
                "another variable, which there is not: the settings got their default."
            )
            yield Message(logging.WARNING, DANGLING, text, "Choose a value that begins otherwise.")


def _unused(found: Contract, names: Collection[str], words: Words) -> Iterator[Message]:
    absent = [one.name for one in found.variables if not one.present]
    for name in unused(found, names, words):
        near = difflib.get_close_matches(name, absent, 1, ALIKE)
        text = f"The variable {name!r} is in the target's environment, and nobody reads it."
        if near:
            text = f"{text[:-1]}: did you mean {near[0]!r}?"
        yield Message(logging.WARNING, UNUSED, text, f"Remove {name} from the environment file, or mend its name.")


def _new(found: Contract, before: Collection[str]) -> Iterator[Message]:
    for one in found.variables:
        if one.name in before or one.present or one.is_required:
            continue
        text = f"The settings read the new variable {one.name!r}{_at(one)}, which is not set: {_otherwise(one)}."
        yield Message(logging.INFO, NEW, text, f"Set {one.name} where another value is wanted.")


def _otherwise(one: Variable) -> str:
    if one.otherwise == DEFAULT:
        return f"its default is {one.default!r}"
    return "its default is not shown" if one.otherwise == HIDDEN else "it has no default"


def _at(one: Variable) -> str:
    return f" ({one.where[0]})" if one.where else ""
