"""What a host is prepared with follows from the target; the script of it is one that a shell reads."""

import re
import subprocess
from typing import Any

import pytest

from django_selfdeploy.core import codec
from django_selfdeploy.core.actions.accounts import AuthorizeKeys, MakeUser
from django_selfdeploy.core.actions.packages import InstallPackages
from django_selfdeploy.core.actions.prepare import Prepare
from django_selfdeploy.core.actions.system import EnableUnit, LowerPorts, OpenPort, PlaceFile
from django_selfdeploy.core.errors import ConfigError
from django_selfdeploy.core.plan import Plan
from django_selfdeploy.core.setup_script import FUNCTIONS, script_of
from django_selfdeploy.steps.setup import Preparation, setup_plan
from tests.golden import cases
from tests.golden.write import kept
from tests.making import LAYOUT, target


def plan(*, user: str = "deploy", keys: tuple[str, ...] = (), firewall: bool = False, **settings: Any) -> Plan:
    return setup_plan(Preparation(target(**settings), LAYOUT, user, keys, firewall))


def actions(made: Plan, kind: type[Prepare]) -> list[Any]:
    return [action for step in made.steps for action in step.actions if isinstance(action, kind)]


def packages(made: Plan) -> list[str]:
    [action] = actions(made, InstallPackages)
    return [package.name for package in action.packages]


@pytest.mark.parametrize("name", cases.setups())
def test_the_plan_and_the_script_are_those_of_the_golden_files(name: str) -> None:
    there = kept()
    for ending, text in cases.setup_texts(cases.setups()[name]).items():
        assert text == there[f"setup-{name}.{ending}"]


@pytest.mark.parametrize("name", cases.setups())
def test_the_plan_travels_and_each_step_is_one_preparation(name: str) -> None:
    made = setup_plan(cases.setups()[name])
    assert codec.loads(codec.dumps(made)) == made
    assert [
        step.name for step in made.steps if len(step.actions) != 1 or not isinstance(step.actions[0], Prepare)
    ] == []
    assert len({step.name for step in made.steps}) == len(made.steps)


@pytest.mark.parametrize("name", cases.setups())
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_shell_can_read_the_script(name: str, shell: str) -> None:
    script = script_of(setup_plan(cases.setups()[name]))
    done = subprocess.run((shell, "-n"), input=script, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_script_calls_functions_that_it_has() -> None:
    functions = set(re.findall(r"^(\w+)\(\) \{", FUNCTIONS, re.MULTILINE))
    own = "".join(cases.setup_texts(wanted)["sh.txt"] for wanted in cases.setups().values())
    called = set(re.findall(r"^(?:if [^\n]* then |    |\[[^\n]*\|\| )?(\w+) ", own, re.MULTILINE)) & functions
    assert functions - called <= {"fail", "as", "apt", "install_needed", "put"}


def test_the_script_is_for_root() -> None:
    first = FUNCTIONS.splitlines()
    assert first[0] == "#!/bin/sh"
    assert '[ "$(id -u)" = 0 ] || fail' in FUNCTIONS


def test_packages_are_those_that_the_parts_need() -> None:
    assert packages(plan()) == ["python3", "python3-venv", "nginx", "logrotate", "cron"]
    assert packages(plan(START_AT_BOOT=False)) == ["python3", "python3-venv", "nginx", "logrotate"]
    assert packages(plan(FRONT=cases.SYSTEM["FRONT"])) == ["python3", "python3-venv", "nginx", "sudo", "cron"]
    assert packages(plan(user="root", **cases.SYSTEM)) == ["python3", "python3-venv", "nginx", "supervisor"]


def test_a_python_that_is_named_is_installed_and_one_with_a_path_is_not() -> None:
    assert packages(plan(PYTHON="python3.12"))[:2] == ["python3.12", "python3.12-venv"]
    assert packages(plan(PYTHON="/opt/python/bin/python3"))[:1] == ["nginx"]


def test_root_needs_no_user_no_rule_and_no_port() -> None:
    made = plan(user="root", PORT=80, keys=("ssh-ed25519 AAAA",))
    assert actions(made, MakeUser) + actions(made, AuthorizeKeys) + actions(made, LowerPorts) == []
    assert "User=" not in actions(made, EnableUnit)[0].text


def test_only_a_low_port_of_our_own_front_server_is_opened_to_users() -> None:
    assert actions(plan(PORT=1023), LowerPorts) == [LowerPorts(1023)]
    assert actions(plan(PORT=1024), LowerPorts) == []
    assert actions(plan(PORT=80, FRONT=cases.SYSTEM["FRONT"]), LowerPorts) == []


def test_the_firewall_is_opened_only_when_that_was_asked_for() -> None:
    assert actions(plan(firewall=True), OpenPort) == [OpenPort(8000)]
    assert actions(plan(), OpenPort) == []


def test_sudo_allows_two_whole_commands_of_roots_own_program() -> None:
    made = plan(FRONT=cases.SYSTEM["FRONT"])
    [rule] = [file for file in actions(made, PlaceFile) if file.path == "/etc/sudoers.d/selfdeploy-mysite"]
    helper = "/usr/local/sbin/selfdeploy-mysite-nginx"
    assert rule.mode == 0o440
    assert rule.check == ("visudo", "-c", "-q", "-f")
    assert rule.text.splitlines()[1:] == [
        f"Defaults!{helper} !requiretty",
        f"deploy ALL=(root) NOPASSWD: {helper} install, {helper} remove",
    ]
    assert [file.mode for file in actions(made, PlaceFile) if file.path == helper] == [0o755]


def test_a_user_cannot_have_roots_supervisord() -> None:
    with pytest.raises(ConfigError, match=r"^'deploy' cannot use the machine's supervisord"):
        plan(**cases.SYSTEM)
