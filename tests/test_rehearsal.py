"""A dry run for several hosts: those that would be treated alike are told of once."""

from dataclasses import replace
from typing import Any

from django_selfdeploy.management.rehearsal import alike, differences
from django_selfdeploy.rehearsing import Rehearsal
from django_selfdeploy.steps import plans
from django_selfdeploy.steps.activate import generated_files
from tests.making import context, deployed, release


def rehearsed(live: dict[str, str] | None = None, **changes: Any) -> Rehearsal:
    made = context(**changes)
    return Rehearsal(made, (plans.stage_plan(made), plans.activate_plan(made)), live or {})


def test_hosts_with_the_same_plans_and_files_are_put_together() -> None:
    one, other = rehearsed(), rehearsed(leads=False)
    found = alike({"web1": one, "web2": other, "web3": rehearsed(leads=False)})
    assert found == [(("web1",), one), (("web2", "web3"), other)]


def test_hosts_whose_live_files_differ_are_told_apart() -> None:
    one = rehearsed()
    [name, *_] = generated_files(one.context)
    assert len(alike({"web1": one, "web2": replace(one, live={name: "# by hand\n"})})) == 2


def test_what_differs_by_the_release_only_does_not_count() -> None:
    made = rehearsed(state=deployed(release()))
    live = generated_files(replace(made.context, release=release().id))
    assert differences(replace(made, live=live)) == {}
    assert differences(made).keys() == live.keys()
