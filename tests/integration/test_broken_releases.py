"""Releases that must not go live, or not stay: the one that was live answers on, and nothing is left behind.

All cases share one site. Each leaves it in order and live with the release that it found; the last test deploys.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest

from .order import expect_in_order, half_environments
from .probing import no_request_lost
from .site import Site

BREAK_HOME = "\n\n@require_safe\ndef home(request: HttpRequest) -> HttpResponse:\n    {statement}\n"
ONLY_RELEASED = (
    '\nimport os\nif "SELFDEPLOY_RELEASE" in os.environ:\n    raise RuntimeError("The harbour is closed.")\n'
)
WANTS = (
    '\nif "SELFDEPLOY_RELEASE" in environ.Env.ENVIRON:\n'
    '    TIDE_URL = env.url("TIDE_URL")\n    MOON = env("MOON")\n    PIER = env.int("PIER")\n'
)
HALF_WAY = """
from django.db import migrations, models

def fail(apps, editor):
    raise ValueError("The tide is out.")

class Migration(migrations.Migration):
    dependencies = [("pages", "0005_notice_title_unique")]
    operations = [
        migrations.SeparateDatabaseAndState(
            [migrations.CreateModel("Buoy", [("id", models.BigAutoField(primary_key=True))])]
        ),
        migrations.RunPython(fail, migrations.RunPython.noop),
    ]
"""


@dataclass(frozen=True)
class Case:
    """Text appended to files of the project (or new files), and how the deployment of that must end."""

    error: str
    code: int
    message: str
    step: str
    append: dict[str, str] = field(default_factory=dict)
    target: dict[str, Any] = field(default_factory=dict)
    status: str = "failed"


CASES = {
    "wsgi-import-error": Case(
        "ReleaseError",
        7,
        "No module named 'no_such_module'",
        "check the configuration",
        {"website/wsgi.py": "\nimport no_such_module\n"},
    ),
    "settings-raise-in-the-release": Case(
        "ReleaseError",
        7,
        "RuntimeError: The harbour is closed.",
        "read the settings",
        {"website/settings.py": ONLY_RELEASED},
    ),
    "probe-500": Case(
        "NotReady",
        11,
        "GET / was answered with 500.",
        "wait until they answer",
        {"pages/views.py": BREAK_HOME.format(statement='raise LookupError("no rooms")')},
    ),
    "probe-404": Case(
        "NotReady",
        11,
        "GET / was answered with 404.",
        "wait until they answer",
        {"pages/views.py": BREAK_HOME.format(statement="from django.http import Http404; raise Http404")},
    ),
    "probe-redirects-away": Case(
        "NotReady",
        11,
        "GET / was answered with 302 to 'https://elsewhere.example/'.",
        "wait until they answer",
        {
            "pages/views.py": BREAK_HOME.format(
                statement='from django.shortcuts import redirect; return redirect("https://elsewhere.example/")'
            )
        },
    ),
    "template-error": Case(
        "ReleaseError",
        7,
        "(selfdeploy.E031) The template 'pages/home.html' does not compile",
        "check the templates",
        {"pages/templates/pages/home.html": "{% if %}"},
    ),
    "migration-fails-half-way": Case(
        "MigrationFailed",
        9,
        "ValueError: The tide is out.",
        "migrate the database",
        {"pages/migrations/0006_buoy.py": HALF_WAY},
    ),
    "style-sheet-names-a-missing-file": Case(
        "StaticFailed",
        10,
        "pages/none.svg",
        "collect the static files",
        {"pages/static/pages/site.css": '\n.x { background: url("none.svg") }\n'},
    ),
    "tests-fail": Case(
        "TestsFailed",
        8,
        "AssertionError: 'low' != 'high'",
        "run the tests",
        {
            "pages/tests/test_tide.py": "from django.test import SimpleTestCase\n\n\nclass Tide(SimpleTestCase):\n"
            "    def test_tide(self):\n        self.assertEqual('low', 'high')\n"
        },
        {"TESTS": ["pages.tests.test_tide"]},
    ),
    "requirement-that-nobody-has": Case(
        "RequirementsError",
        6,
        "django-environ==0.0.0.dev99",
        "install the environment",
        {"requirements.txt": "django-environ==0.0.0.dev99\n"},
    ),
    "failing-check": Case(
        "ReleaseError",
        7,
        "(fields.E210)",
        "",  # every step went well; what they found is judged
        {"pages/models.py": "\nclass Sign(models.Model):\n    picture = models.ImageField()\n"},
    ),
    "worker-that-ends-at-once": Case(
        "NotReady",
        11,
        "-worker' is ",
        "start the new workers",
        {"pages/templates/pages/about.html": "{# a worker #}"},
        {"PROCESSES": {"worker": {"COMMAND": ["false"]}}},
    ),
}


@pytest.fixture
def broken(site: Site, request: pytest.FixtureRequest) -> Case:
    """The case, its change committed."""
    case: Case = request.param
    for path, text in case.append.items():
        before = site.project / path
        site.write(path, (before.read_text() if before.exists() else "") + text)
    site.commit("Break it")
    site.target.update(case.target)
    return case


@pytest.mark.parametrize("broken", CASES.values(), ids=CASES, indirect=True)
def test_a_broken_release_does_not_go_live(site: Site, broken: Case) -> None:
    old, before = site.current, site.releases
    with no_request_lost(site):
        running = site.begin("deploy")
        assert running.end() == broken.code, running.story()
    assert (running.error["error"], broken.message in running.error["message"]) == (broken.error, True), running.error
    expect_in_order(site, live=old, status=broken.status)
    assert site.releases == before
    failed = [step["name"] for step in site.journals[0]["steps"] if step["status"] == "failed"]
    assert failed == ([broken.step] if broken.step else [])


def test_a_migration_that_fails_leaves_no_half_of_itself(site: Site) -> None:
    with closing(sqlite3.connect(site.root / "shared/db.sqlite3")) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    assert "pages_notice" in tables
    assert "pages_buoy" not in tables


def test_people_are_told_in_sentences(site: Site) -> None:
    site.append("pages/views.py", BREAK_HOME.format(statement='raise LookupError("no rooms")'))
    site.commit("Break it")
    told = site.deploy(check=False)
    assert told.returncode == 11
    assert told.stderr.startswith("CommandError: The new release does not work. GET / was answered with 500.\n"), (
        told.stderr
    )
    assert "LookupError: no rooms" in told.stderr
    assert "Traceback" not in told.stderr.partition("\n")[0]
    expect_in_order(site, live=site.current, status="failed")


def test_skipped_tests_are_recorded(site: Site) -> None:
    site.write("pages/tests/test_tide.py", "raise RuntimeError('never imported')\n")
    site.commit("Break the tests")
    site.target["TESTS"] = True
    site.deploy("--skip-tests")
    expect_in_order(site, live=site.current, status="succeeded")
    assert site.journals[0]["options"]["skip_tests"] is True
    assert "run the tests" not in [step["name"] for step in site.journals[0]["steps"]]


def test_settings_that_nobody_can_import_change_nothing(site: Site) -> None:
    old, journals = site.current, len(site.journals)
    site.append("website/settings.py", "\nthis is no Python\n")
    site.commit("Break the settings")
    refused = site.deploy(check=False)
    assert refused.returncode != 0
    assert "SyntaxError" in refused.stderr
    assert len(site.journals) == journals
    expect_in_order(site, live=old)


def test_settings_that_want_new_variables_stop_before_anything_is_switched(site: Site) -> None:
    """They are told all at once, by a dry run as by the deployment, whatever this machine has of them."""
    old, before = site.current, site.releases
    site.append("website/settings.py", WANTS)
    site.commit("Tell the tides")
    with (site.project / ".env").open("a") as file:
        file.write("PIER=the-long-one\n")
    line = (site.project / "website/settings.py").read_text().count("\n") - 2
    told = (
        "(selfdeploy.E050) The settings want 2 variables that the target's environment lacks: "
        f"'TIDE_URL' (website/settings.py:{line}), 'MOON' (website/settings.py:{line + 1}). "
        f"(selfdeploy.E051) The value of the variable 'PIER' (website/settings.py:{line + 2}) is no int."
    )
    rehearsed = site.deploy("--dry-run", check=False)
    assert (rehearsed.returncode, told in rehearsed.stderr) == (7, True), rehearsed.stderr
    with no_request_lost(site):
        running = site.begin("deploy")
        assert running.end() == 7, running.story()
    assert running.error["message"] == f"The settings of the new release cannot be loaded. {told}"
    assert "the-long-one" not in running.story()
    expect_in_order(site, live=old, status="failed")
    assert site.releases == before
    assert [step["name"] for step in site.journals[0]["steps"] if step["status"] == "failed"] == ["read the settings"]


def test_the_next_deployment_succeeds(site: Site) -> None:
    """And what is new or odd in the variables is in its record."""
    before = site.current
    site.append(
        "website/settings.py", '\nTIDES = env.bool("TIDES", default=False)\nQUAY = env("QUAY", default="east")\n'
    )
    site.change()
    with (site.project / ".env").open("a") as file:
        file.write("TIDES=Flase\nALLOWED_HOST=quay.example\nSENTRY_DSN=\n")
    with no_request_lost(site):
        site.deploy()
    assert site.current > before
    expect_in_order(site, live=site.current, status="succeeded")
    assert half_environments(site) == []
    told = [text for text in site.journals[0]["warnings"] if "(selfdeploy.W05" in text or "(selfdeploy.I05" in text]
    assert [text.partition(")")[0][1:] for text in told] == ["selfdeploy.W051", "selfdeploy.W052", "selfdeploy.I053"]
    assert (
        "'ALLOWED_HOST' is in the target's environment, and nobody reads it: did you mean 'ALLOWED_HOSTS'?" in told[1]
    )
    assert told[2].endswith("which is not set: its default is 'east'.")
