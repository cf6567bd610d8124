"""A value that does not show itself."""

from __future__ import annotations

from typing import NoReturn

MASK = "********"


class Secret:
    """A text that repr, str, format, JSON and pickle mask; only `reveal()` gives it away.

    A plain class on purpose: a dataclass would leak through `dataclasses.asdict()`.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("A Secret is not pickled: it would be written in the clear.")
