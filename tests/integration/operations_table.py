"""The table of operations for the reference, made of what the tests found."""

from __future__ import annotations

from collections.abc import Mapping

from django_selfdeploy.project.safety.findings import CONTRACT, UNKNOWN

from .operations import ALL, EXAMPLES
from .proving import Proof

HEAD = "<!-- Written by tests/integration/write_operations.py from what the tests found. -->\n\n"


def text(found: Mapping[str, Mapping[str, Proof]]) -> str:
    """Markdown; `found` has the proofs by vendor and name of the example."""
    rows = ["| operation | PostgreSQL | MariaDB | SQLite |", "|---|---|---|---|"]
    for example in EXAMPLES:
        cells = [_cell(found[vendor].get(example.name)) for vendor in ALL]
        rows.append(f"| {_named(example.operation)}: {example.how} | {' | '.join(cells)} |")
    return HEAD + "\n".join(rows) + "\n"


def _named(operation: str) -> str:
    return operation if operation == "several" else f"`{operation}`"


def _cell(proof: Proof | None) -> str:
    if proof is None:
        return "-"
    words = [proof.kind if proof.kind in (CONTRACT, UNKNOWN) else "expand"]
    if proof.kind == CONTRACT:
        words.append("after" if proof.waits else "two deployments")
    return ", ".join((*words, *(("locks",) if proof.locks else ())))
