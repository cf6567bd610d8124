"""Real nginx, supervisor and gunicorn on this machine, each site in a folder and on a port of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite(
    *(
        f"{__package__}.{name}"
        for name in ("databases", "hosts", "order", "probing", "running", "site", "standing", "celery_site")
    )
)

from .controller import Controller, build_wheel, make_controller  # noqa: E402
from .databases import mariadb, new_database, postgres  # noqa: E402
from .fleet import Fleet  # noqa: E402
from .network import Network  # noqa: E402
from .packages import PYTHON, Packages, gather  # noqa: E402
from .scratch import claimed_folder  # noqa: E402
from .sharing import shared  # noqa: E402
from .site import Site  # noqa: E402

__all__ = ("mariadb", "new_database", "postgres")

PROGRAMS = ("nginx", "git", "redis-server")
FOR_HOSTS = ("ip", "nsenter", "pivot_root", "setpriv", "ssh", "ssh-keygen", "sshd", "sudo", "unshare", PYTHON)
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"

__all__ = ("mariadb", "new_database", "postgres")

MakeSite = Callable[..., Site]
MakeFleet = Callable[..., Fleet]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session", autouse=True)
def _programs() -> None:
    _expect_installed(PROGRAMS)


def _expect_installed(programs: Iterable[str]) -> None:
    """In a CI what is missing is a failure: a skipped proof proves nothing."""
    missing = [name for name in programs if not (shutil.which(name) or shutil.which(name, path=SBIN))]
    if missing:
        _do_without(f"Not installed: {', '.join(missing)}.")


def _do_without(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def _notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run know."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def wheel(_programs: None, _notes: Path) -> Iterator[Path]:
    with shared(_notes / "wheel", build_wheel) as folder:
        [wheel] = folder.glob("*.whl")
        yield wheel


@pytest.fixture(scope="session")
def controller(wheel: Path, _notes: Path) -> Iterator[Controller]:
    with shared(_notes / "controller", lambda folder: make_controller(folder, wheel)) as folder:
        yield Controller(folder)


@pytest.fixture
def make_site(controller: Controller) -> Iterator[MakeSite]:
    """Make sites that are removed after the test."""
    with ExitStack() as stack:
        yield lambda **options: _made(stack, controller, **options)


@pytest.fixture(scope="session")
def _shared(controller: Controller) -> Iterator[Shared]:
    shared = Shared(controller)
    yield shared
    shared.close()


@pytest.fixture
def site(_shared: Shared) -> Iterator[Site]:
    """A live site that tests share. Its project, its variables and its target are after a test what they were
    before; what is live may be another release.
    """
    site = _shared.get()
    head, target, env = site.git("rev-parse", "HEAD").strip(), dict(site.target), (site.project / ".env").read_bytes()
    yield site
    site.git("reset", "--quiet", "--hard", head)
    site.git("clean", "--quiet", "-d", "--force")
    site.target = target
    (site.project / ".env").write_bytes(env)


@pytest.fixture(scope="session")
def network(_programs: None) -> Iterator[Network]:
    """What hosts are connected by; without root there can be none."""
    if os.geteuid() != 0:
        _do_without("Only root can make hosts.")
    _expect_installed(FOR_HOSTS)
    network = Network()
    yield network
    network.close()


@pytest.fixture(scope="session")
def packages(network: Network, wheel: Path) -> Iterator[Packages]:
    """In memory where there is room: hosts install from it in a sixth of the time."""
    with claimed_folder() as folder:
        yield gather(folder, wheel, users=("root", "deploy"))


@pytest.fixture
def make_fleet(controller: Controller, network: Network, packages: Packages) -> Iterator[MakeFleet]:
    """Make fleets, each with a project laid down, that are removed after the test."""
    with ExitStack() as stack:
        yield lambda **options: _assembled(stack, Fleet(controller, network, packages, **options))


def _assembled(stack: ExitStack, fleet: Fleet) -> Fleet:
    stack.callback(fleet.close)
    fleet.site.lay_down(env={"DATABASE_URL": fleet.database_url})
    return fleet


class Shared:
    """One site for many tests; a new one when a test has broken it."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._stack = ExitStack()
        self._site: Site | None = None

    def get(self) -> Site:
        if self._site is None or not self._site.is_well:
            self.close()
            self._site = _made(self._stack, self._controller)
            self._site.deploy()
        return self._site

    def close(self) -> None:
        self._stack.close()


def _made(stack: ExitStack, controller: Controller, *, env: dict[str, str] | None = None, **target: Any) -> Site:
    site = Site(controller, **target)
    stack.callback(site.close)
    site.lay_down(env=env)
    return site
