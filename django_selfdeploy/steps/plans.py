"""The whole product in two tuples: what a deployment consists of, in order."""

from __future__ import annotations

from ..context import Context
from ..core.plan import Plan
from . import activate, build, databases, finish, judge, stage


def stage_plan(context: Context, *, kind: str = "deploy") -> Plan:
    """Nothing visible changes."""
    steps = (
        stage.recover(context),
        stage.receive_source(context),
        stage.install_environment(context),
        judge.check_packages(context),
        stage.set_variables(context),
        stage.read_settings(context),
        build.build(context, again=kind != "restart"),
        databases.create(context),
        stage.look_at_release(context),
    )
    return Plan(kind, context.target.alias, context.release, steps).without_empty_steps()


def activate_plan(context: Context, *, kind: str = "deploy") -> Plan:
    """The release goes live, or everything is as it was."""
    steps = (
        activate.run_tests(context),
        activate.write_configuration(context),
        activate.check_configuration(context),
        activate.collect_static(context),
        judge.check_templates(context),
        *activate.close(context),
        databases.back_up(context),
        activate.migrate(context),
        databases.load_fixtures(context),
        *activate.start_and_switch(context),
        *finish.reopen(context),
        finish.stop_previous(context),
        finish.expect_gone(context),
        finish.contract(context),
        finish.tidy_up(context),
        finish.start_at_boot(context),
    )
    return Plan(kind, context.target.alias, context.release, steps).without_empty_steps()
