"""Starts a command of a release as its processes are started: `python -m django_selfdeploy.launch FOLDER WORDS...`

The constants are in the release's etc/environment.json, the variables in its .env, read by django-environ as the
project reads it. The command replaces this process, so no variable is in any argument list.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import environ


def surroundings(folder: str) -> str:
    """Set the variables of the release in `folder` in this process; its project folder.

    A variable that is set already stays; one that has PATH in its name is never taken from .env.
    """
    constants = json.loads(Path(folder, "etc", "environment.json").read_text(encoding="utf-8"))
    os.environ.update(constants)
    project = constants["SELFDEPLOY_PROJECT"]
    variables = constants.get("SELFDEPLOY_VARIABLES", "")
    if variables and os.path.exists(variables):
        _expect_readable(variables)
        environ.Env.read_env(variables)
    _secret_key(constants.get("SELFDEPLOY_KEPT", constants["SELFDEPLOY_SHARED"]))
    return str(project)


def _expect_readable(path: str) -> None:
    """django-environ goes on without a file that it may not read, and the project would run without its variables."""
    try:
        with open(path, "rb"):
            return
    except OSError as error:
        sys.exit(f"{path!r} cannot be read: {error.strerror}. It is for the user who deployed, and for root.")


def _secret_key(shared: str) -> None:
    """A project that wants SECRET_KEY from its environment and was given none gets the one kept on the host."""
    kept = Path(shared, "secret_key")
    if "SECRET_KEY" not in os.environ and kept.exists():
        _expect_readable(str(kept))
        os.environ["SECRET_KEY"] = kept.read_text(encoding="utf-8").strip()


def main(argv: list[str]) -> None:
    if sys.getfilesystemencoding() != "utf-8":  # as some locales make it: values would be other bytes
        os.execv(sys.executable, (sys.executable, "-X", "utf8", "-m", "django_selfdeploy.launch", *argv))  # noqa: S606
    folder, *words = argv
    os.chdir(surroundings(os.path.realpath(folder)))
    try:
        os.execvp(words[0], words)  # noqa: S606 - words, not a shell's line
    except OSError as error:
        sys.exit(f"{words[0]!r} cannot be run: {error.strerror}.")


if __name__ == "__main__":
    main(sys.argv[1:])
