"""The facts of a project before anything is on the host: its work tree, here, under the target's environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ..core.actions.processes import last_lines
from ..core.children import INHERITED
from ..core.errors import ReleaseError
from ..core.redact import Redactor
from ..core.secret import Secret
from .facts import ProjectFacts
from .private import private_folder, write_private


def facts(
    constants: dict[str, str],
    *,
    code: Path,
    project: Path,
    variables: Secret | None,
    sql: bool,
    secrets: tuple[str, ...] = (),
) -> ProjectFacts:
    """The facts that the project's work tree has now, read by a Django process of this virtualenv.

    `variables` is the text of an environment file; `secrets` are masked in what is told of a failure.

    The databases are those of the target; nothing in them is changed. Raises ReleaseError when the project does
    not load.
    """
    with private_folder() as folder:
        here = {
            **constants,
            "PATH": os.pathsep.join((os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath))),
            "SELFDEPLOY_CODE": str(code),
            "SELFDEPLOY_PROJECT": str(project),
            "SELFDEPLOY_VARIABLES": str(folder / ".env") if variables else "",
        }
        if variables:
            write_private(folder / ".env", variables.reveal())
        etc = folder / "etc"
        etc.mkdir()
        (etc / "environment.json").write_text(json.dumps(here), encoding="utf-8")
        return ProjectFacts.from_json(_ask(str(folder), {"question": "facts", "sql": sql}, Redactor(secrets)))


def _ask(folder: str, question: dict[str, Any], redact: Redactor) -> dict[str, Any]:
    with tempfile.TemporaryFile() as answers:
        handle = answers.fileno()
        words = (
            "-m",
            "django_selfdeploy.launch",
            folder,
            "python",
            "manage.py",
            "selfdeploy_agent",
            str(handle),
        )
        done = subprocess.run(
            (sys.executable, *words),
            input=json.dumps(question).encode() + b"\n",
            capture_output=True,
            env={name: os.environ[name] for name in INHERITED if name in os.environ},
            pass_fds=(handle,),
            timeout=300,
        )
        answers.seek(0)
        line = answers.readline()
    answer: dict[str, Any] = json.loads(line) if line else {"error": "It says nothing."}
    if "error" in answer:
        output = answer.get("output") or (done.stdout + done.stderr).decode("utf-8", "replace")
        raise ReleaseError(
            redact(f"The project does not load: {answer['error']}{last_lines(output)}"),
            hint="Mend what the last lines name; variables belong into the target's .env.",
        )
    return dict(answer["answer"])
