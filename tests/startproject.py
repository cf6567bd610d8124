"""A plain project, as `django-admin startproject` of the installed Django makes it, with our app added."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
KEY = "django-insecure-" + "k" * 50


def make(folder: Path) -> Path:
    """A project `mysite` in `folder`, its SECRET_KEY always the same."""
    for path, text in _files().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


@cache
def _files() -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        words = (sys.executable, "-m", "django", "startproject", "mysite", folder)
        subprocess.run(words, check=True, env={**environment(), "PATH": ""})  # no black, which would reformat it
        made = {str(path.relative_to(folder)): path.read_text() for path in Path(folder).rglob("*.py")}
    text = re.sub(r"'django-insecure-.*'", f"'{KEY}'", made["mysite/settings.py"])
    made["mysite/settings.py"] = text.replace("INSTALLED_APPS = [\n", "INSTALLED_APPS = [\n    'django_selfdeploy',\n")
    return made


def environment(**more: str) -> dict[str, str]:
    """The variables of this process, as a user of the project has them."""
    kept = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return {**kept, "PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1", **more}


def run(folder: Path, *words: str, **more: str) -> tuple[int, str, str]:
    """`python WORDS` in `folder`: exit code, output and errors."""
    done = subprocess.run(
        (sys.executable, *words), cwd=folder, env=environment(**more), capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout, done.stderr
