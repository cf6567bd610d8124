"""Code that runs on a database: reads, inserts, changes and deletes rows by the models that it knows."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, connections, models, transaction

MILD, FULL, LEAST, DEFAULT = "mild", "full", "least", "default"


class Difference(Exception):
    """What was read is not what was written."""


def trouble(apps: Any, alias: str) -> str:
    """What goes wrong first when code with these models is at work; "" when nothing does. Nothing of it stays."""
    with transaction.atomic(using=alias):
        for model in ordered(apps):
            try:
                with transaction.atomic(using=alias):
                    _use(model, alias)
            except (DatabaseError, Difference) as error:
                return _said(error)
            finally:
                transaction.set_rollback(False, using=alias)
        transaction.set_rollback(True, using=alias)
    return ""


def _said(error: Exception) -> str:
    lines = [str(one) for one in error.args if not isinstance(one, int)] or [type(error).__name__]
    return lines[0].partition("\n")[0]


def ordered(apps: Any) -> list[Any]:
    """Models that are pointed at come before those that point; those without a table of ours are left out."""
    managed = (model for model in apps.get_app_config("shop").get_models() if model._meta.managed)
    found = sorted(managed, key=lambda model: model._meta.model_name)
    return sorted(
        found, key=lambda model: any(one.remote_field for one in (*model._meta.get_fields(),) if one.concrete)
    )


def seed(apps: Any, alias: str) -> None:
    """A row in each table, of values that no change minds."""
    for model in ordered(apps):
        _insert(model, alias, MILD, 0)


def _use(model: Any, alias: str) -> None:
    rows = model.objects.using(alias)
    list(rows)
    for number, kind in enumerate((FULL, LEAST, DEFAULT), 1):
        made = _insert(model, alias, kind, number)
        if made is not None:
            _change(rows, made, alias)
    if not _is_unique(model) and _insert(model, alias, FULL, 4) is not None:
        _insert(model, alias, FULL, 4)
    _insert(model, alias, MILD, 5).delete(using=alias)
    _check_constraints(alias)


def _check_constraints(alias: str) -> None:
    """Deferred ones too: at the end of the transaction they would be."""
    connection = connections[alias]
    if connection.vendor == "postgresql":
        connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
        connection.cursor().execute("SET CONSTRAINTS ALL DEFERRED")
    elif connection.vendor == "sqlite":
        connection.check_constraints()


def _insert(model: Any, alias: str, kind: str, number: int) -> Any:
    """A row with such values, read back; None where the code's own rules forbid it."""
    values = dict(_values(model, alias, kind, number))
    instance = model(**values)
    for constraint in model._meta.constraints:
        try:
            constraint.validate(model, instance, using=alias)
        except ValidationError:
            return None
    instance.save(using=alias, force_insert=True)
    found = model.objects.using(alias).get(pk=instance.pk)
    for name, value in values.items():
        if getattr(found, name) != value:
            raise Difference(f"{name} was {value!r} and is {getattr(found, name)!r}")
    for relation in model._meta.local_many_to_many:
        _relate(found, relation, alias)
    return found


def _relate(found: Any, relation: Any, alias: str) -> None:
    other = relation.related_model.objects.using(alias).first()
    getattr(found, relation.name).add(other)
    if list(getattr(found, relation.name).all()) != [other]:
        raise Difference(relation.name)
    getattr(found, relation.name).clear()


def _change(rows: Any, made: Any, alias: str) -> None:
    for field in made._meta.local_fields:
        if field.primary_key or field.generated:
            continue
        value = getattr(made, field.attname)
        rows.filter(pk=made.pk).update(**{field.attname: value})
        wanted = {f"{field.attname}__isnull": True} if value is None else {field.attname: value}
        if not rows.filter(pk=made.pk, **wanted).exists():
            raise Difference(f"{field.name} is not found by {value!r}")


def _is_unique(model: Any) -> bool:
    if model._meta.unique_together or isinstance(model._meta.pk, models.CompositePrimaryKey):
        return True
    return any(f.unique and not f.primary_key for f in model._meta.local_fields)


def _values(model: Any, alias: str, kind: str, number: int) -> Iterator[tuple[str, Any]]:
    for field in model._meta.local_fields:
        if field.primary_key or field.generated:
            continue
        if kind == DEFAULT and field.has_db_default():
            continue
        yield field.attname, _value(field, alias, kind, number)


def _value(field: Any, alias: str, kind: str, number: int) -> Any:
    if kind == LEAST and field.null:
        return None
    if field.remote_field:
        if kind == FULL and not field.db_constraint:
            return 900_000 + number
        return field.related_model.objects.using(alias).values_list("pk", flat=True).order_by("pk")[0]
    if isinstance(field, (models.CharField, models.TextField)):
        length = {FULL: field.max_length or 300, LEAST: 1}.get(kind, 3)
        return str(number) * length
    if isinstance(field, models.DecimalField):
        return _decimal(field, kind, number)
    if isinstance(field, models.IntegerField):
        return _number(field, alias, kind, number)
    if isinstance(field, models.BooleanField):
        return kind == FULL
    if isinstance(field, models.DateTimeField):
        return dt.datetime(2026, 1, 1 + number, tzinfo=dt.timezone.utc)
    assert isinstance(field, models.UUIDField), field
    return uuid.UUID(int=number)


def _number(field: Any, alias: str, kind: str, number: int) -> int:
    least, most = connections[alias].ops.integer_field_range(field.get_internal_type())
    known = {FULL: (most or 0) - number, LEAST: (least or 0) + (number if least else 0)}
    return known.get(kind, number)


def _decimal(field: Any, kind: str, number: int) -> Decimal:
    places = Decimal(1).scaleb(-field.decimal_places)
    most = Decimal(10) ** (field.max_digits - field.decimal_places) - number * places
    return {FULL: most, LEAST: -most}.get(kind, Decimal(number)).quantize(places)
