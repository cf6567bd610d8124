"""The database has a row for each deployment; the journals are the truth."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

from .order import expect_in_order
from .site import Site


def rows(site: Site) -> dict[str, str]:
    """Status by id of the deployments in the deployed database."""
    with closing(sqlite3.connect(site.root / "shared/db.sqlite3")) as database:
        return dict(database.execute("SELECT identity, status FROM django_selfdeploy_deployment"))


def journals(site: Site) -> dict[str, str]:
    return {journal["id"]: journal["status"] for journal in site.journals}


def test_what_happened_is_in_the_database(site: Site) -> None:
    site.change()
    site.deploy()
    [wsgi, site_wsgi] = [site.project / "website/wsgi.py", (site.project / "website/wsgi.py").read_text()]
    site.append("website/wsgi.py", "\nimport no_such_module\n")
    site.commit("Break it")
    assert site.deploy(check=False).returncode == 7
    wsgi.write_text(site_wsgi)
    found = rows(site)
    assert found == journals(site)
    assert [found[journal["id"]] for journal in site.journals[:2]] == ["failed", "succeeded"]


def test_a_killed_deployment_is_recorded_by_the_next_one(site: Site) -> None:
    site.change()
    running = site.begin("deploy")
    running.until_step("look at the release")
    running.kill_runner()
    running.end()
    killed = site.journals[0]["id"]
    assert killed not in rows(site)
    site.deploy()
    assert rows(site)[killed] == "interrupted"
    assert rows(site) == journals(site)


def test_rows_that_an_older_database_lacks_are_written_again(site: Site) -> None:
    database, copy = site.root / "shared/db.sqlite3", site.folder / "copy.sqlite3"
    shutil.copy(database, copy)
    for message in ("one", "two"):
        site.change(message)
        site.deploy()
    complete = rows(site)
    shutil.copy(copy, database)
    assert len(rows(site)) == len(complete) - 2
    site.change("three")
    site.deploy()
    assert rows(site) == journals(site)
    assert complete.items() <= rows(site).items()
    expect_in_order(site, live=site.current, status="succeeded")


def test_the_admin_of_the_live_site_knows_them(site: Site) -> None:
    count = "from django_selfdeploy.models import Deployment; print(Deployment.objects.count())"
    told = site.manage("deploy_run", "shell", "--no-imports", "-c", count).stdout
    assert int(told) == len(site.journals)
