"""Whether the release before a migration works with the database after it: what Django's own operations tell."""

from __future__ import annotations

from django.db.migrations import Migration
from django.db.migrations.operations import (
    AddField,
    AddIndex,
    AlterModelManagers,
    AlterModelOptions,
    CreateModel,
    RemoveConstraint,
    RemoveIndex,
    RenameIndex,
    SeparateDatabaseAndState,
)
from django.db.migrations.operations.base import Operation
from django.db.models import NOT_PROVIDED, ManyToManyField

HARMLESS = (
    *(CreateModel, AddIndex, RemoveIndex, RenameIndex, RemoveConstraint),
    *(AlterModelManagers, AlterModelOptions),
)
"""Operations that take nothing away from code that does not know of them."""


def compatible(migration: Migration) -> bool:
    """Whether each of its operations is known to be harmless; what is not known is not compatible."""
    return all(_harmless(operation) for operation in migration.operations)


def _harmless(operation: Operation) -> bool:
    if isinstance(operation, SeparateDatabaseAndState):
        return all(map(_harmless, operation.database_operations))
    if isinstance(operation, AddField):
        field = operation.field
        filled = getattr(field, "db_default", NOT_PROVIDED) is not NOT_PROVIDED
        return isinstance(field, ManyToManyField) or field.null or filled
    return isinstance(operation, HARMLESS)
