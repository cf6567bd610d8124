"""The servers of these tests are real ones, and what is made on them can be reached as a project would."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .databases import Server


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_a_database_is_made_and_dropped(
    kind: str, request: pytest.FixtureRequest, new_database: Callable[[Server], str]
) -> None:
    server: Server = request.getfixturevalue(kind)
    name = new_database(server)
    server.execute("CREATE TABLE t (a integer)", "INSERT INTO t VALUES (1)", database=name)
    assert server.execute("SELECT a FROM t", database=name) == [(1,)]
    assert server.settings(name)["NAME"] == name
    assert server.url(name).endswith(f"127.0.0.1:{server.port}/{name}")
