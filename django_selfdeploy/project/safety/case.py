"""One operation, with the state before and after it, and what the plan has made so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .columns import Column, column_of
from .findings import Finding

Rule = Callable[["Case"], Iterator[Finding]]


@dataclass(frozen=True)
class Case:
    """`before` and `after` are states of Django's migrations. `tables` and `columns` (as "table.column") are new in
    the same plan: no code that runs knows them.
    """

    operation: Any
    app: str
    before: Any
    after: Any
    connection: Any
    tables: frozenset[str]
    columns: frozenset[str]

    @property
    def vendor(self) -> str:
        """ "postgresql", "sqlite", "mysql" (MariaDB too) or "oracle"."""
        return str(self.connection.vendor)

    @property
    def name(self) -> str:
        """The name of the model that it is about."""
        return str(getattr(self.operation, "model_name", "") or self.operation.name)

    @property
    def old(self) -> Any:
        """The model as it was."""
        return self.before.apps.get_model(self.app, self.name)

    @property
    def new(self) -> Any:
        """The model as it becomes."""
        return self.after.apps.get_model(self.app, self.name)

    @property
    def table(self) -> str:
        return str(self.old._meta.db_table)

    def column(self, model: Any, field: str) -> Column | None:
        return column_of(model._meta.get_field(field), self.connection)

    def is_young(self, column: str) -> bool:
        return f"{self.table}.{column}" in self.columns
