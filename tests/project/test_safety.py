"""Columns compared, migrations ordered, and what a walk remembers; what is true of databases, integration tests prove."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, models
from django.db.migrations import Migration, operations
from django.db.migrations.state import ProjectState

from django_selfdeploy.project.facts import Pending
from django_selfdeploy.project.safety.columns import Column, compared, is_rewritten
from django_selfdeploy.project.safety.fields import added, altered, removed
from django_selfdeploy.project.safety.findings import (
    CONTRACT,
    EXPAND,
    LOCKING,
    UNKNOWN,
    Judgement,
    breaking,
    gravest,
    harmless,
    judgement,
    locking,
)
from django_selfdeploy.project.safety.rules import RULES, not_known, rule_for
from django_selfdeploy.project.safety.schedule import Schedule, is_kind, schedule
from django_selfdeploy.project.safety.walk import Walk

# columns


@pytest.mark.parametrize(
    ("old", "new", "how"),
    [
        ("varchar(20)", "varchar(20)", "same"),
        ("varchar(20)", "varchar(30)", "wider"),
        ("varchar(20)", "text", "wider"),
        ("longtext", "varchar(20)", "narrower"),
        ("integer", "bigint", "wider"),
        ("bigint", "smallint", "narrower"),
        ("integer", "integer unsigned", "other"),
        ("smallint unsigned", "integer", "wider"),
        ("bigint auto_increment", "bigint", "same"),
        ("numeric(6, 2)", "numeric(8, 2)", "wider"),
        ("numeric(6, 2)", "numeric(8, 4)", "wider"),
        ("numeric(6, 2)", "numeric(6, 3)", "other"),
        ("decimal(8, 2)", "decimal(6, 2)", "narrower"),
        ("varchar(20)", "integer", "other"),
        ("uuid", "char(32)", "other"),
        ("timestamp with time zone", "date", "other"),
    ],
)
def test_types_are_compared_by_what_they_hold(old: str, new: str, how: str) -> None:
    assert compared(old, new) == how


@pytest.mark.parametrize(
    ("vendor", "old", "new", "rewritten"),
    [
        ("postgresql", "varchar(20)", "varchar(20)", False),
        ("postgresql", "varchar(20)", "varchar(900)", False),
        ("postgresql", "varchar(20)", "text", False),
        ("postgresql", "numeric(6, 2)", "numeric(8, 2)", False),
        ("postgresql", "numeric(6, 2)", "numeric(8, 3)", True),
        ("postgresql", "integer", "bigint", True),
        ("postgresql", "varchar(20)", "varchar(10)", True),
        ("mysql", "varchar(20)", "varchar(63)", False),
        ("mysql", "varchar(20)", "varchar(64)", True),
        ("mysql", "varchar(64)", "varchar(900)", False),
        ("mysql", "varchar(20)", "longtext", True),
        ("mysql", "integer", "bigint", True),
    ],
)
def test_some_changes_write_the_whole_table_anew(vendor: str, old: str, new: str, rewritten: bool) -> None:
    assert is_rewritten(old, new, vendor) is rewritten


PLAIN = Column("x", "integer", null=True)


@pytest.mark.parametrize(
    ("changes", "optional"),
    [
        ({}, True),
        ({"null": False}, False),
        ({"null": False, "default": "Value(1)"}, True),
        ({"generated": "F(y)"}, True),
    ],
)
def test_a_column_that_the_database_fills_suits_code_that_does_not_know_it(
    changes: dict[str, Any], optional: bool
) -> None:
    column = replace(PLAIN, **changes)
    [found] = added("t", column, "postgresql")
    assert (found.kind, found.waits) == (EXPAND if optional else CONTRACT, False)
    [gone] = removed("t", column, "postgresql")
    assert (gone.kind, gone.waits) == (CONTRACT, optional)


def test_a_column_of_the_same_plan_is_judged_as_if_it_had_been_added_so() -> None:
    required = replace(PLAIN, null=False)
    assert [one.kind for one in altered("t", PLAIN, required, "mysql", young=True)] == [CONTRACT]
    filled = replace(required, default="Value(0)")
    assert [one.kind for one in altered("t", PLAIN, filled, "mysql", young=True)] == [EXPAND]
    assert [one.kind for one in altered("t", PLAIN, replace(filled, unique=True), "mysql", young=True)] == [
        EXPAND,
        CONTRACT,
    ]


# findings


def test_the_gravest_finding_counts() -> None:
    assert [gravest(kinds) for kinds in ((), (EXPAND, LOCKING), (LOCKING, UNKNOWN), (UNKNOWN, CONTRACT))] == [
        EXPAND,
        LOCKING,
        UNKNOWN,
        CONTRACT,
    ]
    found = judgement("Do", (harmless("fine", waits=True), locking("locks", "wait"), breaking("breaks", waits=True)))
    assert (found.kind, found.waits, found.reasons, found.better) == (CONTRACT, True, ("locks", "breaks"), ("wait",))
    assert judgement("Do", (harmless("fine"),)).reasons == ("fine",)


# the schedule


def pending(name: str, kind: str = EXPAND, *, waits: bool = True, needs: tuple[str, ...] = ()) -> Pending:
    finding = {
        EXPAND: harmless("fine"),
        CONTRACT: breaking("It breaks.", "Mend it.", waits=waits),
        UNKNOWN: replace(harmless("?"), kind=UNKNOWN),
    }[kind]
    judged = (judgement("Do", (finding,)),)
    return Pending("default", "shop", name, ("Do",), True, judgements=judged, needs=tuple(f"shop.{n}" for n in needs))


def order(found: Schedule) -> tuple[list[str], list[str]]:
    return [label for _, label in found.before], [label for _, label in found.after]


def test_what_the_old_code_needs_comes_after_it() -> None:
    found = schedule((pending("1"), pending("2", UNKNOWN), pending("3", CONTRACT, needs=("1", "2"))), overrules={})
    assert order(found) == (["shop.1", "shop.2"], ["shop.3"])
    assert found.problems == ()
    assert [found.when("default", f"shop.{n}") for n in "123"] == ["before", "before", "after"]


def test_what_cannot_wait_is_a_problem() -> None:
    found = schedule((pending("1", CONTRACT, waits=False),), overrules={})
    [problem] = found.problems
    assert found.when("default", "shop.1") == "refused"
    assert problem.text == "shop.1 breaks the code that runs, and the new code cannot do without it: It breaks."
    assert (problem.label, problem.hint) == ("shop.1", "Mend it.")


def test_what_must_come_first_may_need_nothing_that_must_wait() -> None:
    [problem] = schedule((pending("1", CONTRACT), pending("2", needs=("1",))), overrules={}).problems
    assert problem.text.startswith("shop.2 must be applied before the switch, and needs shop.1, which breaks")
    assert "first the commit whose last migration of that app is shop.1" in problem.hint
    later = schedule((pending("1", CONTRACT), pending("2", CONTRACT, needs=("1",))), overrules={})
    assert (order(later), later.problems) == (([], ["shop.1", "shop.2"]), ())


@pytest.mark.parametrize("how", [{"window": True}, {"running": False}])
def test_where_no_old_code_runs_everything_comes_before(how: dict[str, bool]) -> None:
    found = schedule((pending("1", CONTRACT, waits=False), pending("2", needs=("1",))), overrules={}, **how)
    assert (order(found), found.problems) == ((["shop.1", "shop.2"], []), ())


def test_a_judgement_can_be_overruled_by_name_or_by_pattern_and_the_last_counts() -> None:
    rows = (pending("1", CONTRACT, waits=False), pending("2"))
    found = schedule(rows, overrules={"shop.*": "contract", "shop.1": "expand", "other.*": "locking"})
    assert (order(found), found.problems) == ((["shop.1"], ["shop.2"]), ())
    assert found.overruled == {"shop.1": "expand", "shop.2": "contract"}


def test_databases_do_not_meet() -> None:
    rows = (pending("1", CONTRACT), replace(pending("2", needs=("1",)), alias="other"))
    assert schedule(rows, overrules={}).problems == ()


def test_what_a_migration_declares_counts_before_its_operations() -> None:
    declared = replace(pending("1", UNKNOWN), declared=CONTRACT)
    assert (declared.kind, declared.waits, declared.reasons, declared.better) == (
        CONTRACT,
        True,
        ("It says so itself.",),
        (),
    )
    assert [is_kind(word) for word in (EXPAND, LOCKING, CONTRACT, UNKNOWN, "x")] == [True, True, True, False, False]


# the walk


def migration(*done: Any, atomic: bool = True) -> Migration:
    made = Migration("0001_x", "shop")
    made.operations, made.atomic = list(done), atomic
    return made


BOOK = operations.CreateModel(
    "Book", [("id", models.BigAutoField(primary_key=True)), ("title", models.CharField(max_length=20))]
)


def walked(*done: Any, given: tuple[Any, ...] = ()) -> list[Judgement]:
    state = migration(*given).mutate_state(ProjectState())
    return list(Walk(state, connection).judge(migration(*done)))


def test_what_is_new_in_the_plan_is_known_to_nobody() -> None:
    found = walked(
        BOOK,
        operations.AddField("book", "pages", models.IntegerField(default=1)),
        operations.RenameModel("book", "volume"),
        operations.RemoveField("volume", "title"),
        operations.AddField("volume", "note", models.TextField(default="")),
        operations.DeleteModel("volume"),
    )
    assert {one.kind for one in found} == {EXPAND}


def test_a_table_that_was_there_is_told_as_touched() -> None:
    state = migration(BOOK).mutate_state(ProjectState())
    walk = Walk(state, connection)
    walk.judge(migration(operations.AddField("book", "pages", models.IntegerField(null=True))))
    assert walk.touched == {"shop_book"}
    walk.judge(migration(operations.RunPython(operations.RunPython.noop)))
    assert walk.touched == set()


def test_on_a_new_database_nothing_breaks() -> None:
    [found] = Walk(None, connection, fresh=True).judge(migration(operations.DeleteModel("book")))
    assert (found.kind, found.reasons) == (EXPAND, ("The database is new: no code runs on it.",))


def test_what_is_not_managed_is_not_touched() -> None:
    given = operations.CreateModel("Book", BOOK.fields, options={"managed": False})
    [found] = walked(operations.AddField("book", "x", models.IntegerField(default=1)), given=(given,))
    assert (found.kind, found.reasons) == (EXPAND, ("Nothing is done in this database.",))


def test_every_operation_of_django_has_a_rule() -> None:
    from django.contrib.postgres import operations as postgres

    kinds = [getattr(module, name) for module in (operations, postgres) for name in dir(module)]
    found = {kind for kind in kinds if isinstance(kind, type) and issubclass(kind, operations.base.Operation)}
    known = {f"{kind.__module__}.{kind.__qualname__}" for kind in found if "database_forwards" in vars(kind)}
    assert known - set(RULES) <= {
        "django.db.migrations.operations.base.Operation",
        "django.db.migrations.operations.special.SeparateDatabaseAndState",
    }


def test_an_operation_of_somebody_else_is_not_known() -> None:
    class Careful(operations.AddField):
        def database_forwards(self, *args: Any) -> None:
            """Something else."""

    class Named(operations.AddField):
        """The same by another name."""

    field = models.IntegerField(null=True)
    assert rule_for(Careful("book", "x", field)) is not_known
    assert rule_for(Named("book", "x", field)) is not not_known
    [found] = walked(Careful("book", "x", field), given=(BOOK,))
    assert found.kind == UNKNOWN


def test_kinds_of_many_operations_are_put_together_in_any_order() -> None:
    for kinds in itertools.permutations((EXPAND, LOCKING, CONTRACT)):
        assert gravest(kinds) == CONTRACT
