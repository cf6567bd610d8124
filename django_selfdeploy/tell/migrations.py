"""Pending migrations in words: what they do, how they are judged and why, and when they are applied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from django_selfdeploy.context import Context
from django_selfdeploy.core.actions.files import size
from django_selfdeploy.story import about_migrations


class Stream(Protocol):
    """What has lines written to it; each call writes one."""

    def write(self, text: str, /) -> Any: ...


WHEN = {
    "before": "before the switch",
    "after": "after the old processes are gone",
    "window": "while the site is closed",
    "refused": "refused",
}
"""When a migration is applied, in words."""


def print_migrations(context: Context, stream: Stream) -> None:
    """A paragraph for each pending migration."""
    for row in about_migrations(context):
        for line in told(row):
            stream.write(line)


def told(row: dict[str, Any]) -> Iterator[str]:
    """The lines of one migration, as story.about_migrations gives it."""
    reversible = "" if row["reversible"] else ", irreversible"
    kind = f"{row['overruled']} (overruled, was judged {row['kind']})" if row["overruled"] else row["kind"]
    yield f"\nmigration {row['migration']} on {row['alias']!r}: {kind}, {WHEN[row['when']]}{reversible}"
    yield from (f"    {operation}" for operation in row["operations"])
    yield from (f"    why: {reason}" for reason in row["reasons"])
    yield from (f"    better: {better}" for better in row["better"])
    yield from (f"    table {_table(table)}" for table in row["tables"])
    yield from (f"        {statement}" for statement in row["sql"])


def _table(table: dict[str, Any]) -> str:
    rows = "rows not known" if table["rows"] is None else f"about {table['rows']} rows"
    return f"{table['name']}: {rows}" + (f", {size(table['size'])}" if table["size"] is not None else "")
