"""Every operation of Django's migrations, in the ways that matter: what there was, and what is done to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.contrib.postgres.functions import RandomUUID
from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    CreateCollation,
    CryptoExtension,
    RemoveCollation,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations as m
from django.db import models
from django.db.models.functions import Lower, Now

POSTGRES = ("postgresql",)
ALL = ("postgresql", "mysql", "sqlite")


@dataclass(frozen=True)
class Example:
    """`given` makes what the running code knows, `change` is judged. `atomic` is the migration's."""

    operation: str
    how: str
    change: tuple[Any, ...]
    given: tuple[Any, ...] = ()
    vendors: tuple[str, ...] = ALL
    atomic: bool = True

    @property
    def name(self) -> str:
        return f"{self.operation}, {self.how}"


def _id() -> tuple[str, Any]:
    return ("id", models.BigAutoField(primary_key=True))


def _key(to: str = "shop.shelf", **more: Any) -> Any:
    return models.ForeignKey(to, models.CASCADE, related_name="+", **more)


def _many(**more: Any) -> Any:
    return models.ManyToManyField("shop.shelf", related_name="+", **more)


def _computed(**more: Any) -> Any:
    return models.GeneratedField(expression=models.F("pages") + 1, output_field=models.IntegerField(), **more)


BASE = (
    m.CreateModel("Shelf", [_id(), ("label", models.CharField(max_length=20))]),
    m.CreateModel(
        "Book",
        [
            _id(),
            ("title", models.CharField(max_length=20)),
            ("pages", models.IntegerField()),
            ("note", models.CharField(max_length=20, null=True)),
        ],
    ),
)


def _with(**fields: Any) -> tuple[Any, ...]:
    """The book has these fields too."""
    return tuple(m.AddField("book", name, field) for name, field in fields.items())


def _alter(how: str, old: Any, new: Any, **more: Any) -> Example:
    return Example("AlterField", how, (m.AlterField("book", "x", new),), _with(x=old), **more)


def _add(how: str, field: Any, **more: Any) -> Example:
    return Example("AddField", how, (m.AddField("book", "x", field),), **more)


def _remove(how: str, field: Any, **more: Any) -> Example:
    return Example("RemoveField", how, (m.RemoveField("book", "x"),), _with(x=field), **more)


def _char(length: int = 20, **more: Any) -> Any:
    return models.CharField(max_length=length, **more)


def _decimal(digits: int, places: int) -> Any:
    return models.DecimalField(max_digits=digits, decimal_places=places)


CHECK = models.CheckConstraint(condition=models.Q(pages__gte=0), name="shop_pages")
UNIQUE = models.UniqueConstraint(fields=["title"], name="shop_title")
PARTIAL = models.UniqueConstraint(fields=["title"], condition=models.Q(pages__gt=0), name="shop_partial")
LATE = models.UniqueConstraint(fields=["title"], name="shop_late", deferrable=models.Deferrable.DEFERRED)
INDEX = models.Index(fields=["title"], name="shop_index")
SOME = models.Index(fields=["title"], condition=models.Q(pages__gt=0), name="shop_some")
LOWER = models.Index(Lower("title"), name="shop_lower")
ONE_LOWER = models.UniqueConstraint(Lower("title"), name="shop_one_lower")
COVERING = models.UniqueConstraint(fields=["title"], include=["pages"], name="shop_covering")
ONE_NULL = models.UniqueConstraint(fields=["note"], nulls_distinct=False, name="shop_one_null")
APART = ExclusionConstraint(name="shop_apart", expressions=[("title", RangeOperators.EQUAL)], index_type="SPGIST")

TABLES = (
    Example("CreateModel", "a table", (m.CreateModel("Loan", [_id(), ("days", models.IntegerField())]),)),
    Example("CreateModel", "with a foreign key", (m.CreateModel("Loan", [_id(), ("shelf", _key())]),)),
    Example(
        "CreateModel",
        "with a key of two columns",
        (
            m.CreateModel(
                "Loan",
                [
                    ("pk", models.CompositePrimaryKey("days", "text")),
                    ("days", models.IntegerField()),
                    ("text", models.CharField(max_length=20)),
                ],
            ),
        ),
    ),
    Example("DeleteModel", "a table", (m.DeleteModel("Book"),)),
    Example(
        "DeleteModel", "not managed", (m.DeleteModel("Map"),), (m.CreateModel("Map", [_id()], {"managed": False}),)
    ),
    Example("DeleteModel", "with a foreign key", (m.DeleteModel("Book"),), _with(x=_key(null=True))),
    Example("RenameModel", "the table's name follows", (m.RenameModel("Book", "Volume"),)),
    Example(
        "RenameModel", "db_table stays", (m.RenameModel("Book", "Volume"),), (m.AlterModelTable("book", "shop_tome"),)
    ),
    Example(
        "RenameModel",
        "db_table stays, many to many",
        (m.RenameModel("Book", "Volume"),),
        (m.AlterModelTable("book", "shop_tome"), *_with(x=_many())),
    ),
    Example("AlterModelTable", "another name", (m.AlterModelTable("book", "shop_tome"),)),
    Example("AlterModelTable", "the same name", (m.AlterModelTable("book", "shop_book"),)),
    Example("AlterModelTableComment", "a comment", (m.AlterModelTableComment("book", "All of them"),)),
    Example("AlterUniqueTogether", "one more", (m.AlterUniqueTogether("book", {("title", "pages")}),)),
    Example(
        "AlterUniqueTogether",
        "none any more",
        (m.AlterUniqueTogether("book", set()),),
        (m.AlterUniqueTogether("book", {("title", "pages")}),),
    ),
    Example("AlterIndexTogether", "one more", (m.AlterIndexTogether("book", {("title", "pages")}),)),
    Example(
        "AlterIndexTogether",
        "none any more",
        (m.AlterIndexTogether("book", set()),),
        (m.AlterIndexTogether("book", {("title", "pages")}),),
    ),
    Example("AlterOrderWithRespectTo", "set", (m.AlterOrderWithRespectTo("book", "x"),), _with(x=_key(null=True))),
    Example(
        "AlterOrderWithRespectTo",
        "unset",
        (m.AlterOrderWithRespectTo("book", None),),
        (*_with(x=_key(null=True)), m.AlterOrderWithRespectTo("book", "x")),
    ),
    Example("AlterModelOptions", "an ordering", (m.AlterModelOptions("book", {"ordering": ["title"]}),)),
    Example("AlterModelManagers", "a manager", (m.AlterModelManagers("book", [("objects", models.Manager())]),)),
)

INDEXES = (
    Example("AddIndex", "on a column", (m.AddIndex("book", INDEX),)),
    Example("AddIndex", "with a condition", (m.AddIndex("book", SOME),)),
    Example("AddIndex", "on an expression", (m.AddIndex("book", LOWER),)),
    Example("RemoveIndex", "of a column", (m.RemoveIndex("book", "shop_index"),), (m.AddIndex("book", INDEX),)),
    Example(
        "RenameIndex",
        "another name",
        (m.RenameIndex("book", new_name="shop_other", old_name="shop_index"),),
        (m.AddIndex("book", INDEX),),
    ),
    Example("AddConstraint", "check", (m.AddConstraint("book", CHECK),)),
    Example("AddConstraint", "unique", (m.AddConstraint("book", UNIQUE),)),
    Example("AddConstraint", "unique with a condition", (m.AddConstraint("book", PARTIAL),)),
    Example("AddConstraint", "unique, deferrable", (m.AddConstraint("book", LATE),)),
    Example("AddConstraint", "unique, of an expression", (m.AddConstraint("book", ONE_LOWER),)),
    Example("AddConstraint", "unique, with further columns", (m.AddConstraint("book", COVERING),)),
    Example("AddConstraint", "unique, NULL too", (m.AddConstraint("book", ONE_NULL),)),
    Example("AddConstraint", "exclusion", (m.AddConstraint("book", APART),), vendors=POSTGRES),
    Example(
        "RemoveConstraint",
        "exclusion",
        (m.RemoveConstraint("book", "shop_apart"),),
        (m.AddConstraint("book", APART),),
        vendors=POSTGRES,
    ),
    Example(
        "RemoveConstraint", "check", (m.RemoveConstraint("book", "shop_pages"),), (m.AddConstraint("book", CHECK),)
    ),
    Example(
        "RemoveConstraint", "unique", (m.RemoveConstraint("book", "shop_title"),), (m.AddConstraint("book", UNIQUE),)
    ),
    Example(
        "AlterConstraint",
        "another message",
        (
            m.AlterConstraint(
                "book",
                "shop_pages",
                models.CheckConstraint(
                    condition=models.Q(pages__gte=0), name="shop_pages", violation_error_message="no"
                ),
            ),
        ),
        (m.AddConstraint("book", CHECK),),
    ),
    Example(
        "AddIndexConcurrently", "on a column", (AddIndexConcurrently("book", INDEX),), vendors=POSTGRES, atomic=False
    ),
    Example(
        "RemoveIndexConcurrently",
        "of a column",
        (RemoveIndexConcurrently("book", "shop_index"),),
        (m.AddIndex("book", INDEX),),
        vendors=POSTGRES,
        atomic=False,
    ),
    Example("AddConstraintNotValid", "check", (AddConstraintNotValid("book", CHECK),), vendors=POSTGRES),
    Example(
        "ValidateConstraint",
        "check",
        (ValidateConstraint("book", "shop_pages"),),
        (AddConstraintNotValid("book", CHECK),),
        vendors=POSTGRES,
    ),
)

ADDED = (
    _add("may be NULL", models.IntegerField(null=True)),
    _add("NOT NULL, default in Python only", models.BooleanField(default=False)),
    _add("NOT NULL, db_default", models.BooleanField(db_default=False)),
    _add("NOT NULL, db_default=Now()", models.DateTimeField(db_default=Now())),
    _add("NOT NULL, db_default of each row its own", models.UUIDField(db_default=RandomUUID()), vendors=POSTGRES),
    _add("may be NULL, with an index", models.IntegerField(null=True, db_index=True)),
    _add("may be NULL, unique", models.IntegerField(null=True, unique=True)),
    _add("foreign key that may be NULL", _key(null=True)),
    _add("foreign key without constraint", _key(null=True, db_constraint=False, db_index=False)),
    _add(
        "one to one that may be NULL", models.OneToOneField("shop.shelf", models.CASCADE, related_name="+", null=True)
    ),
    _add("many to many", _many()),
    _add("computed and stored", _computed(db_persist=True)),
    _add("computed when read", _computed(db_persist=False), vendors=("mysql", "sqlite")),
)

REMOVED = (
    _remove("may be NULL", models.IntegerField(null=True)),
    _remove("NOT NULL", models.IntegerField(default=1)),
    _remove("NOT NULL, db_default", models.IntegerField(db_default=1)),
    _remove("with an index", models.IntegerField(null=True, db_index=True)),
    _remove("foreign key that may be NULL", _key(null=True)),
    _remove("many to many", _many()),
    _remove("computed", _computed(db_persist=True)),
)

ALTERED = (
    _alter("to NULL", _char(default="x"), _char(null=True)),
    _alter("to NOT NULL", _char(null=True), _char(default="x")),
    _alter("to NOT NULL with db_default", _char(null=True), _char(db_default="x")),
    _alter("a longer text", _char(20), _char(30)),
    _alter("a text longer than 63 characters", _char(20), _char(90)),
    _alter("a shorter text", _char(30), _char(20)),
    _alter("text of any length", _char(20), models.TextField()),
    _alter("text of a length", models.TextField(), _char(20)),
    _alter("a larger number", models.IntegerField(), models.BigIntegerField()),
    _alter("a smaller number", models.BigIntegerField(), models.IntegerField()),
    _alter("no negative number", models.IntegerField(), models.PositiveIntegerField()),
    _alter("negative numbers too", models.PositiveIntegerField(), models.IntegerField()),
    _alter("more digits", _decimal(6, 2), _decimal(8, 2)),
    _alter("more decimal places", _decimal(6, 2), _decimal(8, 3)),
    _alter("fewer digits", _decimal(8, 2), _decimal(6, 2)),
    _alter("a number of a text", _char(20, default="1"), models.IntegerField(), vendors=("mysql", "sqlite")),
    _alter("a text of a number", models.IntegerField(), _char(20)),
    _alter("unique", _char(), _char(unique=True)),
    _alter("not unique any more", _char(unique=True), _char()),
    _alter("an index", _char(), _char(db_index=True)),
    _alter("no index", _char(db_index=True), _char()),
    _alter("a db_default", _char(), _char(db_default="y")),
    _alter("another db_default", _char(db_default="x"), _char(db_default="y")),
    _alter("no db_default", _char(db_default="x"), _char()),
    _alter("a constraint of a foreign key", _key(db_constraint=False, default=1), _key(default=1)),
    _alter("no constraint of a foreign key", _key(default=1), _key(db_constraint=False, default=1)),
    _alter("another column", _char(), _char(db_column="y")),
    _alter("choices, help and validators", _char(), _char(help_text="h", choices=[("a", "b")])),
    _alter("a comment", _char(), _char(db_comment="c")),
    _alter("another collation", _char(), _char(db_collation="C"), vendors=POSTGRES),
    _alter("many to many, its table stays", _many(), _many(help_text="h")),
    _alter("many to many, another table", _many(db_table="shop_one"), _many(db_table="shop_other")),
    Example(
        "AlterField",
        "a larger primary key",
        (m.AlterField("page", "id", models.BigAutoField(primary_key=True)),),
        (m.CreateModel("Page", [("id", models.AutoField(primary_key=True)), ("text", _char())]),),
    ),
    Example("RenameField", "the column's name follows", (m.RenameField("book", "title", "heading"),)),
    Example("RenameField", "many to many", (m.RenameField("book", "x", "y"),), _with(x=_many())),
    Example(
        "RenameField",
        "many to many, db_table stays",
        (m.RenameField("book", "x", "y"),),
        _with(x=_many(db_table="shop_between")),
    ),
    Example(
        "RenameField",
        "db_column stays",
        (m.RenameField("book", "x", "y"),),
        _with(x=_char(db_column="z")),
    ),
)

SPECIAL = (
    Example(
        "SeparateDatabaseAndState",
        "state only",
        (m.SeparateDatabaseAndState(state_operations=[m.RemoveField("book", "note")]),),
    ),
    Example(
        "SeparateDatabaseAndState",
        "database too",
        (
            m.SeparateDatabaseAndState(
                state_operations=[m.RemoveField("book", "note")], database_operations=[m.RemoveField("book", "note")]
            ),
        ),
    ),
    Example(
        "SeparateDatabaseAndState",
        "database only",
        (m.SeparateDatabaseAndState(database_operations=[m.AddField("book", "x", models.IntegerField(null=True))]),),
    ),
    Example("RunSQL", "nothing", (m.RunSQL(m.RunSQL.noop, m.RunSQL.noop),)),
    Example("RunSQL", "a statement", (m.RunSQL("UPDATE shop_book SET pages = 2"),)),
    Example("RunPython", "nothing", (m.RunPython(m.RunPython.noop, m.RunPython.noop),)),
    Example("RunPython", "a function", (m.RunPython(lambda apps, editor: None),)),
    Example("CreateExtension", "and its kinds", (CryptoExtension(),), vendors=POSTGRES),
    Example("CreateCollation", "a collation", (CreateCollation("shop_c", "C"),), vendors=POSTGRES),
    Example(
        "RemoveCollation",
        "a collation",
        (RemoveCollation("shop_c", "C"),),
        (CreateCollation("shop_c", "C"),),
        vendors=POSTGRES,
    ),
)

TOGETHER = (
    Example(
        "several",
        "a new table is altered",
        (
            m.CreateModel("Loan", [_id(), ("days", models.IntegerField())]),
            m.AddField("loan", "name", _char(default="x")),
            m.RenameField("loan", "days", "weeks"),
            m.AlterField("loan", "name", _char(5, unique=True)),
        ),
    ),
    Example(
        "several",
        "a new column is filled, then NOT NULL with db_default",
        (
            m.AddField("book", "x", models.IntegerField(null=True)),
            m.AlterField("book", "x", models.IntegerField(db_default=0)),
        ),
    ),
    Example(
        "several",
        "a new column becomes NOT NULL without default",
        (
            m.AddField("book", "x", models.IntegerField(null=True)),
            m.AlterField("book", "x", models.IntegerField(default=0)),
        ),
    ),
    Example(
        "several",
        "a new column is renamed",
        (
            m.AddField("book", "x", models.IntegerField(null=True)),
            m.RenameField("book", "x", "y"),
        ),
    ),
    Example(
        "several",
        "a new column with a unique constraint",
        (
            m.AddField("book", "x", models.IntegerField(null=True)),
            m.AddConstraint("book", models.UniqueConstraint(fields=["x", "title"], name="shop_both")),
        ),
    ),
)

EXAMPLES = (*TABLES, *INDEXES, *ADDED, *REMOVED, *ALTERED, *SPECIAL, *TOGETHER)
