"""What indexes and constraints mean for code that runs while they are made or taken away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import fields
from .case import Case
from .findings import Finding, breaking, harmless, locking


def alter_unique_together(case: Case) -> Iterator[Finding]:
    before, after = ({tuple(one) for one in model._meta.unique_together} for model in (case.old, case.new))
    for names in sorted(after - before):
        yield from fields.unique_of(case.table, ", ".join(names), case.vendor)
    if not after - before:
        yield harmless("What was refused before is taken then.", waits=after == before)
    if case.vendor == "sqlite" and after != before:
        yield locking(fields.REMADE)


def alter_index_together(case: Case) -> Iterator[Finding]:
    names = sorted({name for names in case.operation.option_value or () for name in names})
    yield from fields.index_of(case.table, ", ".join(names), case.vendor) if names else less(case)


def add_index(case: Case) -> Iterator[Finding]:
    yield from fields.index_of(case.table, case.operation.index.name, case.vendor)


def less(case: Case) -> Iterator[Finding]:
    yield harmless("No result changes.", waits=True)


def add_constraint(case: Case) -> Iterator[Finding]:
    constraint = case.operation.constraint
    if not _is_supported(constraint, case.connection):
        yield harmless("This database knows no such constraint, and Django leaves it out.", waits=True)
        return
    if type(constraint).__name__ == "UniqueConstraint":
        yield from _unique_constraint(case, constraint)
    elif type(constraint).__name__ == "CheckConstraint":
        yield from fields.check_of(case.table, constraint.name, case.vendor)
    else:
        better = "Let the new code keep to it first; it fails while there is a row against it."
        reason = f"The code that runs may write what the rule {constraint.name} refuses."
        yield breaking(reason, better, waits=True)
        yield locking(f"Nobody uses {case.table!r} while all rows are read.")
    if case.vendor == "sqlite" and not _is_index(constraint):
        yield locking(fields.REMADE)


def _unique_constraint(case: Case, constraint: Any) -> Iterator[Finding]:
    columns = [case.column(case.new, name) for name in constraint.fields]
    young = [one for one in columns if one is not None and case.is_young(one.name) and one.null and not one.default]
    if young and getattr(constraint, "nulls_distinct", None) is not False:
        yield harmless("Rows of code that does not know the new column hold NULL there, and never collide.")
        return
    yield from fields.unique_of(case.table, constraint.name, case.vendor)


def _is_index(constraint: Any) -> bool:
    """Of a unique one with a condition, an expression or further columns Django makes an index, no rule."""
    special = ("condition", "expressions", "include", "opclasses")
    return type(constraint).__name__ == "UniqueConstraint" and any(getattr(constraint, one, None) for one in special)


def _is_supported(constraint: Any, connection: Any) -> bool:
    features = connection.features
    if type(constraint).__name__ == "CheckConstraint":
        return bool(features.supports_table_check_constraints)
    needs = {
        "condition": "supports_partial_indexes",
        "include": "supports_covering_indexes",
        "expressions": "supports_expression_indexes",
        "deferrable": "supports_deferrable_unique_constraints",
    }
    if getattr(constraint, "nulls_distinct", None) is not None:
        needs["fields"] = "supports_nulls_distinct_unique_constraints"
    return all(getattr(features, flag) for name, flag in needs.items() if getattr(constraint, name, None))


def add_constraint_not_valid(case: Case) -> Iterator[Finding]:
    better = "Let the new code keep to it first."
    reason = f"The code that runs may write to {case.table!r} what the rule {case.operation.constraint.name} refuses."
    yield breaking(reason, better, waits=True)


def remove_constraint(case: Case) -> Iterator[Finding]:
    constraint = case.before.models[case.app, case.name.lower()].get_constraint_by_name(case.operation.name)
    if not _is_supported(constraint, case.connection):
        yield harmless("This database knows no such constraint.", waits=True)
        return
    yield harmless("What was refused before is taken then.")
    if case.vendor == "sqlite" and not _is_index(constraint):
        yield locking(fields.REMADE)
