"""The settings module of a release: the project's own settings, with what would be unsafe put right.

A settings module, so it reads its surroundings on import, which nothing else in this package does. The launcher
sets SELFDEPLOY_SETTINGS (the project's module) and the places; see project/adjust.py for what is put right.
"""

from __future__ import annotations

import os
from pathlib import Path

from django_selfdeploy.core.layout import Layout as _Layout
from django_selfdeploy.log_files import can_write as _can_write
from django_selfdeploy.project import adjust as _adjust
from django_selfdeploy.project import kept_files as _kept_files
from django_selfdeploy.project.adjustment import Places as _Places
from django_selfdeploy.project.importing import imported as _imported

_project = _imported(os.environ["SELFDEPLOY_SETTINGS"])
globals().update({name: value for name, value in vars(_project).items() if name.isupper()})

_dry = os.environ.get("SELFDEPLOY_DRY") == "1"
_applied = os.environ.get("SELFDEPLOY_ADJUST", "1") == "1"


def _kept_key() -> str:
    try:
        return Path(os.environ["SELFDEPLOY_SHARED"], "secret_key").read_text(encoding="utf-8").strip()
    except OSError:
        return "only-for-a-dry-run-" * 4


_places = _Places(
    code=os.environ["SELFDEPLOY_CODE"],
    project=os.environ["SELFDEPLOY_PROJECT"],
    public=os.environ["SELFDEPLOY_PUBLIC"],
    shared=os.environ["SELFDEPLOY_SHARED"],
    media=os.environ["SELFDEPLOY_MEDIA"],
    log=_Layout(os.environ["SELFDEPLOY_ROOT"]).project_log,
)

SELFDEPLOY_ADJUSTMENTS = _adjust.adjustments(globals(), _places, _kept_key)
"""What was found, for the deployer to tell."""

if _applied:
    for _each in SELFDEPLOY_ADJUSTMENTS:
        globals().update(_each.values)
        for _folder in () if _dry else _each.folders:
            os.makedirs(_folder, 0o750, exist_ok=True)

if _dry:
    globals()["LOGGING"] = _kept_files.without_files(globals().get("LOGGING", {}))
else:
    _unwritable = tuple(_kept_files.unwritable(globals(), _can_write))
    SELFDEPLOY_ADJUSTMENTS += _unwritable
    for _each in _unwritable if _applied else ():
        globals().update(_each.values)

if _root := _adjust.static_root(globals(), _places):
    STATIC_ROOT = _root
