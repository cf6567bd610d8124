"""A dry run tells everything and changes nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

from .conftest import MakeSite
from .site import Site

SKIPPED = ("__pycache__", ".sock")


def listing(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Mode, size and time of change of all that is there; the logs of processes that run may grow."""
    found = {}
    for top, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(top, name)
            about = path.lstat()
            found[str(path)] = (about.st_mode, about.st_size, about.st_mtime_ns)
    return {path: about for path, about in found.items() if not path.endswith(".log")}


def test_a_dry_run_of_the_first_deployment_makes_no_folder(make_site: MakeSite) -> None:
    site = make_site()
    before = listing(site.folder)
    told = site.deploy("--dry-run").stdout
    assert "Facts are those of the work tree here, under the target's environment." in told
    assert "install the environment" in told
    assert "migration pages.0001_initial on 'default'" in told
    assert _but_bytecode(listing(site.folder)) == _but_bytecode(before)
    assert not site.root.exists()


def test_a_dry_run_of_the_next_one_changes_nothing(site: Site) -> None:
    site.write("pages/migrations/0006_notice_pinned.py", MIGRATION)
    site.append("pages/models.py", FIELD)
    site.commit("Pin notices")
    before = listing(site.root)
    told = site.deploy("--dry-run").stdout
    assert (
        "migration pages.0006_notice_pinned on 'default': locking, before the switch\n    Add field pinned to notice\n"
        in told
    )
    assert 'CREATE TABLE "new__pages_notice"' in told
    assert "switch" in told
    assert "install the environment" not in told
    found = json.loads(site.deploy("--dry-run", "--json").stdout)
    assert (found["target"], found["unchanged"]) == ("default", False)
    assert listing(site.root) == before
    assert site.lock_is_free


def _but_bytecode(found: dict[str, tuple[int, int, int]]) -> dict[str, tuple[int, int, int]]:
    """Python leaves bytecode in the work tree, and so new times of change of its folders."""
    return {path: about for path, about in found.items() if "__pycache__" not in path and not Path(path).is_dir()}


MIGRATION = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("pages", "0005_notice_title_unique")]
    operations = [migrations.AddField("notice", "pinned", models.BooleanField(default=False, db_default=False))]
"""
FIELD = "\nNotice.add_to_class('pinned', models.BooleanField(default=False, db_default=False))\n"
