"""Visitors that come all the time, and notice each request that is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.load import Load, Mix

from .site import Site

FEW = Mix(keepalive=1, fresh=1, posts=0, slow=0, path="/release/", pause=0.04)
"""Enough to notice a gap of a tenth of a second, and little work for a machine with two cores."""

SOME = Mix(keepalive=3, fresh=2, posts=1, slow=2, slow_path="/slow/?seconds=1", pause=0.04)


@contextmanager
def no_request_lost(site: Site, mix: Mix = FEW) -> Iterator[Load]:
    """Ask all the time while the block runs; every request must have been answered well."""
    with Load(("127.0.0.1", site.port), mix=mix) as load:
        yield load
    report = load.report
    assert report.sent > 0
    assert not report.cut_short
    assert not report.failed, str(report)
