"""What each of Django's operations means for code that runs while it is applied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import constraints, fields
from .case import Case, Rule
from .findings import UNKNOWN, Finding, breaking, harmless, locking

DECLARE = 'Give the migration an attribute, selfdeploy = "expand" or "contract", if you know how it fares.'


def create_model(case: Case) -> Iterator[Finding]:
    yield harmless("No code that runs knows the table.")


def delete_model(case: Case) -> Iterator[Finding]:
    pointed = sorted(_pointed_at(case.old) - {case.table})
    caveat = f" Until it is gone, rows that it points to in {', '.join(pointed)} cannot be deleted." if pointed else ""
    better = "Remove it after the old processes are gone."
    yield breaking(f"The code that runs reads and writes {case.table!r}.{caveat}", better, waits=True)


def _pointed_at(model: Any) -> set[str]:
    keys = (one for one in model._meta.local_fields if one.remote_field and getattr(one, "db_constraint", False))
    return {str(one.remote_field.model._meta.db_table) for one in keys}


def rename_model(case: Case) -> Iterator[Finding]:
    old = case.before.apps.get_model(case.app, case.operation.old_name)._meta
    new = case.after.apps.get_model(case.app, case.operation.new_name)._meta
    if _tables_of(old) == _tables_of(new):
        yield harmless("The table keeps its name.", waits=True)
        return
    yield _renamed_table(old, new)


def alter_table(case: Case) -> Iterator[Finding]:
    if _tables_of(case.old._meta) == _tables_of(case.new._meta):
        yield harmless("The table keeps its name.", waits=True)
        return
    yield _renamed_table(case.old._meta, case.new._meta)


def _tables_of(meta: Any) -> list[tuple[str, ...]]:
    """The table, and those of its relations of many to many with their columns."""
    through = [one.remote_field.through._meta for one in meta.local_many_to_many]
    between = [(one.db_table, *(field.column for field in one.local_fields)) for one in through if one.auto_created]
    return [(meta.db_table,), *between]


def _renamed_table(old: Any, new: Any) -> Finding:
    better = f"Keep the table: write db_table = {old.db_table!r} into Meta."
    changed = zip(_tables_of(old), _tables_of(new), strict=False)
    before, after = next((pair for pair in changed if pair[0] != pair[1]), ((old.db_table,), (new.db_table,)))
    if before[0] == after[0]:
        return breaking(f"The code that runs asks {before[0]!r} for columns of other names.", better, waits=False)
    return breaking(f"The code that runs asks for {before[0]!r}, which is {after[0]!r} then.", better, waits=False)


def add_field(case: Case) -> Iterator[Finding]:
    field = case.new._meta.get_field(case.operation.name)
    column = case.column(case.new, case.operation.name)
    if column is None:
        yield harmless("No code that runs knows the field.", waits=not field.many_to_many)
        return
    yield from fields.added(case.table, column, case.vendor, remade=_is_remade_to_add(field, case))


def _is_remade_to_add(field: Any, case: Case) -> bool:
    """As Django's schema editor for SQLite decides it."""
    if field.unique or field.primary_key or not field.null:
        return True
    if field.has_db_default() and type(field.db_default).__name__ != "Value":
        return True
    return case.connection.SchemaEditorClass._effective_default(field) is not None


def remove_field(case: Case) -> Iterator[Finding]:
    field = case.old._meta.get_field(case.operation.name)
    column = case.column(case.old, case.operation.name)
    if column is None:
        yield from _removed_relation(field)
    elif case.is_young(column.name):
        yield harmless("No code that runs knows the column.")
    else:
        remade = field.primary_key or field.unique or field.db_index or bool(column.target)
        yield from fields.removed(case.table, column, case.vendor, remade=remade)


def _removed_relation(field: Any) -> Iterator[Finding]:
    if field.many_to_many and field.remote_field.through._meta.auto_created:
        table = field.remote_field.through._meta.db_table
        better = "Remove it after the old processes are gone."
        caveat = "Until it is gone, rows that it points to cannot be deleted."
        yield breaking(f"The code that runs reads and writes {table!r}. {caveat}", better, waits=True)
        return
    yield harmless("The field has no column.", waits=True)


def alter_field(case: Case) -> Iterator[Finding]:
    old, new = (model._meta.get_field(case.operation.name) for model in (case.old, case.new))
    if not case.connection.SchemaEditorClass(case.connection)._field_should_be_altered(old, new):
        yield harmless("The database has nothing to do.", waits=True)
        return
    before, after = case.column(case.old, case.operation.name), case.column(case.new, case.operation.name)
    if before is None or after is None:
        yield _altered_relation(old, new)
        return
    yield from fields.altered(case.table, before, after, case.vendor, young=case.is_young(before.name))
    if before.type != after.type and case.vendor != "sqlite" and (pointing := _pointing_to(old)):
        yield locking(f"The columns that point to it are altered as well: {', '.join(pointing)}.")


def _pointing_to(field: Any) -> list[str]:
    related = field.model._meta.related_objects
    return sorted(
        f"{one.related_model._meta.db_table}.{one.field.column}"
        for one in related
        if one.field.column and one.field.target_field == field
    )


def _altered_relation(old: Any, new: Any) -> Finding:
    through = [one.remote_field.through._meta for one in (old, new) if one.many_to_many]
    same = len(through) == 2 and [(one.db_table, *(f.column for f in one.local_fields)) for one in through]
    if same and same[0] == same[1]:
        return harmless("The table between keeps its name and columns.", waits=True)
    better = "Add a new field, copy, and remove the old one later."
    return breaking("The table between becomes another one.", better, waits=False)


def rename_field(case: Case) -> Iterator[Finding]:
    old, new = case.old._meta.get_field(case.operation.old_name), case.new._meta.get_field(case.operation.new_name)
    before, after = old.column, new.column
    if old.many_to_many or before is None or after is None:
        same = not old.many_to_many or _tables_of(case.old._meta) == _tables_of(case.new._meta)
        yield harmless("No table changes.", waits=True) if same else _renamed_table(case.old._meta, case.new._meta)
    elif before == after:
        yield harmless("The column keeps its name.", waits=True)
    elif case.is_young(before):
        yield harmless("No code that runs knows the column.")
    else:
        yield fields.renamed(case.table, before, after)


def alter_order(case: Case) -> Iterator[Finding]:
    """`_order` is a column of its own, NOT NULL."""
    had, has = (bool(model._meta.order_with_respect_to) for model in (case.old, case.new))
    if has and not had:
        yield from fields.added(case.table, _order(case, case.new), case.vendor, remade=True)
    elif had and not has:
        yield from fields.removed(case.table, _order(case, case.old), case.vendor)
    else:
        yield harmless("The column stays.", waits=True)


def _order(case: Case, model: Any) -> Any:
    return case.column(model, "_order")


def state_only(case: Case) -> Iterator[Finding]:
    yield harmless("The database has nothing to do.", waits=True)


def run_sql(case: Case) -> Iterator[Finding]:
    if not case.operation.sql:
        yield harmless("The database has nothing to do.", waits=True)
        return
    yield Finding(UNKNOWN, "Nobody can tell what SQL of your own does to the code that runs.", DECLARE)


def run_python(case: Case) -> Iterator[Finding]:
    if case.operation.code is type(case.operation).noop:
        yield harmless("The database has nothing to do.", waits=True)
        return
    yield Finding(UNKNOWN, "Nobody can tell what a function does to the code that runs.", DECLARE)


def extension(case: Case) -> Iterator[Finding]:
    yield harmless("No code that runs uses what is new.")


def remove_collation(case: Case) -> Iterator[Finding]:
    reason = f"The code that runs may use the collation {case.operation.name!r}."
    yield breaking(reason, "Remove it after the old processes are gone.", waits=True)


def not_known(case: Case) -> Iterator[Finding]:
    kind = f"{type(case.operation).__module__}.{type(case.operation).__qualname__}"
    yield Finding(UNKNOWN, f"{kind} is no operation of Django's.", DECLARE)


_django, _postgres = "django.db.migrations.operations", "django.contrib.postgres.operations"

RULES: dict[str, Rule] = {
    f"{_django}.models.CreateModel": create_model,
    f"{_django}.models.DeleteModel": delete_model,
    f"{_django}.models.RenameModel": rename_model,
    f"{_django}.models.AlterModelTable": alter_table,
    f"{_django}.models.AlterModelTableComment": constraints.less,
    f"{_django}.models.AlterUniqueTogether": constraints.alter_unique_together,
    f"{_django}.models.AlterTogetherOptionOperation": constraints.alter_unique_together,
    f"{_django}.models.AlterIndexTogether": constraints.alter_index_together,
    f"{_django}.models.AlterOrderWithRespectTo": alter_order,
    f"{_django}.models.AlterModelOptions": state_only,
    f"{_django}.models.AlterModelManagers": state_only,
    f"{_django}.models.AddIndex": constraints.add_index,
    f"{_django}.models.RemoveIndex": constraints.less,
    f"{_django}.models.RenameIndex": constraints.less,
    f"{_django}.models.AddConstraint": constraints.add_constraint,
    f"{_django}.models.RemoveConstraint": constraints.remove_constraint,
    f"{_django}.models.AlterConstraint": state_only,
    f"{_django}.fields.AddField": add_field,
    f"{_django}.fields.RemoveField": remove_field,
    f"{_django}.fields.AlterField": alter_field,
    f"{_django}.fields.RenameField": rename_field,
    f"{_django}.special.RunSQL": run_sql,
    f"{_django}.special.RunPython": run_python,
    f"{_postgres}.CreateExtension": extension,
    f"{_postgres}.CreateCollation": extension,
    f"{_postgres}.RemoveCollation": remove_collation,
    f"{_postgres}.AddIndexConcurrently": constraints.less,
    f"{_postgres}.RemoveIndexConcurrently": constraints.less,
    f"{_postgres}.AddConstraintNotValid": constraints.add_constraint_not_valid,
    f"{_postgres}.ValidateConstraint": constraints.less,
}
"""The rule of each operation, by the class that does its work in the database."""


def rule_for(operation: Any) -> Rule:
    """The rule of the class whose database_forwards the operation runs: one that overrides it is not known."""
    for kind in type(operation).__mro__:
        name = f"{kind.__module__}.{kind.__qualname__}"
        if "database_forwards" in vars(kind) or name in RULES:
            return RULES.get(name, not_known)
    return not_known
