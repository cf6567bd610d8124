"""Going back: as safe as going on, and as quiet."""

from __future__ import annotations

from .conftest import MakeSite
from .order import expect_in_order
from .probing import SOME, no_request_lost
from .site import Site


def test_rollback_loses_no_request_and_skips_what_was_left_before(make_site: MakeSite) -> None:
    site = make_site(WATCH=0.5)
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
    assert site.releases == [one, two, three]


def _deployed(site: Site, message: str) -> str:
    site.change(message)
    site.deploy()
    return site.current


def test_there_must_be_something_to_go_back_to(make_site: MakeSite) -> None:
    site = make_site(WATCH=0)
    live = _deployed(site, "the only one")
    refused = site.manage("deploy_rollback", check=False)
    hint = "`deploy_history` lists what there was; `deploy_rollback --to ID` goes to any release kept."
    message = f"CommandError: There is no good release before the live one.\n{hint}\n"
    assert (refused.returncode, refused.stderr) == (14, message)
    refused = site.manage("deploy_rollback", "--to", "none", check=False)
    message = f"CommandError: There is no release 'none'.\nThere are: {live}.\n"
    assert (refused.returncode, refused.stderr) == (14, message)
    expect_in_order(site, live=live, status="failed")
