"""Django for the tests: set up once, its database made when the first test asks for `db`."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import django
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402
from django.test.utils import setup_test_environment, teardown_test_environment  # noqa: E402


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
