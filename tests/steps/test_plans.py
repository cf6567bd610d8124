"""Whole plans, as the golden files show them."""

import pytest

from django_selfdeploy.core import codec
from django_selfdeploy.core.actions.processes import Say
from django_selfdeploy.core.actions.source import Receive
from django_selfdeploy.core.plan import Phase, Plan
from django_selfdeploy.hosts.memory import MemoryConnection
from django_selfdeploy.steps.plans import activate_plan, stage_plan
from tests.golden import cases
from tests.golden.write import kept
from tests.making import NEW, ROOT, context, facts

DEPLOYMENTS = cases.deployments()


def both(name: str) -> tuple[Plan, Plan]:
    return stage_plan(DEPLOYMENTS[name]), activate_plan(DEPLOYMENTS[name])


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_the_plans_of_a_deployment_are_those_of_the_golden_file(name: str) -> None:
    """Run `python tests/golden/write.py` to see in the difference what a change of a step does."""
    assert cases.plan_texts(DEPLOYMENTS[name]) == kept()[f"plan-{name}.json"]


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_plan_arrives_on_the_host_as_it_was_made(name: str) -> None:
    for plan in both(name):
        assert codec.loads(codec.dumps(plan, reveal=True)) == plan


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_no_secret_is_in_a_plan_that_is_shown(name: str) -> None:
    for plan in both(name):
        described = "".join(action.describe() for step in plan.steps for action in (*step.actions, *step.undo))
        assert "not-for-the-plan" not in codec.dumps(plan) + described


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_phases_come_in_their_order(name: str) -> None:
    stage, activate = both(name)
    order = [phase.value for phase in Phase]
    found = [order.index(step.phase) for step in (*stage.steps, *activate.steps)]
    assert found == sorted(found)
    assert {step.phase for step in stage.steps} <= {"recover", "stage"}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_plan_touches_the_root_and_the_machines_programs_only(name: str) -> None:
    """Every absolute path that is written, linked, made or removed lies where we may."""
    allowed = (f"{ROOT}/", "/etc/supervisor/conf.d/", "/etc/nginx/conf.d/")
    touched = [
        path
        for plan in both(name)
        for step in plan.steps
        for action in (*step.actions, *step.undo)
        for path in (*getattr(action, "paths", ()), getattr(action, "path", ROOT), getattr(action, "link", ROOT))
    ]
    assert [path for path in touched if path and path != ROOT and not path.startswith(allowed)] == []


@pytest.mark.parametrize("name", ["redeploy", "system"])
def test_whatever_step_fails_before_the_confirmation_all_before_it_is_taken_back(name: str) -> None:
    stage, activate = both(name)
    steps = [step for step in (*stage.steps, *activate.steps) if step.stretch.undone_on_failure]
    for number, failing in enumerate(steps):
        host = MemoryConnection(answers={"facts": {}, "check_server": {}, "collectstatic": {}, "migrate": {}})
        description = failing.actions[-1].describe()
        host.fail_at(description)
        with pytest.raises(Exception, match="This test lets it fail"):
            for plan in (stage, activate):
                host.carry_out(plan)
        begun = steps[: number + 1]
        failed_at = next(index for index, step in enumerate(begun) if description in _described(step.actions))
        expected = [action for step in reversed(begun[: failed_at + 1]) for action in step.undo]
        undone = [action for action in expected if description not in action.describe()]
        assert [action for action in host.undone if not isinstance(action, Say)] == [
            action for action in undone if not isinstance(action, Say)
        ]


def _described(actions: tuple[object, ...]) -> str:
    return "\n".join(action.describe() for action in actions)  # type: ignore[attr-defined]


def test_the_source_of_the_release_before_is_the_base_of_the_new_one() -> None:
    stage, _ = both("redeploy")
    [receive] = [action for step in stage.steps for action in step.actions if isinstance(action, Receive)]
    assert receive.base == "/srv/mysite/releases/20261121-090000-2b2b2b2b/source"


def test_a_plan_names_its_kind_target_and_release() -> None:
    made = context(alias="production", facts=facts(pending=()))
    plan = stage_plan(made, kind="restart")
    assert (plan.kind, plan.target, plan.release) == ("restart", "production", NEW)
    assert "migrate the database" not in [step.name for step in activate_plan(made).steps]
