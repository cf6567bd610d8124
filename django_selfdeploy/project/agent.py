"""The Django process of a release: it starts once and answers questions, one JSON line each.

What changes something runs in a fork of the warm process: a new start would take ten times as long, and a fork
that fails harms nobody. Answers go to a descriptor of their own, so that what the project prints stays output.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any

from django.db import connections
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.test import Client

from ..core.errors import DeployError
from . import (
    applied,
    backups,
    cache_tables,
    collecting,
    creating,
    fixtures,
    importing,
    page_templates,
    restoring,
    script_name,
)
from .consistency.surroundings import Surroundings
from .workers import looking

Answer = Callable[..., Any]

OUR_PAGE = Path(__file__).parents[1] / "templates/selfdeploy/503.html"


def serve(answers: int, questions: IO[str], more: dict[str, Answer]) -> None:
    """Answer until the input ends; `more` are answers besides those of this module."""
    known: dict[str, Answer] = {
        "settings": importing.note,
        "facts": facts,
        "check_server": check_server,
        "migrate": migrate,
        "migrate_all": migrate_all,
        "collectstatic": collecting.collect,
        "templates": page_templates.check,
        "explain": explain,
        "closed_page": closed_page,
        "create_databases": creating.create_databases,
        "create_cache_tables": cache_tables.create,
        "backup": backups.backup,
        "verify_backup": restoring.verify_backup,
        "restore": restoring.restore,
        "expect_fixtures": fixtures.expect_fixtures,
        "load_fixtures": fixtures.load_fixtures,
        "remember_migrations": applied.remember_migrations,
        "unapply": applied.unapply,
        "queued_tasks": looking.queued_tasks,
        **more,
    }
    with os.fdopen(answers, "wb", buffering=0) as writing:
        for line in questions:
            request = json.loads(line)
            question = request.pop("question")
            answer = known.get(question, partial(_unknown, question))
            reply = _direct(answer, request) if answer is facts else _forked(answer, request)
            connections.close_all()
            writing.write(json.dumps(reply).encode() + b"\n")


def facts(*, sql: bool = False, around: dict[str, Any] | None = None, dry: bool = False) -> dict[str, Any]:
    """The facts, with the settings compared to what is `around` them.

    Asked in the process itself, which so has models and URLs loaded for the forks to come.
    """
    from .reading import read

    return read(sql=sql, around=Surroundings(**around) if around else None, dry=dry).to_json()


def explain(*, path: str, host: str, https: bool) -> dict[str, Any]:
    """Why the project does not answer `path` with success: the traceback of the view, or its status."""
    collecting.forget_manifest()
    client = Client(headers={"host": host})
    below = script_name.below(path)
    if not below:
        return {"why": f"Beside {script_name.prefix()}/ there is no page of the site."}
    try:
        response = client.get(below, secure=https)
    except Exception:  # noqa: BLE001 - it is what was asked for
        return {"why": traceback.format_exc()}
    return {"why": f"Asked within Django, {path} answers with {response.status_code}."}


def closed_page() -> dict[str, Any]:
    """The page for visitors while the site is closed: the project's own 503.html, else ours."""
    collecting.forget_manifest()
    try:
        return {"text": get_template("503.html").render({})}
    except TemplateDoesNotExist as error:
        if error.args[:1] != ("503.html",):
            raise
    return {"text": OUR_PAGE.read_text(encoding="utf-8")}


class Refused(Exception):
    """A program refused, and has said why itself."""


def migrate(
    *,
    only: dict[str, list[str]] | None,
    lock_timeout: float = 2.0,
    statement_timeout: float = 3600.0,
    tries: int = 3,
) -> dict[str, Any]:
    """Apply those migrations of `only`, names by database, that are pending, None for all; the answer tells of a
    failure too.

    A SQLite file that comes into being by it is not for other users of the host to read.
    """
    os.umask(0o027)
    from .applying import apply
    from .limits import Limits

    return apply(only, Limits(lock_timeout, statement_timeout, tries))


def migrate_all() -> dict[str, Any]:
    """Apply whatever is pending, after a database was put back. Raises Refused, with what failed and what stays."""
    answer = migrate(only=None)
    if answer["failure"]:
        raise Refused(answer["failure"])
    return answer if answer["applied"] else {**answer, "note": ""}


def check_server(*, argv: list[str]) -> dict[str, Any]:
    """Run the application server's own check of its configuration; `argv[0]` is the name of its module."""
    sys.argv = argv
    try:
        runpy.run_module(argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as error:
        if error.code not in (None, 0):
            raise Refused(f"`{argv[0]}` ended with status {error.code} when it checked its configuration.") from error
    return {}


def _direct(answer: Answer, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"answer": answer(**arguments)}
    except SystemExit as error:
        return _failed(error)
    except Exception as error:  # noqa: BLE001 - whatever the project raises is what the user must see
        return _failed(error)


def _unknown(question: str, **arguments: Any) -> dict[str, Any]:
    """Asked of a release that was deployed before the deployer learned to ask that."""
    raise Refused(f"The django-selfdeploy of this release does not know {question!r}. Deploy again with the new one.")


def _failed(error: BaseException) -> dict[str, Any]:
    if isinstance(error, Refused):
        return {"error": str(error)}
    if isinstance(error, DeployError):
        return {"error": error.message, "hint": error.hint}
    last = traceback.format_exception(type(error), error, error.__traceback__)
    return {"error": f"{type(error).__name__}: {error}", "output": "".join(last)}


def _forked(answer: Answer, arguments: dict[str, Any]) -> dict[str, Any]:
    """The answer of a child process. Connections are closed before: two processes must not share one."""
    connections.close_all()
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _in_child(answer, arguments, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        data = stream.read()
    _, status = os.waitpid(child, 0)
    if not data:
        return {"error": f"The process ended with status {os.waitstatus_to_exitcode(status)}."}
    return dict(json.loads(data))


def _in_child(answer: Answer, arguments: dict[str, Any], writing: int) -> None:
    reply = _direct(answer, arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    with os.fdopen(writing, "wb") as stream:
        stream.write(json.dumps(reply).encode())
    os._exit(0)
