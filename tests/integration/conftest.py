"""Real nginx, supervisor and gunicorn on this machine, each site in a folder and on a port of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite(*(f"{__package__}.{name}" for name in ("order", "probing", "running", "site")))

from .controller import Controller, build_wheel, make_controller, short_folder
from .site import Site

PROGRAMS = ("nginx", "git")
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"

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


@pytest.fixture(scope="module")
def site(controller: Controller) -> Iterator[Site]:
    """A deployed site that the tests of a file share; each leaves it in order."""
    with ExitStack() as stack:
        site = _made(stack, controller)
        site.deploy()
        yield site


def _made(stack: ExitStack, controller: Controller, *, env: dict[str, str] | None = None, **target: Any) -> Site:
    site = Site(controller, **target)
    stack.callback(site.close)
    site.lay_down(env=env)
    return site
