"""What a database knows of a field, and how two of them differ: pure, apart from Django's naming of types."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

SAME, WIDER, NARROWER, OTHER = "same", "wider", "narrower", "other"

BYTES = {"tinyint": 1, "smallint": 2, "smallserial": 2, "integer": 4, "int": 4, "serial": 4, "bigint": 8}
BYTES |= {"bigserial": 8}

TEXTS = {"varchar": None, "char": None, "text": math.inf, "longtext": math.inf}

_type = re.compile(r"(?P<name>[a-z ]+?)\s*(?:\((?P<sizes>[\d, ]+)\))?(?P<unsigned>\s+unsigned)?(?:\s+auto_increment)?")


@dataclass(frozen=True)
class Column:
    """`default` and `generated` are the database's own, as text; "" for none. `target` is "table.column" of a
    foreign key that the database watches. `filled` says that the database gives a value by itself.
    """

    name: str
    type: str
    null: bool = False
    default: str = ""
    volatile: bool = False
    generated: str = ""
    stored: bool = False
    unique: bool = False
    indexed: bool = False
    primary: bool = False
    check: str = ""
    target: str = ""
    collation: str = ""
    filled: bool = False

    @property
    def optional(self) -> bool:
        """Whether a row can be inserted by code that does not know the column."""
        return self.null or bool(self.default) or bool(self.generated) or self.filled


def column_of(field: Any, connection: Any) -> Column | None:
    """The column of a field of a model's state; None for one that has none, as a many-to-many relation."""
    parameters = field.db_parameters(connection)
    if parameters["type"] is None or field.column is None:
        return None
    default = field.db_default if field.has_db_default() else None
    generated = bool(getattr(field, "generated", False))
    return Column(
        name=field.column,
        type=" ".join(parameters["type"].lower().split()),
        null=field.null,
        default="" if default is None else repr(default),
        volatile=default is not None and _is_volatile(default),
        generated=repr(field.expression) if generated else "",
        stored=generated and bool(field.db_persist),
        unique=field.unique,
        indexed=bool(field.db_index and not field.unique),
        primary=field.primary_key,
        check=str(parameters["check"] or ""),
        target=_target(field),
        collation=str(parameters.get("collation") or ""),
        filled=field.get_internal_type() in ("AutoField", "BigAutoField", "SmallAutoField"),
    )


def _is_volatile(default: Any) -> bool:
    """Whether each row needs a value of its own: constants and the time of the transaction do not."""
    named = {type(one).__name__ for one in default.flatten()} if hasattr(default, "flatten") else set()
    return not named <= {"Value", "Now", "DatabaseDefault", "Cast", "Lower", "Upper", "Concat"}


def _target(field: Any) -> str:
    if not field.remote_field or not getattr(field, "db_constraint", False):
        return ""
    return f"{field.remote_field.model._meta.db_table}.{field.target_field.column}"


def compared(old: str, new: str) -> str:
    """How the values that type `new` holds compare to those of `old`, both as Django names them."""
    if old == new:
        return SAME
    for ranges in (_integers, _texts, _decimals):
        before, after = ranges(old), ranges(new)
        if before is not None and after is not None:
            return _fits(before, after)
    return OTHER


def same_family(old: str, new: str) -> bool:
    """Whether both are whole numbers, both texts, or both decimals."""
    return any(ranges(old) is not None and ranges(new) is not None for ranges in (_integers, _texts, _decimals))


def _fits(before: tuple[float, ...], after: tuple[float, ...]) -> str:
    if before == after:
        return SAME
    if all(b <= a for b, a in zip(before, after, strict=True)):
        return WIDER
    return NARROWER if all(b >= a for b, a in zip(before, after, strict=True)) else OTHER


def _parsed(name: str) -> tuple[str, tuple[int, ...], bool]:
    match = _type.fullmatch(name)
    if match is None:
        return name, (), False
    sizes = tuple(int(size) for size in (match["sizes"] or "").split(",") if size.strip())
    return match["name"], sizes, bool(match["unsigned"])


def _integers(name: str) -> tuple[float, ...] | None:
    """How far below zero and how far above it goes."""
    base, _, unsigned = _parsed(name)
    if base not in BYTES:
        return None
    bits = 8 * BYTES[base]
    return (0, 2**bits - 1) if unsigned else (2 ** (bits - 1), 2 ** (bits - 1) - 1)


def _texts(name: str) -> tuple[float, ...] | None:
    base, sizes, _ = _parsed(name)
    if base not in TEXTS:
        return None
    return (TEXTS[base] or (sizes[0] if sizes else math.inf),)


def _decimals(name: str) -> tuple[float, ...] | None:
    """Digits before the point, and behind it."""
    base, sizes, _ = _parsed(name)
    if base not in ("numeric", "decimal") or len(sizes) != 2:
        return None
    return (sizes[0] - sizes[1], sizes[1])


def is_rewritten(old: str, new: str, vendor: str) -> bool:
    """Whether a change of the type makes the database write the whole table anew.

    PostgreSQL: "Notes" of its ALTER TABLE; only texts that grow and decimals that keep their scale are spared.
    MariaDB: "Instant ADD/MODIFY" of its online DDL; only a VARCHAR whose length keeps its size in bytes is.
    """
    if compared(old, new) == SAME:
        return False
    if vendor == "postgresql":
        return not (compared(old, new) == WIDER and (_texts(new) or _same_scale(old, new)))
    if vendor == "mysql" and compared(old, new) == WIDER and _parsed(new)[0] == "varchar" and _texts(old):
        return (_texts(old) or (0,))[0] <= 63 < (_texts(new) or (0,))[0]
    return True


def _same_scale(old: str, new: str) -> bool:
    before, after = _decimals(old), _decimals(new)
    return before is not None and after is not None and before[1] == after[1]
