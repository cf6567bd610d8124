"""What becomes of the old code when a column is added, altered or removed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .columns import NARROWER, SAME, WIDER, Column, compared, is_rewritten, same_family
from .findings import Finding, breaking, harmless, locking

REMADE = "SQLite copies the whole table, and whoever writes to the database waits."
TWO_STEPS = (
    "First deploy a column that may be NULL or has a db_default, and fill it; require it in the next deployment."
)
NOT_VALID = "Add the constraint as NOT VALID (AddConstraintNotValid), and validate it in a later migration."


def added(table: str, new: Column, vendor: str, *, remade: bool = False) -> Iterator[Finding]:
    """A column that the old code does not know. `remade` says that SQLite cannot simply add it."""
    if new.optional:
        yield harmless(f"{_named(table, new)} is filled by the database where code does not know it.")
    else:
        better = "Give the field a db_default: then the database fills it for code that does not know it."
        why = f"{_named(table, new)} is NOT NULL without a default in the database: code that does not know it"
        yield breaking(f"{why} cannot insert rows.", better, waits=False)
    if vendor == "sqlite" and remade:
        yield locking(REMADE)
    yield from _locks_of_added(table, new, vendor)


def _locks_of_added(table: str, new: Column, vendor: str) -> Iterator[Finding]:
    if vendor == "postgresql" and (new.volatile or new.stored or new.filled):
        better = "Add it without a default, fill it in batches, and set the default after that."
        yield locking(f"Every row of {table!r} gets a value of its own, and the table is locked meanwhile.", better)
    if vendor == "mysql" and (new.stored or new.target):
        yield locking(f"{table!r} is copied, and whoever writes to it waits.", _without_constraint(new))
    if vendor == "postgresql" and (new.unique or new.indexed):
        better = "Add the field without its index (db_index=False), then the index with AddIndexConcurrently."
        yield locking(f"Whoever writes to {table!r} waits while the index of {new.name!r} is built.", better)


def _without_constraint(new: Column) -> str:
    return "Add it with db_constraint=False, and the constraint in a window." if new.target else ""


def removed(table: str, old: Column, vendor: str, *, remade: bool = False) -> Iterator[Finding]:
    """A column that the new code does not know any more."""
    reason = f"The code that runs reads and writes {_named(table, old)}."
    if old.optional:
        caveat = (
            f" Until it is gone, rows that it points to in {_table(old)!r} cannot be deleted." if old.target else ""
        )
        yield breaking(f"{reason}{caveat}", "Remove it after the old processes are gone.", waits=True)
    else:
        better = "First deploy null=True or a db_default for it, then remove it: the new code inserts rows without it."
        yield breaking(f"{reason} And the new code cannot insert rows as long as it is NOT NULL.", better, waits=False)
    if vendor == "sqlite" and remade:
        yield locking(REMADE)


def altered(table: str, old: Column, new: Column, vendor: str, *, young: bool = False) -> Iterator[Finding]:
    """A column that both know, or that is `young`: added by the same plan, so that the old code does not know it."""
    if young:
        yield from _of_young(table, old, new, vendor)
        return
    if old.name != new.name:
        yield renamed(table, old.name, new.name)
    found = [*_type(table, old, new, vendor), *_null(table, old, new, vendor), *_default(old, new, vendor)]
    found += [*_unique(table, old, new, vendor), *_others(table, old, new, vendor)]
    yield from found
    if vendor == "sqlite":
        yield locking(REMADE)
    if old.name == new.name and not any(one.kind != "locking" for one in found):
        yield harmless(f"{_named(table, new)} takes what it took before.", waits=True)


def renamed(table: str, old: str, new: str) -> Finding:
    """A column by another name."""
    better = f"Keep the column: give the field db_column={old!r}. Else add {new!r}, copy, and remove {old!r} later."
    return breaking(f"The code that runs asks {table!r} for {old!r}, which is {new!r} then.", better, waits=False)


def _of_young(table: str, old: Column, new: Column, vendor: str) -> Iterator[Finding]:
    """As if it had been added as it is now; what locks, locks all the same."""
    yield from (one for one in added(table, replace(new, unique=False, indexed=False, target=""), vendor))
    locks = (one for one in altered(table, old, new, vendor) if one.kind == "locking")
    yield from locks
    if new.unique and not old.unique and new.default:
        better = "Let it be NULL, so that rows without a value do not collide."
        yield breaking(f"Two rows with the default of {_named(table, new)} collide.", better, waits=False)


def _type(table: str, old: Column, new: Column, vendor: str) -> Iterator[Finding]:
    change = compared(old.type, new.type)
    if change == SAME:
        return
    named = f"{_named(table, new)} becomes {new.type} and was {old.type}"
    if vendor == "sqlite":
        yield from _type_on_sqlite(named, is_converted=not same_family(old.type, new.type))
        return
    if change == WIDER:
        yield harmless(f"{named}: it takes all that it took before.")
    elif change == NARROWER:
        better = (
            "Let the new code stop to write what does not fit, then apply this: it fails while there is such a row."
        )
        yield breaking(f"{named}: it refuses what the code that runs may write.", better, waits=True)
    else:
        better = "Add a column of the new type, write to both, copy in batches, and remove the old one later."
        yield breaking(f"{named}: values of one are no values of the other.", better, waits=False)
    if is_rewritten(old.type, new.type, vendor):
        better = "Add a column of the new type, fill it in batches, and switch to it in a later deployment."
        yield locking(f"{table!r} is written anew, and whoever uses it waits.", better)


def _type_on_sqlite(named: str, *, is_converted: bool) -> Iterator[Finding]:
    """It holds no value to the length or the range of its type (SQLite's "Datatypes", type affinity)."""
    if is_converted:
        better = "Add a column of the new type, write to both, copy, and remove the old one later."
        yield breaking(f"{named}: code finds values of another type than it wrote.", better, waits=False)
        return
    yield harmless(f"{named}: SQLite takes the same values for both.", waits=True)


def _null(table: str, old: Column, new: Column, vendor: str) -> Iterator[Finding]:
    if old.null == new.null or new.primary:
        return
    if new.null:
        yield harmless(f"{_named(table, new)} may be NULL then, which the code that runs does not write.")
        return
    better = "Let the new code write a value always; after the old processes are gone no NULL comes any more."
    yield breaking(f"The code that runs may write NULL to {_named(table, new)}.", better, waits=True)
    if vendor == "postgresql":
        better = "First a CheckConstraint IS NOT NULL that is NOT VALID, then validate it, then NOT NULL: no scan then."
        yield locking(f"All rows of {table!r} are read for NULL, and nobody uses the table meanwhile.", better)


def _default(old: Column, new: Column, vendor: str) -> Iterator[Finding]:
    if old.default == new.default:
        return
    if new.default:
        yield harmless(f"The database gives {new.name!r} a default.", waits=bool(old.default) or old.null)
        return
    if vendor == "sqlite":
        yield harmless(f"The default of {old.name!r} goes; on SQLite Django writes it out in each INSERT.", waits=True)
        return
    better = "Keep it until no process relies on it."
    yield breaking(f"The code that runs leaves {old.name!r} to its default in the database.", better, waits=True)


def _unique(table: str, old: Column, new: Column, vendor: str) -> Iterator[Finding]:
    if new.unique and not old.unique:
        yield from unique_of(table, new.name, vendor)
    elif old.unique and not new.unique:
        yield harmless(f"{_named(table, new)} takes the same value twice then.")
    if new.indexed and not old.indexed and not old.unique:
        yield from index_of(table, new.name, vendor)


def unique_of(table: str, what: str, vendor: str) -> Iterator[Finding]:
    """A rule that no value comes twice, for what exists."""
    better = "Let the new code see to it first; it fails while there are two such rows."
    yield breaking(f"The code that runs may write the same {what!r} twice to {table!r}.", better, waits=True)
    if vendor == "postgresql":
        better = "Build a unique index concurrently, and make it the constraint with ADD CONSTRAINT ... USING INDEX."
        yield locking(f"Nobody uses {table!r} while the index is built.", better)


def index_of(table: str, what: str, vendor: str) -> Iterator[Finding]:
    """An index on what exists. MariaDB builds it beside (ALGORITHM=INPLACE, LOCK=NONE)."""
    yield harmless(f"An index on {what!r} changes no result.", waits=True)
    if vendor == "postgresql":
        better = "Use AddIndexConcurrently of django.contrib.postgres, in a migration with atomic = False."
        yield locking(f"Whoever writes to {table!r} waits while the index is built.", better)


def _others(table: str, old: Column, new: Column, vendor: str) -> Iterator[Finding]:
    if new.check and not old.check:
        yield from check_of(table, new.check, vendor)
    elif old.check and not new.check:
        yield harmless(f"{_named(table, new)} loses the rule {old.check}.")
    if new.target and old.target != new.target:
        yield from _foreign_key(table, old, new, vendor)
    elif old.target and not new.target:
        yield harmless(f"{_named(table, new)} need not point to a row any more.")
    if old.collation != new.collation and vendor != "sqlite":
        yield harmless(f"{_named(table, new)} is compared in another way.", waits=True)
        yield locking(f"{table!r} and its indexes are written anew, and whoever uses it waits.")
    if old.generated != new.generated:
        better = "Add a column of another name, and remove this one later."
        yield breaking(f"{_named(table, new)} is computed in another way, or not any more.", better, waits=False)


def check_of(table: str, rule: str, vendor: str) -> Iterator[Finding]:
    """A rule for the values of what exists."""
    better = "Let the new code keep to it first; it fails while there is a row against it."
    yield breaking(f"The code that runs may write to {table!r} what the rule {rule} refuses.", better, waits=True)
    if vendor == "postgresql":
        yield locking(f"All rows of {table!r} are read, and nobody uses the table meanwhile.", NOT_VALID)
    if vendor == "mysql":
        yield locking(f"{table!r} is copied, and whoever writes to it waits.")


def _foreign_key(table: str, old: Column, new: Column, vendor: str) -> Iterator[Finding]:
    reason = f"The code that runs may write a value to {_named(table, new)} that is in no row of {_table(new)!r}."
    yield breaking(reason, "Let the new code see to it first.", waits=not old.target)
    if vendor == "postgresql":
        yield locking(f"Whoever writes to {table!r} or {_table(new)!r} waits while all rows are read.", NOT_VALID)
    if vendor == "mysql":
        yield locking(f"{table!r} is copied, and whoever writes to it waits.")


def _named(table: str, column: Column) -> str:
    return f"{table}.{column.name}"


def _table(column: Column) -> str:
    return column.target.rpartition(".")[0]
