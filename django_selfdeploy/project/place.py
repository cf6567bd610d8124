"""Where the project is on this machine, found without importing its settings."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from ..core.errors import ConfigError

_default_settings = re.compile(r"""DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']""")


def project_folder() -> Path:
    """The folder of manage.py: of the one that was run, else the nearest above the current folder.

    Raises ConfigError when there is none.
    """
    started = Path(sys.argv[0])
    if started.name == "manage.py" and started.exists():
        return started.resolve().parent
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "manage.py").is_file():
            return folder
    raise ConfigError("There is no manage.py here.", hint="Change into the folder of the project, then try again.")


def settings_module(folder: Path) -> str:
    """The settings module that manage.py names; "" when it names none."""
    found = _default_settings.search((folder / "manage.py").read_text(encoding="utf-8", errors="replace"))
    return found[1] if found else ""
