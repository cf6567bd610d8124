"""What must not be deployed, or not here, is said in a sentence with what to do."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from django_selfdeploy.context import Context
from django_selfdeploy.core.errors import HostError, MigrationRefused, ReleaseError
from django_selfdeploy.core.layout import Layout
from django_selfdeploy.judgements import (
    judge_host,
    judge_migrations,
    judge_release,
    news,
    on_migrations,
    recorded,
    remarks,
    warnings,
)
from django_selfdeploy.project.facts import Message, Pending, Table
from django_selfdeploy.project.safety.findings import UNKNOWN, Finding, judgement, locking
from tests.golden.cases import SYSTEM
from tests.making import MadeSource, context, deployed, facts, host_state, release, requirements, source


def host_refused(**changes: Any) -> tuple[str, str, int]:
    with pytest.raises(HostError) as caught:
        judge_host(context(**changes))
    return caught.value.message, caught.value.hint, caught.value.exit_code


def release_refused(settings: dict[str, Any] | None = None, **changes: Any) -> tuple[str, str, int]:
    with pytest.raises(ReleaseError) as caught:
        judge_release(context(settings=settings, facts=facts(**changes)))
    return caught.value.message, caught.value.hint, caught.value.exit_code


def test_a_host_that_has_everything_is_judged_good() -> None:
    judge_host(context())
    judge_host(context(facts=None))


def test_a_program_that_is_not_there_is_named() -> None:
    assert host_refused(state=host_state(programs={})) == (
        "The program 'nginx' is not on 'web1'.",
        "`manage.py deploy_setup`, run once as root, installs it, or `apt-get install nginx`; then deploy again.",
        4,
    )


@pytest.mark.parametrize("known", [None, facts()])
def test_the_holder_of_the_port_is_named(known: Any) -> None:
    state = host_state(port_holder="`apache2 -k start` (pid 4711)")
    assert host_refused(alias="production", state=state, facts=known) == (
        "Port 8000 is taken by `apache2 -k start` (pid 4711).",
        'Stop it, or choose another port: SELFDEPLOY = {"production": {"PORT": 8001}}.',
        4,
    )


@pytest.mark.parametrize("manager", [{}, SYSTEM])
def test_the_machines_front_server_holds_its_port_by_right(manager: dict[str, Any]) -> None:
    settings = {**manager, "FRONT": SYSTEM["FRONT"]}
    judge_host(context(settings=settings, state=host_state(port_holder="`nginx` (pid 1)", uid=0), facts=None))


def test_a_path_that_is_too_long_for_a_socket_is_told_with_its_length() -> None:
    root = "/srv/" + "x" * 80
    socket = f"{root}/releases/20260101-000000-12345678/app.sock"
    message = f"The path '{socket}' has {len(socket)} bytes, and a socket's path may have 107."
    assert host_refused(layout=Layout(root)) == (message, 'Choose a shorter "ROOT".', 4)
    judge_host(context(layout=Layout("/srv/" + "x" * (107 - len(socket) + 80))))


def big(size: int) -> MadeSource:
    made = source({"big": ""})
    return replace(made, entries=(replace(made.entries[0], size=size),))


def test_a_full_disk_is_told_with_what_is_needed() -> None:
    assert host_refused(source=big(50_000_000), state=host_state(disk_free=599_000_000)) == (
        "'/srv/mysite' has 599 MB free, and this deployment needs 600 MB.",
        'Make room, or lower "KEEP" or "DISK_RESERVE".',
        4,
    )
    judge_host(context(source=big(50_000_000), state=host_state(disk_free=600_000_000)))


def test_an_environment_that_is_there_needs_no_room_and_the_reserve_is_the_targets() -> None:
    state = host_state(disk_free=100_000_000, envs=("e" * 16,))
    judge_host(context(source=big(50_000_000), state=state, settings={"DISK_RESERVE": 0}))


def test_a_disk_without_room_for_files_is_told() -> None:
    assert host_refused(state=host_state(files_free=9_999)) == (
        "'/srv/mysite' has room for 9999 more files only.",
        "Make room.",
        4,
    )


def message(level: int, identity: str, text: str = "Text.", hint: str = "") -> Message:
    return Message(level, identity, text, hint)


def test_a_release_that_has_everything_is_judged_good() -> None:
    judge_release(context(facts=facts(messages=(message(logging.WARNING, "security.W004"),))))


def test_a_check_that_fails_is_told_with_its_hint() -> None:
    assert release_refused(messages=(message(logging.ERROR, "models.E001", "It is odd.", "Mend it."),)) == (
        "The checks of the new release fail: (models.E001) It is odd.",
        "Mend it.",
        7,
    )


def test_several_checks_that_fail_are_told_in_lines() -> None:
    failing = (
        message(logging.ERROR, "models.E001", "It is odd."),
        message(logging.WARNING, "security.W004"),
        message(logging.CRITICAL, "models.E002", "It is worse."),
    )
    assert release_refused(messages=failing) == (
        "The checks of the new release fail with 2 messages:\n    (models.E001) It is odd.\n    (models.E002) It is worse.",
        "`manage.py check --deploy` shows it here.",
        7,
    )


@pytest.mark.parametrize(
    ("level", "fails"), [("DEBUG", True), ("WARNING", True), ("ERROR", False), ("CRITICAL", False)]
)
def test_the_target_says_from_which_level_on_a_check_fails(level: str, fails: bool) -> None:
    messages = (message(logging.WARNING, "security.W004", "HSTS is off."),)
    settings = {"CHECK_FAIL_LEVEL": level}
    if fails:
        expected = "The checks of the new release fail: (security.W004) HSTS is off."
        assert release_refused(settings, messages=messages)[0] == expected
    else:
        judge_release(context(settings=settings, facts=facts(messages=messages)))


def test_a_project_without_an_application_is_refused() -> None:
    assert release_refused(application="") == (
        "(selfdeploy.E008) WSGI_APPLICATION is not set, so no server knows what to run.",
        'Write WSGI_APPLICATION = "mysite.wsgi.application".',
        7,
    )


def test_a_project_without_a_page_to_ask_for_is_refused() -> None:
    assert release_refused(probe_path="") == (
        "(selfdeploy.E009) The project has no page that could prove that a release works.",
        'Name one that answers with 200: SELFDEPLOY = {"default": {"PROBE_PATH": "/health/"}}.',
        7,
    )
    judge_release(context(settings={"PROBE_PATH": "/health/"}, facts=facts(probe_path="")))


# remarks


def told(**changes: Any) -> tuple[str, ...]:
    return remarks(context(**changes))


def test_a_usual_deployment_has_neither_remarks_nor_warnings() -> None:
    assert (told(), warnings(context())) == ((), ())


def test_choices_that_were_made_for_the_user_are_told() -> None:
    made = {
        "requirements": requirements(kind="frozen"),
        "source": source(kind="tree", commit=None, left_out=("db.sqlite3", "media/")),
    }
    assert told(**made) == (
        "(selfdeploy.I015) The project has no requirements file, so the packages of this virtualenv are installed.",
        "(selfdeploy.I016) The project is not in git, so its folder is deployed as it is.",
        "(selfdeploy.I017) Not deployed: db.sqlite3, media/.",
    )


def test_a_release_that_is_made_again_has_no_requirements_to_remark_on() -> None:
    assert told(requirements=None) == ()


def test_what_was_put_right_is_told_in_full_and_other_warnings_by_their_names() -> None:
    messages = (
        message(logging.WARNING, "selfdeploy.W001", "DEBUG is on."),
        message(logging.WARNING, "security.W004"),
        message(logging.INFO, "shop.I001"),
        message(logging.WARNING, "security.W008"),
        message(logging.WARNING, "security.W004"),
        message(logging.INFO, "selfdeploy.I004", "The SQLite file was moved."),
    )
    found = facts(messages=messages)
    assert told(facts=found) == ("(selfdeploy.I004) The SQLite file was moved.",)
    assert warnings(context(facts=found)) == (
        "(selfdeploy.W001) DEBUG is on.",
        "3 warnings of `manage.py check --deploy`: security.W004, security.W008",
    )


def test_a_check_that_is_overruled_stops_nothing_and_is_told() -> None:
    messages = (message(logging.ERROR, "models.E001", "It is odd."), message(logging.WARNING, "security.W004", "Off."))
    settings = {"ACCEPT": ["models.E001"]}
    made = context(settings=settings, facts=facts(messages=messages))
    judge_release(made)
    assert warnings(made) == (
        "(models.E001) was overruled: It is odd.",
        "1 warning of `manage.py check --deploy`: security.W004",
    )
    asked = context(accept=("models.E001",), facts=facts(messages=messages))
    judge_release(asked)
    assert warnings(asked) == warnings(made)


def test_a_check_that_is_refused_stops_whatever_its_level() -> None:
    messages = (message(logging.INFO, "shop.I001", "A shop."),)
    settings = {"REFUSE": ["shop.I001"]}
    assert release_refused(settings, messages=messages)[0] == "The checks of the new release fail: (shop.I001) A shop."
    both = context(settings={**settings, "ACCEPT": ["shop.I001"]}, facts=facts(messages=messages))
    judge_release(both)
    assert warnings(both) == ("(shop.I001) was overruled: A shop.",)


def test_a_port_that_is_for_root_only_is_said_to_be() -> None:
    assert host_refused(settings={"PORT": 80}) == (
        "Port 80 is for root only on 'web1', and you are 'deploy'.",
        "`manage.py deploy_setup`, run once as root, opens it to users, or choose one from 1024 on.",
        4,
    )
    judge_host(context(settings={"PORT": 80}, state=host_state(uid=0)))
    judge_host(context(settings={"PORT": 80}, state=host_state(lowest_port=80)))
    judge_host(context(settings=SYSTEM, state=host_state(uid=0)))


def test_what_is_new_in_a_release_is_told_at_every_deployment_and_recorded_with_the_warnings() -> None:
    messages = (
        message(logging.INFO, "selfdeploy.I004", "The SQLite file was moved."),
        message(logging.INFO, "selfdeploy.I053", "The settings read the new variable 'A'."),
        message(logging.WARNING, "selfdeploy.W052", "The variable 'B' is read by nobody."),
    )
    found = context(facts=facts(messages=messages))
    new, unused = (
        "(selfdeploy.I053) The settings read the new variable 'A'.",
        "(selfdeploy.W052) The variable 'B' is read ",
    )
    assert news(found) == (new,)
    assert new in remarks(found)
    assert recorded(found) == (f"{unused}by nobody.", new)


def test_a_variable_that_nobody_reads_stops_where_that_is_wanted() -> None:
    messages = (message(logging.WARNING, "selfdeploy.W052", "The variable 'B' is read by nobody."),)
    text, _, code = release_refused({"REFUSE": ["selfdeploy.W052"]}, messages=messages)
    assert ("(selfdeploy.W052) The variable 'B' is read by nobody." in text, code) == (True, 7)


# migrations

OWN_CODE = Pending(
    "default",
    "shop",
    "0007",
    ("Raw Python operation",),
    True,
    judgements=(judgement("Raw Python operation", (Finding(UNKNOWN, "Nobody can tell."),)),),
)
LOCKS = Pending(
    "default",
    "shop",
    "0008",
    ("Create index",),
    True,
    judgements=(judgement("Create index", (locking("Whoever writes waits.", "Wait less."),)),),
    tables=(Table("shop_order", 1_200_000, 9),),
)


def migrating(*pending: Pending, **changes: Any) -> Context:
    return context(state=deployed(release()), facts=facts(pending=pending), **changes)


def test_what_is_to_be_known_of_migrations_stops_nothing() -> None:
    made = migrating(OWN_CODE, LOCKS, judged=(("shop.0009", "expand"),))
    judge_migrations(made)
    assert on_migrations(made) == (
        "(selfdeploy.W023) shop.0007 is applied before the switch, unjudged: Raw Python operation.",
        "(selfdeploy.W025) shop.0008: Whoever writes waits. There are 1200000 rows in 'shop_order'. Wait less.",
    )
    assert on_migrations(context(facts=facts(pending=(OWN_CODE,)))) == ()  # no code runs yet


def test_refuse_stops_what_nobody_can_judge() -> None:
    with pytest.raises(MigrationRefused) as caught:
        judge_migrations(migrating(OWN_CODE, LOCKS, settings={"REFUSE": ["selfdeploy.W023"]}))
    assert str(caught.value) == (
        "(selfdeploy.W023) shop.0007 is applied before the switch, unjudged: Raw Python operation.\n"
        'Let it declare itself: selfdeploy = "expand" or "contract". REFUSE says that this stops a deployment; '
        "`--accept selfdeploy.W023` overrules it."
    )
    declared = replace(OWN_CODE, declared="expand")
    judge_migrations(migrating(declared, settings={"REFUSE": ["selfdeploy.W023"]}))


def test_accept_overrules_that_and_it_is_told() -> None:
    settings = {"REFUSE": ["selfdeploy.W023", "selfdeploy.W025"]}
    made = migrating(OWN_CODE, LOCKS, settings=settings, accept=("selfdeploy.W023", "selfdeploy.W025"))
    judge_migrations(made)
    assert [line.split(": ")[0] for line in on_migrations(made)] == [
        "(selfdeploy.W023) was overruled",
        "(selfdeploy.W025) was overruled",
    ]


def test_an_overruled_judgement_can_be_refused_too() -> None:
    changes = {"judged": (("shop.0007", "expand"),), "settings": {"REFUSE": ["selfdeploy.W024"]}}
    with pytest.raises(MigrationRefused, match="shop.0007 is treated as 'expand', because it was overruled"):
        judge_migrations(migrating(OWN_CODE, **changes))


@pytest.mark.parametrize("key", ["", "5d" * 16])
def test_what_breaks_the_code_of_hosts_that_are_left_out_is_refused(key: str) -> None:
    late = Pending("default", "shop", "0009", ("Remove it",), True, declared="contract")
    with pytest.raises(MigrationRefused) as caught:
        judge_migrations(migrating(LOCKS, late, left_out=("web3", "web4"), window_key=key))
    assert str(caught.value) == (
        "shop.0009 breaks the code that runs on web3, web4, which this deployment leaves out.\n"
        "Deploy to all hosts, or overrule it (--migration shop.0009=expand)."
    )
    judge_migrations(migrating(LOCKS, late, left_out=("web3",), judged=(("shop.0009", "expand"),)))
    judge_migrations(migrating(LOCKS, left_out=("web3",)))
