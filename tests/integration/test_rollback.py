"""Going back: as safe as going on, and as quiet."""

from __future__ import annotations

import pytest

from .conftest import MakeSite
from .order import expect_in_order
from .probing import SOME, no_request_lost
from .site import Site


def test_rollback_loses_no_request_and_skips_what_was_left_before(make_site: MakeSite) -> None:
    site = make_site(WATCH=0.5)
    one, two, three = (_deployed(site, message) for message in ("one", "two", "three"))
    with no_request_lost(site, SOME):
        site.manage("deploy_rollback")
    expect_in_order(site, live=two, status="succeeded")
    assert (site.journals[0]["kind"], site.journals[0]["release"]) == ("rollback", two)

    four = _deployed(site, "four")
    site.manage("deploy_rollback")  # not to "three", which was left
    expect_in_order(site, live=two, status="succeeded")

    with no_request_lost(site, SOME):
        site.manage("deploy_rollback", "--to", three)
    expect_in_order(site, live=three, status="succeeded")
    assert site.releases == [one, two, three, four]


def _deployed(site: Site, message: str) -> str:
    site.change(message)
    site.deploy()
    return site.current


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--to", "none"), "There is no release 'none'.\nThere are: {live}."),
        ((), "There is no good release before the live one.\n`deploy_history` lists what there was"),
    ],
)
def test_there_must_be_something_to_go_back_to(site: Site, words: tuple[str, ...], message: str) -> None:
    live = site.current
    refused = site.manage("deploy_rollback", *words, check=False)
    assert refused.returncode == 14
    assert message.format(live=live) in refused.stderr
    expect_in_order(site, live=live)
