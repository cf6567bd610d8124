"""Django for the tests: set up once, its database made when the first test asks for `db`."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import django
import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402
from django.test.utils import setup_test_environment, teardown_test_environment  # noqa: E402

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")
"""No example may be late on a busy machine; and CI tries the same ones each time, so that red means a change."""

STARTS_PROGRAMS = (
    *("core/test_agent_process.py", "core/test_commands.py", "core/test_hand.py", "core/test_lock.py"),
    *(
        "core/test_runner.py",
        "core/test_running.py",
        "hosts/test_connection.py",
        "project/test_image_programs.py",
        "test_initial.py",
        "test_load.py",
        "test_main.py",
    ),
    *("test_requirements.py", "test_source.py"),
)
"""Modules whose tests start git or Python; they are marked `programs`, and what is not marked is a unit test."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).as_posix() in STARTS_PROGRAMS:
            item.add_marker("programs")


@pytest.fixture(scope="session", autouse=True)
def _test_environment() -> Iterator[None]:
    setup_test_environment()
    yield
    teardown_test_environment()


@pytest.fixture(scope="session")
def _tables(_test_environment: None) -> Iterator[None]:
    original = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0)
    yield
    connection.creation.destroy_test_db(original, verbosity=0)


@pytest.fixture
def db(_tables: None) -> Iterator[None]:
    """The tables, empty; what the test writes is rolled back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
