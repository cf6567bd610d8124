"""Real nginx, supervisor and gunicorn on this machine, each site in a folder and on a port of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite(
    *(f"{__package__}.{name}" for name in ("databases", "order", "probing", "running", "site"))
)

from .controller import Controller, build_wheel, make_controller, short_folder  # noqa: E402
from .databases import mariadb, new_database, postgres  # noqa: E402
from .site import Site  # noqa: E402

PROGRAMS = ("nginx", "git")
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"

__all__ = ("mariadb", "new_database", "postgres")

MakeSite = Callable[..., Site]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session", autouse=True)
def _programs() -> None:
    """In a CI what is missing is a failure: a skipped proof proves nothing."""
    missing = [name for name in PROGRAMS if not (shutil.which(name) or shutil.which(name, path=SBIN))]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"Not installed: {', '.join(missing)}.")
    if missing:
        pytest.skip(f"Not installed: {', '.join(missing)}.")


@pytest.fixture(scope="session")
def wheel(_programs: None) -> Iterator[Path]:
    folder = short_folder()
    yield build_wheel(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def controller(wheel: Path) -> Iterator[Controller]:
    folder = short_folder()
    yield make_controller(folder, wheel)
    shutil.rmtree(folder)


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
