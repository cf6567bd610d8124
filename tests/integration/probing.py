"""Visitors that come all the time, and notice each request that is lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from benchmarks.load import Load, Mix

from .hosts import Host
from .site import Site

FEW = Mix(keepalive=1, fresh=1, posts=0, slow=0, path="/release/", pause=0.04)
"""Enough to notice a gap of a tenth of a second, and little work for a machine with two cores."""

SOME = Mix(keepalive=3, fresh=2, posts=1, slow=2, slow_path="/slow/?seconds=1", pause=0.04)


@contextmanager
def no_request_lost(site: Site, mix: Mix = FEW) -> Iterator[Load]:
    """Ask all the time while the block runs; every request must have been answered well."""
    with Load(("127.0.0.1", site.port), mix=mix) as load:
        yield load
    expect_all_answered(load)


@contextmanager
def no_request_lost_on(hosts: Sequence[Host], port: int, mix: Mix = FEW) -> Iterator[dict[str, Load]]:
    """The same on every one of the hosts, each by clients of its own; the loads by the names of the hosts."""
    with ExitStack() as stack:
        loads = {
            host.name: stack.enter_context(Load((host.address, port), mix=mix, networks=(host.network.span,)))
            for host in hosts
        }
        yield loads
    for name, load in loads.items():
        expect_all_answered(load, name)


def expect_all_answered(load: Load, where: str = "") -> None:
    report = load.report
    assert report.sent > 0, where
    assert not report.cut_short, where
    assert not report.failed, f"{where}\n{report}"
