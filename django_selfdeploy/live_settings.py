"""The settings module of a release: the project's own settings, with what would be unsafe put right.

A settings module, so it reads its surroundings on import, which nothing else in this package does. The launcher
sets SELFDEPLOY_SETTINGS (the project's module) and the places; see project/adjust.py for what is put right.
"""

from __future__ import annotations

import os
from pathlib import Path

from django_selfdeploy.project import adjust as _adjust
from django_selfdeploy.project.importing import imported as _imported

_project = _imported(os.environ["SELFDEPLOY_SETTINGS"])
globals().update({name: value for name, value in vars(_project).items() if name.isupper()})


def _kept_key() -> str:
    try:
        return Path(os.environ["SELFDEPLOY_SHARED"], "secret_key").read_text(encoding="utf-8").strip()
    except OSError:
        return "only-for-a-dry-run-" * 4


_places = _adjust.Places(
    code=os.environ["SELFDEPLOY_CODE"],
    project=os.environ["SELFDEPLOY_PROJECT"],
    public=os.environ["SELFDEPLOY_PUBLIC"],
    shared=os.environ["SELFDEPLOY_SHARED"],
    media=os.environ["SELFDEPLOY_MEDIA"],
)

SELFDEPLOY_ADJUSTMENTS = _adjust.adjustments(globals(), _places, _kept_key)
"""What was found, for the deployer to tell."""

if os.environ.get("SELFDEPLOY_ADJUST", "1") == "1":
    for _each in SELFDEPLOY_ADJUSTMENTS:
        globals().update(_each.values)

if _root := _adjust.static_root(globals(), _places):
    STATIC_ROOT = _root
