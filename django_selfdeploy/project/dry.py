"""The facts of a project before anything is on the host: its work tree, here, under the target's environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..core.actions.processes import last_lines
from ..core.children import INHERITED
from ..core.errors import HostError, ReleaseError
from ..core.redact import Redactor
from ..core.secret import Secret
from . import creating
from .consistency.surroundings import Surroundings
from .contract import FILE, Contract
from .facts import ProjectFacts
from .importing import ONLY, TO_DO
from .private import private_folder, write_private

MEND = "Mend what the last lines name; variables belong into the target's .env."
KEY = "only-for-a-dry-run-" * 4


def facts(
    constants: dict[str, str],
    *,
    code: Path,
    project: Path,
    variables: Secret | None,
    sql: bool,
    admin: str = "",
    before: str = "",
    around: Surroundings | None = None,
    secrets: tuple[str, ...] = (),
) -> ProjectFacts:
    """The facts that the project's work tree has now, read by a Django process of this virtualenv.

    The databases are those of the target; nothing in them is changed. `variables` is the text of an environment file;
    `secrets` are masked in what is told of a failure. `admin` is the name of the variable with the URL of who makes
    databases that are missing, `before` what the live release keeps of its contract. Raises ReleaseError when the
    project does not load, HostError for a database that cannot be used.
    """
    compared = {"around": asdict(around), "dry": True} if around else {}
    question = {"question": "facts", "sql": sql, **compared}
    here = {**constants, creating.REHEARSAL: admin}
    reply = _asked(here, code=code, project=project, question=question, before=before, variables=variables)
    return ProjectFacts.from_json(_answer(reply, Redactor(secrets)))


def contract(settings: str, *, code: Path, project: Path) -> Contract:
    """What the settings of the work tree want, read by a Python process that has no variables but those of `.env`.

    Settings that fail for want of a variable tell all the same. Raises ReleaseError when they fail otherwise.
    """
    nowhere = {f"SELFDEPLOY_{name}": "" for name in ("ROOT", "PUBLIC", "SHARED", "MEDIA")}
    constants = {
        **nowhere,
        "DJANGO_SETTINGS_MODULE": "django_selfdeploy.live_settings",
        "SELFDEPLOY_SETTINGS": settings,
        ONLY: "1",
    }
    reply = _asked(constants, code=code, project=project, question={"question": "settings"})
    return Contract.from_json(reply["contract"] if "contract" in reply else _answer(reply, Redactor())["contract"])


def _asked(
    constants: dict[str, str],
    *,
    code: Path,
    project: Path,
    question: dict[str, Any],
    before: str = "",
    variables: Secret | None = None,
) -> dict[str, Any]:
    """The reply of a process that is started as one of a release is, in a folder that has what a release's has."""
    with private_folder() as folder:
        here = {
            **constants,
            "PATH": os.pathsep.join((os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath))),
            "SELFDEPLOY_BEFORE": f"{folder}/{FILE}",
            "SELFDEPLOY_CODE": str(code),
            "SELFDEPLOY_DRY": "1",
            "SELFDEPLOY_PROJECT": str(project),
            "SELFDEPLOY_VARIABLES": str(folder / ".env") if variables else "",
        }
        if ONLY not in constants and not Path(constants["SELFDEPLOY_SHARED"], "secret_key").exists():
            here["SELFDEPLOY_KEPT"] = str(folder)  # the first deployment makes a key before it reads the settings
            (folder / "secret_key").write_text(KEY, encoding="utf-8")
        if variables:
            write_private(folder / ".env", variables.reveal())
        etc = folder / "etc"
        etc.mkdir()
        (etc / "environment.json").write_text(json.dumps(here), encoding="utf-8")
        (folder / FILE).write_text(before, encoding="utf-8")
        return _ask(str(folder), question)


def _ask(folder: str, question: dict[str, Any]) -> dict[str, Any]:
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
        answer.setdefault("output", (done.stdout + done.stderr).decode("utf-8", "replace"))
    return answer


def _answer(reply: dict[str, Any], redact: Redactor) -> dict[str, Any]:
    if "hint" in reply and "contract" not in reply:
        raise HostError(redact(reply["error"]), hint=reply["hint"])
    if "error" in reply:
        raise ReleaseError(
            redact(f"The project does not load: {reply['error']}{last_lines(reply['output'])}"),
            hint=TO_DO if "contract" in reply else MEND,
        )
    return dict(reply["answer"])
