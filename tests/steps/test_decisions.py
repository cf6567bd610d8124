"""What each step decides from the project, the target and the host."""

import json
from dataclasses import replace
from typing import Any

import pytest

from django_selfdeploy.context import Context
from django_selfdeploy.core.actions.audit import Audit, CheckPackages
from django_selfdeploy.core.actions.build import Build
from django_selfdeploy.core.actions.django import Ask, ExpectGone, Migrate
from django_selfdeploy.core.actions.files import CopyFile, Link, Remove, Write
from django_selfdeploy.core.actions.front import RotateLogs
from django_selfdeploy.core.actions.processes import Run, Say
from django_selfdeploy.core.actions.smoke import ComparePages
from django_selfdeploy.core.actions.source import Receive
from django_selfdeploy.core.actions.static import ShareStatic, SweepStatic
from django_selfdeploy.core.actions.variables import KeepVariables
from django_selfdeploy.core.agent import ANSWERS, AgentSpec
from django_selfdeploy.core.boot import StartAtBoot
from django_selfdeploy.core.plan import Step
from django_selfdeploy.core.release import ProbeSpec, Program
from django_selfdeploy.core.secret import Secret
from django_selfdeploy.core.state import Known
from django_selfdeploy.project.facts import Pending
from django_selfdeploy.steps import activate, build, databases, finish, judge, stage
from tests.making import (
    FILES,
    LAYOUT,
    NEW,
    OLD,
    OLDER,
    context,
    deployed,
    entry,
    facts,
    host_state,
    known,
    release,
    requirements,
    running,
    source,
)

RELEASE = f"/srv/mysite/releases/{NEW}"
PYTHON = "/srv/mysite/envs/eeeeeeeeeeeeeeee/bin/python"
LAUNCH = (PYTHON, "-m", "django_selfdeploy.launch", RELEASE)
ENV = "/srv/mysite/envs/eeeeeeeeeeeeeeee"


def runs(step: Step) -> list[tuple[str, ...]]:
    return [action.argv for action in step.actions if isinstance(action, Run)]


# the context


def test_a_context_knows_the_places_of_its_release() -> None:
    made = context(source=source(project="backend/site"))
    assert (made.folder, made.code, made.project, made.etc, made.public, made.env, made.app) == (
        RELEASE,
        f"{RELEASE}/source",
        f"{RELEASE}/source/backend/site",
        f"{RELEASE}/etc",
        f"{RELEASE}/public",
        ENV,
        "mysite",
    )
    agent = AgentSpec((*LAUNCH, "python", "manage.py", "selfdeploy_agent", ANSWERS), RELEASE)
    assert (made.agent, made.launched("gunicorn", "-x")) == (agent, (*LAUNCH, "gunicorn", "-x"))


def test_facts_are_known_after_the_release_was_looked_at_only() -> None:
    with pytest.raises(AssertionError, match="the release was not looked at yet"):
        _ = context(facts=None).known_facts


def test_the_release_before_is_the_one_that_recovery_settles_on() -> None:
    old, new = release(OLD), release(OLDER)
    interrupted = deployed(new, old, live_answers=False, processes=running(new, old), unfinished=("1",))
    assert context(state=interrupted).previous == new
    assert context(state=deployed(new, old)).previous == old
    assert context().previous is None


# the environment


def test_an_environment_is_made_at_its_final_path_and_marked_last() -> None:
    step = stage.install_environment(context(state=host_state(tools=True)))
    assert step.actions[0] == Remove((ENV,))
    assert step.actions[-1] == Write(f"{ENV}/.complete", "requirements\n")
    assert runs(step) == [
        ("/usr/bin/uv", "venv", "--quiet", "--python", "/usr/bin/python3", ENV),
        (
            *("/usr/bin/uv", "pip", "install", "--python", PYTHON),
            *("--requirement", f"{RELEASE}/source/requirements.txt", "--requirement", f"{ENV}/requirements.txt"),
        ),
        (PYTHON, "-c", "import django, django_selfdeploy.launch, gunicorn"),
    ]


def test_without_uv_pip_does_it() -> None:
    step = stage.install_environment(context(uv="", state=host_state(tools=True)))
    assert runs(step)[:2] == [
        ("/usr/bin/python3", "-m", "venv", ENV),
        (
            *(PYTHON, "-m", "pip", "install", "--disable-pip-version-check"),
            *("--requirement", f"{RELEASE}/source/requirements.txt", "--requirement", f"{ENV}/requirements.txt"),
        ),
    ]


def test_a_lock_of_uv_is_exported_with_its_hashes() -> None:
    locked = requirements(kind="uv.lock", files=("backend/uv.lock",), install_from=("backend/uv.lock",))
    step = stage.install_environment(context(requirements=locked, state=host_state(tools=True)))
    exported, folder = f"{ENV}/exported.txt", f"{RELEASE}/source/backend"
    export = ("export", "--frozen", "--no-dev", "--no-emit-project", "--quiet", "--output-file", exported)
    assert runs(step)[1] == ("/usr/bin/uv", *export, "--project", folder)
    assert runs(step)[2][-4:] == ("--requirement", exported, "--requirement", f"{ENV}/requirements.txt")


def test_an_environment_that_is_there_is_used() -> None:
    made = context(state=host_state(tools=True, envs=("e" * 16,)), requirements=None)
    assert stage.install_environment(made).actions == ()


def test_our_own_supervisord_has_an_environment_of_its_own() -> None:
    step = stage.install_environment(context(state=host_state(envs=("e" * 16,))))
    tools = "/srv/mysite/tools"
    assert step.actions[0] == Remove((tools,))
    assert step.actions[2] == Write(f"{tools}/requirements.txt", "supervisor>=4.3.0\n")
    assert step.actions[-1] == Write(f"{tools}/.complete", "tools\n")


def test_the_machines_supervisord_needs_none() -> None:
    settings = {"PROCESS_MANAGER": {"BACKEND": "supervisor", "OPTIONS": {"scope": "system"}}}
    assert stage.install_environment(context(settings=settings, state=host_state(envs=("e" * 16,)))).actions == ()


# variables


def uv_of_tools(**state: Any) -> Step:
    return stage.install_environment(context(uv=LAYOUT.uv, state=host_state(**state)))


TOOLS = "/srv/mysite/tools"
INTO_TOOLS = (f"{TOOLS}/bin/python", "-m", "pip", "install", "--disable-pip-version-check")


def test_a_host_without_uv_gets_one_into_its_tools_before_it_is_used() -> None:
    step = uv_of_tools()
    assert runs(step)[:4] == [
        ("/usr/bin/python3", "-m", "venv", TOOLS),
        (*INTO_TOOLS, "--requirement", f"{TOOLS}/requirements.txt"),
        (f"{TOOLS}/bin/supervisord", "--version"),
        (f"{TOOLS}/bin/uv", "venv", "--quiet", "--python", "/usr/bin/python3", ENV),
    ]
    [listed] = [a for a in step.actions if isinstance(a, Write) and a.path == f"{TOOLS}/requirements.txt"]
    assert listed.text == "supervisor>=4.3.0\nuv>=0.5\n"


def test_tools_that_are_there_get_uv_alone_and_are_not_made_anew() -> None:
    step = uv_of_tools(tools=True)
    assert runs(step)[0] == (*INTO_TOOLS, "--requirement", f"{TOOLS}/requirements.txt")
    assert Remove((TOOLS,)) not in step.actions
    [listed] = [a for a in step.actions if isinstance(a, Write) and a.path == f"{TOOLS}/requirements.txt"]
    assert listed.text == "uv>=0.5\n"


def test_tools_that_have_uv_are_left_alone() -> None:
    step = uv_of_tools(tools=True, programs={"uv": LAYOUT.uv}, envs=("e" * 16,))
    assert step.actions == ()


def test_wheels_that_are_sent_along_are_named_where_they_are() -> None:
    wheel = entry("shop-1.0-py3-none-any.whl", "PK")
    needed = requirements(lines=("django", "shop @ file://{wheels}/shop-1.0-py3-none-any.whl"), wheels=(wheel,))
    step = stage.install_environment(context(requirements=needed))
    assert Receive(f"{ENV}/wheels", (wheel,)) in step.actions
    [listed] = [a for a in step.actions if isinstance(a, Write) and a.path == f"{ENV}/requirements.txt"]
    assert listed.text == f"django\nshop @ file://{ENV}/wheels/shop-1.0-py3-none-any.whl\n"


def test_variables_of_this_machine_go_into_the_release_only() -> None:
    step = stage.set_variables(context())
    assert [getattr(action, "path", "") for action in step.actions] == [
        "/srv/mysite/shared/secret_key",
        f"{RELEASE}/etc/environment.json",
        f"{RELEASE}/source/.env",
    ]
    assert (step.actions[-1].mode, step.actions[-1].text) == (0o600, context().variables)  # type: ignore[attr-defined]


def test_without_a_file_here_the_one_that_is_kept_there_is_used() -> None:
    step = stage.set_variables(context(variables=None))
    assert step.actions[-1] == CopyFile("/srv/mysite/shared/.env", f"{RELEASE}/source/.env", 0o600)


def test_the_constants_of_a_release_hold_no_secret() -> None:
    found = stage.environment(context(settings={"ADJUST_SETTINGS": False}, alias="production"))
    assert found == {
        "DJANGO_SETTINGS_MODULE": "django_selfdeploy.live_settings",
        "LANG": "C.UTF-8",
        "PATH": f"{RELEASE}/env/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
        "PYTHONUNBUFFERED": "1",
        "SELFDEPLOY_ADJUST": "0",
        "SELFDEPLOY_CODE": f"{RELEASE}/source",
        "SELFDEPLOY_MEDIA": "/srv/mysite/shared/media",
        "SELFDEPLOY_PROJECT": f"{RELEASE}/source",
        "SELFDEPLOY_PUBLIC": f"{RELEASE}/public",
        "SELFDEPLOY_RELEASE": NEW,
        "SELFDEPLOY_ROOT": "/srv/mysite",
        "SELFDEPLOY_SETTINGS": "mysite.settings",
        "SELFDEPLOY_SHARED": "/srv/mysite/shared",
        "SELFDEPLOY_TARGET": "production",
        "SELFDEPLOY_VARIABLES": f"{RELEASE}/source/.env",
    }


# tests


@pytest.mark.parametrize(
    ("settings", "skip", "expected"),
    [
        ({}, False, (*LAUNCH, "python", "manage.py", "test", "--noinput")),
        ({"TESTS": ["pages", "shop"]}, False, (*LAUNCH, "python", "manage.py", "test", "--noinput", "pages", "shop")),
        ({"TESTS": False}, False, None),
        ({"TESTS": ["pages"]}, True, None),
    ],
)
def test_the_projects_tests_run_unless_they_are_not_wanted(
    settings: dict[str, Any], skip: bool, expected: tuple[str, ...] | None
) -> None:
    step = activate.run_tests(context(settings=settings, skip_tests=skip))
    assert runs(step) == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("name", "text", "uses"),
    [
        ("pytest.ini", "", True),
        (".pytest.ini", "", True),
        ("pyproject.toml", "[tool.pytest.ini_options]\n", True),
        ("pyproject.toml", "[tool.ruff]\n", False),
        ("setup.cfg", "[tool:pytest]\n", True),
        ("tox.ini", "[pytest]\n", True),
        ("conftest.py", "", False),
    ],
)
@pytest.mark.parametrize("project", ["", "site"])
def test_pytest_runs_the_tests_of_a_project_that_is_set_up_for_it(
    name: str, text: str, uses: bool, project: str
) -> None:
    prefix = f"{project}/" if project else ""
    made = context(
        source=source({**FILES, f"{prefix}{name}": text}, project=project), facts=facts(test_runner="pytest")
    )
    assert activate.uses_pytest(made) is uses
    assert activate.uses_pytest(replace(made, facts=facts())) is False
    if uses:
        [run] = activate.run_tests(made).actions
        assert isinstance(run, Run)
        assert (run.argv, run.allowed) == ((*LAUNCH, "python", "-m", "pytest", "-q"), (0, 5))


# static files and migrations


def test_static_files_are_collected_beside_those_of_the_release_before() -> None:
    made = context(base=f"/srv/mysite/releases/{OLD}/source")
    order = {"minify": True, "images": True, "svg": False, "gzip": True, "brotli": False}
    before = {"before": f"/srv/mysite/releases/{OLD}", "served": True, "static": order}
    assert activate.collect_static(made).actions == (
        Ask(made.agent, "collectstatic", json.dumps(before), quiet=True),
        ShareStatic(f"{RELEASE}/public", "/srv/mysite/shared/public"),
    )


def test_static_files_that_another_host_serves_are_not_shared() -> None:
    made = context(facts=facts(serves_static=False, static_url="https://cdn.example/"))
    [ask] = activate.collect_static(made).actions
    assert isinstance(ask, Ask)
    assert (ask.question, json.loads(ask.arguments)["served"]) == ("collectstatic", False)


@pytest.mark.parametrize(
    ("modules", "scope", "made"),
    [
        ({"brotli_static": ""}, "own", True),
        ({"brotli_static": "/m.so"}, "own", True),
        ({}, "own", False),
        ({"brotli_static": ""}, "system", True),
        ({"brotli_static": "/m.so"}, "system", False),
    ],
)
def test_brotli_is_made_where_the_front_server_can_send_it(modules: dict[str, str], scope: str, made: bool) -> None:
    front = {"FRONT": {"BACKEND": "nginx", "OPTIONS": {"scope": scope}}}
    order = json.loads(activate.static_order(context(settings=front, state=host_state(front_modules=modules))))
    assert order["static"]["brotli"] is made


def test_without_static_files_nothing_is_collected() -> None:
    assert activate.collect_static(context(facts=facts(static_url=""))).actions == ()


def test_another_host_than_the_one_that_leads_migrates_only_the_databases_that_are_its_own() -> None:
    pending = (Pending("default", "pages", "0001_initial", (), True), Pending("big", "pages", "0001_initial", (), True))
    known = facts(pending=pending, databases={"default": "sqlite", "big": "postgresql"})
    leading, other = (activate.migrate(context(facts=known, leads=leads)) for leads in (True, False))
    first, big = ("default", "pages.0001_initial"), ("big", "pages.0001_initial")
    assert (leading.phase, leading.actions) == (
        "migrate",
        (Migrate(leading.actions[0].agent, (first, big), 2.0, 3600.0, 3),),
    )  # type: ignore[attr-defined]
    assert (other.phase, other.actions) == ("start", (Migrate(other.actions[0].agent, (first,), 2.0, 3600.0, 3),))  # type: ignore[attr-defined]
    assert activate.migrate(context(facts=facts(own_databases=()), leads=False)).actions == ()


def test_a_migration_is_not_taken_back_and_that_is_said() -> None:
    pending = tuple(Pending("default", "pages", name, (), True) for name in ("0001_initial", "0002_more"))
    made = context(facts=facts(pending=pending))
    step = activate.migrate(made)
    stays = "pages.0001_initial, pages.0002_more"
    assert (step.actions, step.undo) == (
        (Migrate(made.agent, (("default", "pages.0001_initial"), ("default", "pages.0002_more")), 2.0, 3600.0, 3),),
        (Say(f"The database is not taken back. Of these migrations, those that were applied stay: {stays}."),),
    )


def test_without_pending_migrations_the_database_is_left_alone() -> None:
    step = activate.migrate(context(facts=facts(pending=())))
    assert (step.actions, step.undo) == ((), ())


# the record of the release


def test_programs_have_the_release_in_their_names() -> None:
    settings = {"PROCESSES": {"mail": {"COMMAND": ["python", "mail.py"], "STOP_TIMEOUT": 120}}}
    assert activate.programs(context(settings=settings)) == (
        Program("web", f"mysite-{NEW}-web", True, 35.0),
        Program("mail", f"mysite-{NEW}-mail", False, 120.0),
    )


@pytest.mark.parametrize(
    ("settings", "about", "spec", "url"),
    [
        ({}, {}, ProbeSpec("/", "localhost"), "http://localhost:8000/"),
        ({"PORT": 80}, {}, ProbeSpec("/", "localhost"), "http://localhost/"),
        (
            {"PROBE_PATH": "/health/", "PROBE_HOST": "www.example.com", "READY_TIMEOUT": 5},
            {},
            ProbeSpec("/health/", "www.example.com", seconds=5.0),
            "http://www.example.com:8000/health/",
        ),
        (
            {},
            {"allowed_hosts": ("example.com",), "ssl_redirect": True, "probe_path": "/shop/"},
            ProbeSpec("/shop/", "example.com", https=True),
            "https://example.com/shop/",
        ),
    ],
)
def test_the_probe_asks_for_the_page_that_a_visitor_sees(
    settings: dict[str, Any], about: dict[str, Any], spec: ProbeSpec, url: str
) -> None:
    made = context(settings=settings, facts=facts(**about))
    assert (activate.probe(made), activate.url(made, spec)) == (spec, url)


def test_a_release_remembers_what_brings_it_back() -> None:
    found = release(NEW)
    assert (found.id, found.created, found.commit, found.subject, found.env, found.fingerprint) == (
        NEW,
        "2026-11-22T10:11:12Z",
        "1c1c1c1c" * 5,
        "Welcome the visitor",
        "e" * 16,
        "f" * 32,
    )
    assert (found.drain_seconds, found.watch_seconds, found.versions) == (
        30.0,
        5.0,
        {"python": "3.12.1", "django": "5.2.1"},
    )
    assert activate.release(context(source=source(commit=None))).commit == ""


# afterwards


NAMES = tuple(f"2026110{number}-000000-00000000" for number in range(1, 8))


def many(*, bad: tuple[str, ...] = (), keep: int = 5, envs: dict[str, str] | None = None) -> Context:
    releases = [release(name, env=(envs or {}).get(name, "e" * 16)) for name in NAMES]
    state = deployed(*releases, envs=tuple({one.env for one in releases}))
    state = replace(state, releases=known(*releases, bad=dict.fromkeys(bad, "it failed")))
    return context(state=state, settings={"KEEP": keep}, variables=None)


@pytest.mark.parametrize(
    ("bad", "keep", "kept"),
    [
        ((), 5, (NEW, NAMES[6], NAMES[5], NAMES[4], NAMES[3])),
        ((), 2, (NEW, NAMES[6])),
        ((NAMES[5], NAMES[4]), 4, (NEW, NAMES[6], NAMES[3], NAMES[2])),
        (NAMES[:6], 4, (NEW, NAMES[6], NAMES[5], NAMES[4])),
    ],
)
def test_good_releases_are_kept_before_bad_ones(bad: tuple[str, ...], keep: int, kept: tuple[str, ...]) -> None:
    assert finish.kept_releases(many(bad=bad, keep=keep)) == kept


def test_the_release_to_go_back_to_is_kept_though_it_is_bad() -> None:
    assert finish.kept_releases(many(bad=NAMES, keep=2)) == (NEW, NAMES[6])


def test_what_is_superseded_is_removed_with_its_log_and_environment() -> None:
    envs = {NAMES[0]: "old-env", NAMES[6]: "live-env"}
    remove, sweep, rotate = finish.tidy_up(many(keep=5, envs=envs)).actions
    doomed = NAMES[:3]
    assert isinstance(remove, Remove)
    assert remove.paths == (
        *(LAYOUT.release(name) for name in doomed),
        *(LAYOUT.release_log(name) for name in doomed),
        "/srv/mysite/envs/old-env",
    )
    assert sweep == SweepStatic(
        "/srv/mysite/shared/public", tuple(f"{LAYOUT.release(name)}/public" for name in (NEW, *NAMES[:2:-1]))
    )
    assert isinstance(rotate, RotateLogs)
    assert rotate.logs == ("/srv/mysite/log/access.log", "/srv/mysite/log/front-error.log")


def test_incomplete_releases_are_none_of_those_that_are_counted() -> None:
    made = many(keep=7)
    state = replace(made.state, releases=(*made.state.releases, Known("20261109-000000-00000000", None, "")))
    assert finish.kept_releases(replace(made, state=state))[:2] == (NEW, NAMES[6])


def test_the_variables_that_are_live_now_are_kept() -> None:
    assert finish.tidy_up(context()).actions[0] == KeepVariables(f"{RELEASE}/source/.env", "/srv/mysite/shared/.env")


def test_a_release_remembers_its_migrations_with_the_verdicts_of_the_one_before_it() -> None:
    said = {"settings": {"MIGRATIONS": {"shop.*": "expand"}}, "judged": (("shop.0007", "contract"),)}
    overrules = {"shop.*": "expand", "shop.0007": "contract"}
    path = LAYOUT.migrations(NEW)
    for made, before in ((context(**said), ""), (context(**said, state=deployed(release())), LAYOUT.migrations(OLD))):
        asked = json.loads(databases.remember(made).arguments)
        assert asked == {"path": path, "before": before, "overrules": overrules}


@pytest.mark.parametrize("leads", [True, False])
def test_it_remembers_again_what_came_after_the_old_code(leads: bool) -> None:
    late = Pending("default", "shop", "0007", ("Remove it",), True, declared="contract")
    made = context(state=deployed(release()), facts=facts(pending=(late,)), leads=leads)
    asked = finish.tidy_up(made).actions[0]
    assert isinstance(asked, Ask)
    assert (asked.question, asked.agent) == ("remember_migrations", made.agent)
    path = LAYOUT.migrations(NEW)
    assert json.loads(asked.arguments) == {"path": path, "before": path, "overrules": {}}
    assert databases.remember_again(context(state=deployed(release()))) == ()


@pytest.mark.parametrize("leads", [True, False])
def test_what_is_to_come_after_the_old_code_counts_from_the_switch_on(leads: bool) -> None:
    """A runner that dies later could not tell it any more."""
    late = Pending("default", "shop", "0007", ("Remove it",), True, declared="contract")
    known = facts(pending=(late,), databases={"default": "postgresql"}, own_databases=())
    made = context(state=deployed(release()), facts=known, leads=leads)
    before_the_switch = [one for step in activate.start_and_switch(made)[:3] for one in step.actions]
    [asked] = [one for one in before_the_switch if isinstance(one, Ask) and one.question == "remember_migrations"]
    assert json.loads(asked.arguments)["expected"] == [["default", "shop.0007"]]
    noted = Write(f"{RELEASE}/.unmigrated", "shop.0007\n")
    assert (noted in before_the_switch) == leads
    gone = ExpectGone("/srv/mysite/run/supervisor.sock", release().groups)
    assert (gone in finish.contract(made).actions) == leads
    assert (gone in finish.expect_gone(made).actions) != leads


@pytest.mark.parametrize(
    ("settings", "about", "expected"),
    [
        ({}, {"boot": "cron"}, (StartAtBoot("/srv/mysite", "cron"),)),
        ({}, {"boot": "systemd"}, (StartAtBoot("/srv/mysite", "systemd"),)),
        ({}, {"boot": "cron", "boot_installed": True}, ()),
        ({}, {"boot": ""}, ()),
        ({"START_AT_BOOT": False}, {"boot": "cron"}, ()),
        ({"PROCESS_MANAGER": {"BACKEND": "supervisor", "OPTIONS": {"scope": "system"}}}, {"boot": "cron"}, ()),
    ],
)
def test_a_site_starts_again_after_a_reboot_once_that_is_installed(
    settings: dict[str, Any], about: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    assert finish.start_at_boot(context(settings=settings, state=host_state(**about))).actions == expected


def test_the_environment_of_a_release_is_linked_relative_to_it() -> None:
    actions = stage.receive_source(context()).actions
    assert Link(f"{RELEASE}/env", "../../envs/eeeeeeeeeeeeeeee") in actions


# builds and judgements


def built(files: dict[str, str] = FILES, *, commands: tuple[str, ...] = ("make",), **changes: Any) -> Build:
    made = context(settings={"BUILD": [list(commands)]}, source=source(files), **changes)
    [action] = build.build(made).actions
    assert isinstance(action, Build)
    return action


def test_a_build_runs_in_the_release_and_knows_the_one_before() -> None:
    action = built({**FILES, "web/package.json": "{}"}, base=f"/srv/mysite/releases/{OLD}/source")
    assert (action.folder, action.before) == (RELEASE, f"/srv/mysite/releases/{OLD}")
    assert (action.cwd, action.launch) == (f"{RELEASE}/source", LAUNCH)
    assert (action.commands, action.packages, action.timeout) == ((("make",),), ("web/package.json",), 900.0)
    assert build.build(context()).actions == ()


def test_a_build_is_another_one_where_what_it_reads_is() -> None:
    usual = built()
    assert built({**FILES, "manage.py": "import os\n"}).key == usual.key
    assert built({**FILES, "manage.py": "import os\n"}).key_of_all != usual.key_of_all
    for other in (
        built({**FILES, "mysite/static/a.css": "a {}"}),
        built(commands=("make", "all")),
        built(env_key="f" * 16),
        built(variables=Secret("API=1\n")),
    ):
        assert other.key != usual.key
    tailwind = built(commands=("tailwindcss", "-o", "a.css"))
    assert tailwind.key == tailwind.key_of_all


def test_pages_are_asked_of_the_live_release_too_where_it_answers() -> None:
    old = release(OLD)
    made = context(state=deployed(old), accept=("selfdeploy.E030",))
    [action] = judge.compare_pages(made, release(NEW)).actions
    assert isinstance(action, ComparePages)
    assert (action.new, action.old) == (f"{RELEASE}/app.sock", f"/srv/mysite/releases/{OLD}/app.sock")
    assert (action.pages, action.given, action.accepted) == (("/", "/about/"), (), True)
    silent = context(state=deployed(old, live_answers=False))
    for first in (context(), silent):
        [action] = judge.compare_pages(first, release(NEW)).actions
        assert isinstance(action, ComparePages)
        assert (action.old, action.accepted) == ("", False)


def test_no_page_is_asked_where_none_is_wanted_or_no_visitor_comes() -> None:
    for settings in ({"SMOKE": False}, {"FRONT": "django_selfdeploy.backends.no_front.NoFront"}):
        assert judge.compare_pages(context(settings=settings), release(NEW)).actions == ()


def test_the_record_is_written_when_the_pages_were_judged() -> None:
    for smoke, last in ((True, "ask for pages"), (False, "wait until they answer")):
        steps = activate.start_and_switch(context(settings={"SMOKE": smoke}))
        [step] = [each for each in steps if any(getattr(a, "path", "").endswith("release.json") for a in each.actions)]
        assert step.name == last


def test_packages_are_checked_in_a_new_environment_and_audited_where_that_is_wanted() -> None:
    [check] = judge.check_packages(context()).actions
    assert isinstance(check, CheckPackages)
    assert check.argv == ("/usr/bin/uv", "pip", "check", "--python", PYTHON)
    [check] = judge.check_packages(context(uv="")).actions
    assert isinstance(check, CheckPackages)
    assert check.argv == (PYTHON, "-m", "pip", "check")
    there = {"state": host_state(envs=("e" * 16,))}
    assert judge.check_packages(context(**there)).actions == ()
    settings = {"AUDIT": True, "REFUSE": ["selfdeploy.W035"]}
    [audit] = judge.check_packages(context(settings=settings, **there)).actions
    assert audit == Audit(ENV, "selfdeploy.W035", "selfdeploy.W036", (), ("selfdeploy.W035",))


# tables of caches


@pytest.mark.parametrize(
    ("changes", "uncached", "made"),
    [
        ({}, (), []),
        ({}, ("default",), ["default"]),
        ({"leads": False}, ("default", "local"), ["local"]),
        ({"leads": False}, ("default",), []),
    ],
)
def test_tables_of_caches_are_made_once_where_they_are_missing(
    changes: dict[str, Any], uncached: tuple[str, ...], made: list[str]
) -> None:
    about = facts(uncached=uncached, pending=(), own_databases=("local",), databases={"default": "postgresql"})
    actions = activate.migrate(context(facts=about, **changes)).actions
    asked = [(one.question, json.loads(one.arguments)) for one in actions if isinstance(one, Ask)]
    assert asked == ([("create_cache_tables", {"databases": made})] if made else [])
