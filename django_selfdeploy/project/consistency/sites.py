"""The Site that SITE_ID names: its domain stands in mails and sitemaps."""

from __future__ import annotations

from collections.abc import Iterator

from ..facts import Message
from .names import is_allowed, public
from .surroundings import Sight, Surroundings, Values, told


def judged(values: Values, around: Surroundings, seen: Sight) -> Iterator[Message]:
    """A row that is not there, or whose domain is no name of this site."""
    if seen.site is None:
        return
    number, domain = values.get("SITE_ID"), seen.site.partition(":")[0].lower()
    hint = f"In the admin, or by `manage.py deploy_run shell`, give the Site {number} the domain of this one."
    if not domain:
        yield told("selfdeploy.W088", f"SITE_ID is {number!r}, and there is no such Site in the database.", hint)
    elif public(values) and not is_allowed(domain, [str(host) for host in values["ALLOWED_HOSTS"]]):
        what = f"The domain of the Site {number} is {domain!r}, which is not in ALLOWED_HOSTS"
        yield told("selfdeploy.W088", f"{what}: links in mails lead there.", hint)
