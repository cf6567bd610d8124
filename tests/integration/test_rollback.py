"""Going back: as safe as going on, and as quiet."""

from __future__ import annotations

from .order import expect_in_order
from .probing import SOME, no_request_lost
from .site import Site


def test_rollback_loses_no_request_and_skips_what_was_left_before(site: Site) -> None:
    site.target["KEEP"] = 10  # what was left is the first to be removed
    one, two = (_deployed(site, message) for message in ("one", "two"))
    with no_request_lost(site, SOME):
        site.manage("deploy_rollback")
    expect_in_order(site, live=one, status="succeeded")
    assert (site.journals[0]["kind"], site.journals[0]["release"]) == ("rollback", one)

    three = _deployed(site, "three")
    site.manage("deploy_rollback")  # not to "two", which was left
    expect_in_order(site, live=one, status="succeeded")

    with no_request_lost(site, SOME):
        site.manage("deploy_rollback", "--to", two)
    expect_in_order(site, live=two, status="succeeded")
    assert site.releases[-3:] == [one, two, three]


def _deployed(site: Site, message: str) -> str:
    site.change(message)
    site.deploy()
    return site.current
