"""Steps that prepare a staged release for the switch: its tests, its configuration, its database."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from ..backends.hostnames import host_for_probe
from ..backends.rendering import render
from ..context import Context
from ..core import going_live, window
from ..core.actions.base import Action
from ..core.actions.django import Ask, Migrate
from ..core.actions.files import LeaveRunner, Write
from ..core.actions.processes import Run, Say
from ..core.actions.static import ShareStatic
from ..core.codec import dumps
from ..core.plan import Failure, Phase, Step
from ..core.release import RECORD, UNMIGRATED, ProbeSpec, Program, Release
from ..process_options import Process
from ..project import contract
from . import databases, judge
from .judge import compare_pages

PYTEST_FILES = (
    ("pytest.ini", ""),
    (".pytest.ini", ""),
    ("pyproject.toml", "[tool.pytest"),
    ("setup.cfg", "[tool:pytest]"),
    ("tox.ini", "[pytest]"),
)
"""Files that configure pytest, and what they hold then (pytest's rules for its root folder)."""

PYTEST_FOUND_NONE = 5


def run_tests(context: Context) -> Step:
    """The project's own tests, in the new release, its virtualenv and its variables."""
    actions: tuple[Action, ...] = ()
    if context.target.tests is not False and not context.skip_tests:
        allowed = (0, PYTEST_FOUND_NONE) if uses_pytest(context) else (0,)
        command = context.launched(*test_command(context))
        actions = (Run(command, context.project, timeout=context.target.tests_timeout, allowed=allowed),)
    return Step(
        Phase.TEST.value,
        "run the tests",
        actions,
        failure=Failure(
            "TestsFailed",
            "The project's tests fail in the new release.",
            "Mend them and deploy again; `--skip-tests` deploys without them, and the record says so.",
        ),
    )


def test_command(context: Context) -> tuple[str, ...]:
    labels = context.target.tests if isinstance(context.target.tests, tuple) else ()
    if uses_pytest(context):
        return ("python", "-m", "pytest", "-q", *labels)
    return ("python", "manage.py", "test", "--noinput", *labels)


def uses_pytest(context: Context) -> bool:
    """Whether the project is set up for pytest and it is installed in the release."""
    prefix = f"{context.source.project}/" if context.source.project else ""
    configured = any(
        (text := context.source.text(f"{prefix}{name}")) is not None and mark in text for name, mark in PYTEST_FILES
    )
    return configured and context.known_facts.test_runner == "pytest"


def write_configuration(context: Context) -> Step:
    """Generated files, in the release itself: nothing that runs reads them before the switch."""
    files = generated_files(context)
    layout, target = context.layout, context.target
    actions: list[Action] = [Write(f"{context.etc}/{name}", text) for name, text in files.items()]
    actions.append(Write(f"{context.etc}/{contract.FILE}", contract.remembered(context.known_facts.contract)))
    roots = target.process_manager.root_files(context)
    actions += [Write(f"{layout.etc}/{name}", text) for name, text in roots.items()]
    front = target.front.program_conf(context, context.state.programs.get(target.front.program, "nginx"))
    if front:
        actions.append(Write(f"{layout.etc}/{context.app}-front.conf", front))
    actions += [
        Write(f"{layout.etc}/mime.types", render("nginx/mime.types", {})),
        Write(f"{layout.bin}/manage", render("bin/manage", {"layout": layout}), 0o755),
        Write(f"{layout.bin}/env.sh", render("bin/env.sh", {"layout": layout})),
        Write(
            f"{layout.bin}/selfdeploy",
            render("bin/selfdeploy", {"layout": layout, "python": context.python}),
            0o755,
        ),
        LeaveRunner(f"{layout.bin}/runner"),
    ]
    return Step(
        Phase.ACTIVATE.value,
        "write the configuration",
        tuple(actions),
        failure=Failure("HostError", "The configuration could not be written."),
    )


def generated_files(context: Context) -> dict[str, str]:
    """The texts of the files in the release's etc/, by name."""
    target = context.target
    return {
        **target.app_server.files(context),
        **target.front.files(context),
        **target.process_manager.files(context, programs(context)),
    }


def check_configuration(context: Context) -> Step:
    """The programs judge their files themselves, before anything is touched."""
    target = context.target
    executable = context.state.programs.get(target.front.program, "nginx")
    server = json.dumps({"argv": target.app_server.check(context)})
    front = target.front.check(context, executable)
    return Step(
        Phase.ACTIVATE.value,
        "check the configuration",
        (
            *((Run(front, cwd=context.layout.root),) if front else ()),
            *((Ask(context.agent, "check_server", server),) if target.front.serves else ()),
        ),
        failure=Failure(
            "ReleaseError",
            "A program refuses its generated configuration, or the application does not load.",
            "`deploy_config` prints the files; the live release is untouched.",
        ),
    )


def collect_static(context: Context) -> Step:
    """Static files of the release; what did not change is the last one's. Older pages find theirs in shared/."""
    facts, layout = context.known_facts, context.layout
    if not facts.static_url:
        return Step(Phase.ACTIVATE.value, "collect the static files", ())
    actions: list[Action] = [Ask(context.agent, "collectstatic", static_order(context), quiet=True)]
    if facts.serves_static:
        actions.append(ShareStatic(context.public, layout.old_static))
    return Step(
        Phase.ACTIVATE.value,
        "collect the static files",
        tuple(actions),
        failure=Failure(
            "StaticFailed",
            "The static files cannot be collected.",
            "Try `manage.py collectstatic --dry-run`; the live release is untouched.",
        ),
    )


def static_order(context: Context) -> str:
    """What the release's Django is told about static files: what to make of them, and what is there already."""
    options = {**asdict(context.target.static)}
    options["brotli"] &= "brotli" in context.target.front.encodings(context)
    served = context.known_facts.serves_static
    return json.dumps({"before": context.base.removesuffix("/source"), "served": served, "static": options})


def close(context: Context) -> tuple[Step, ...]:
    """In a window: nobody is served, and no old code runs, until `reopen`."""
    if not context.is_closed or context.previous is None:
        return ()
    layout, previous = context.layout, context.previous
    closing = window.close(layout, previous, key=context.window_key, agent=context.agent)
    return (closing, window.stop_for_window(layout, previous))


def migrate(context: Context) -> Step:
    """As late as can be before the new processes start: what fails before leaves the database alone.

    Once for all hosts, by the one that leads. Another one has only those databases to migrate that are its own.
    """
    before = mine(context, context.schedule.before)
    pending = ", ".join(dict.fromkeys(label for _, label in before))
    stays = f"The database is not taken back. Of these migrations, those that were applied stay: {pending}."
    return Step(
        (Phase.MIGRATE if context.leads else Phase.START).value,
        "migrate the database" if context.leads else "migrate the host's own database",
        (
            *((*databases.expect_fixtures(context), *applying(context, before)) if before else ()),
            *cache_tables(context),
        ),
        undo=(Say(stays),) if before else (),
        failure=Failure(
            "MigrationFailed",
            "A migration fails.",
            "The live release is untouched; mend the migration, and deploy again.",
        ),
    )


def cache_tables(context: Context) -> tuple[Action, ...]:
    """Caches in the database need tables that no migration makes."""
    lacking = [alias for alias in context.known_facts.uncached if alias in databases.mine(context)]
    return (Ask(context.agent, "create_cache_tables", json.dumps({"databases": lacking})),) if lacking else ()


def mine(context: Context, chosen: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Those of the migrations that this host applies."""
    return tuple(pair for pair in chosen if pair[0] in databases.mine(context))


def applying(context: Context, chosen: tuple[tuple[str, str], ...]) -> tuple[Action, ...]:
    """The action that applies the chosen migrations; none where there are none."""
    target = context.target
    limits = (target.lock_timeout, target.statement_timeout, target.lock_tries)
    return (Migrate(context.agent, chosen, *limits),) if chosen else ()


def start_and_switch(context: Context) -> tuple[Step, ...]:
    """The record is written when the release has answered: one that was interrupted before is none to go back to."""
    supervised = context.state.processes is not None
    new = release(context)
    key = context.window_key if context.is_closed else ""
    start, ready, quiet, work, *rest = going_live.going_live(
        context.layout, new, context.previous, supervised=supervised, agent=context.agent, key=key
    )
    record = Write(f"{context.folder}/{RECORD}", dumps(new, indent=1))
    known = (databases.remember(context), *_note_missing(context), record)
    before = [start, ready, compare_pages(context, new), judge.queued_tasks(context), quiet, work]
    *before, last = (step for step in before if step.actions)
    return (*before, replace(last, actions=(*last.actions, *known)), *rest)


def _note_missing(context: Context) -> tuple[Action, ...]:
    """Name the migrations that are to come in the release's folder, until they are there: whatever happens to them, the
    next deployment is not taken for one that changes nothing.
    """
    after = mine(context, context.schedule.after)
    text = "".join(f"{label}\n" for _, label in after)
    return (Write(f"{context.folder}/{UNMIGRATED}", text),) if after else ()


def programs(context: Context) -> tuple[Program, ...]:
    """The web server first, where visitors come, then the other processes."""
    target = context.target
    prefix = f"{context.app}-{context.release}"
    web = Program("web", f"{prefix}-web", True, target.app_server.stop_seconds())
    others = tuple(_program(prefix, name, process) for name, process in context.processes.items())
    return (web, *others) if target.front.serves else others


def _program(prefix: str, name: str, process: Process) -> Program:
    beside, alone = process.overlap is True, process.alone(name)
    return Program(name, f"{prefix}-{name}", False, process.seconds, beside, alone)


def release(context: Context) -> Release:
    """The record that is kept in the release's folder."""
    target, facts, source = context.target, context.known_facts, context.source
    front = target.front.front(context)
    spec = probe(context)
    return Release(
        app=context.app,
        id=context.release,
        created=context.created,
        commit=source.commit or "",
        subject=source.subject,
        env=context.env_key,
        project=source.project,
        programs=programs(context),
        probe=spec,
        front=front,
        control=target.process_manager.control(context.layout),
        url=url(context, spec),
        fingerprint=context.fingerprint,
        drain_seconds=target.drain_timeout,
        watch_seconds=target.watch,
        versions=facts.versions,
    )


def probe(context: Context) -> ProbeSpec:
    target, facts = context.target, context.known_facts
    host = target.probe_host or host_for_probe(facts.allowed_hosts, prepend_www=facts.prepend_www)
    return ProbeSpec(target.probe_path or facts.probe_path, host, facts.ssl_redirect, target.ready_timeout)


def url(context: Context, spec: ProbeSpec) -> str:
    """Where the site can be seen: the page that the probe asks for, by the host's own name where any will do."""
    port = context.target.port
    scheme = "https" if spec.https else "http"
    elsewhere = context.host.partition(":")[0] if spec.host == "localhost" else ""
    host = elsewhere or spec.host
    where = host if spec.https or port == 80 else f"{host}:{port}"
    return f"{scheme}://{where}{spec.path}"
