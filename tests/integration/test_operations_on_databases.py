"""Each judgement is proven: code of before runs after the operation, code of after runs before it, on real databases.

The table of the reference is made of what is found; `python tests/integration/write_operations.py` writes it anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction

from django_selfdeploy.project.safety.findings import CONTRACT, EXPAND, LOCKING, UNKNOWN

from . import operations_table, proving
from .databases import Server
from .operations import ALL, EXAMPLES, REMOVED, Example
from .proving import Proof

REFERENCE = Path(__file__).parents[2] / "docs/reference/migration-operations.txt"

CAUTIOUS = {("RemoveCollation, a collation", "postgresql")}
"""Judged to break code, which it does only where code uses what is removed."""

LATE = {
    ("AlterField, a db_default", "sqlite"),
    ("AlterField, a larger primary key", "postgresql"),
    ("AlterField, a larger primary key", "mysql"),
    ("CreateExtension, and its kinds", "postgresql"),
    *(("SeparateDatabaseAndState, database only", vendor) for vendor in ALL),
    ("CreateCollation, a collation", "postgresql"),
}
"""Not put off, though new code gets along for a while: until it needs the larger numbers, or what is new."""

ANEW = ("is written anew", "gets a value of its own")
TABLE_GOES = ("DeleteModel", "RenameModel", "AlterModelTable")

_proofs: dict[str, dict[str, Proof]] = {}
"""What was found, by vendor and name of the example; made once for all tests here."""


@pytest.fixture(params=ALL)
def alias(request: pytest.FixtureRequest, tmp_path: Path, new_database: Callable[[Server], str]) -> Iterator[str]:
    """A database of each kind, under the name of its kind."""
    vendor: str = request.param
    with proving.database(vendor, _settings(vendor, request, tmp_path, new_database)):
        yield vendor


def _settings(
    vendor: str, request: pytest.FixtureRequest, folder: Path, new_database: Callable[[Server], str]
) -> dict[str, Any]:
    if vendor == "sqlite":
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "db.sqlite3")}
    server: Server = request.getfixturevalue({"postgresql": "postgres", "mysql": "mariadb"}[vendor])
    return server.settings(new_database(server))


def test_every_judgement_is_right(alias: str) -> None:
    found = {one.name: proving.prove(one, alias) for one in EXAMPLES if alias in one.vendors}
    _proofs[alias] = found
    wrong = [f"{name}: {trouble}" for name, proof in found.items() for trouble in _wrong(name, alias, proof)]
    assert wrong == [], "\n".join(wrong)


def _wrong(name: str, vendor: str, proof: Proof) -> Iterator[str]:
    if proof.kind in (EXPAND, LOCKING) and proof.old:
        yield f"judged {proof.kind}, and the old code meets {proof.old!r}"
    if proof.kind == CONTRACT and not proof.old and (name, vendor) not in CAUTIOUS:
        yield "judged to break the old code, which runs"
    if proof.waits and proof.new:
        yield f"judged to wait, and the new code meets {proof.new!r} without it"
    if not proof.waits and not proof.new and proof.kind != UNKNOWN and (name, vendor) not in LATE:
        yield "judged not to wait, and the new code runs without it"
    told = any(words in reason for reason in proof.reasons for words in ANEW)
    if vendor == "postgresql" and not name.startswith((*TABLE_GOES, "AlterField, a larger primary key")):
        if told != proof.rewritten:
            yield f"rewritten: {proof.rewritten}; told: {told}"


def test_the_reference_is_what_was_found() -> None:
    if set(_proofs) != set(ALL):
        pytest.skip("The proofs of another test are needed.")
    text = operations_table.text(_proofs)
    if os.environ.get("SELFDEPLOY_WRITE_OPERATIONS"):
        REFERENCE.write_text(text, encoding="utf-8")
    assert REFERENCE.read_text(encoding="utf-8") == text, "Run `python tests/integration/write_operations.py`."


@pytest.mark.parametrize("example", [one for one in REMOVED if "foreign key" in one.how], ids=lambda one: one.how)
def test_until_a_foreign_key_is_gone_its_rows_are_kept(alias: str, example: Example) -> None:
    """As the judgement says: "no row that it points to can be deleted"."""
    with proving.prepared(example, alias) as (_, after):
        shelf = after.apps.get_model("shop", "shelf").objects.using(alias).get()
        with pytest.raises(IntegrityError), transaction.atomic(using=alias):
            shelf.delete(using=alias)
            connections[alias].check_constraints()
