"""Values of settings made into fields of dataclasses: typed, and refused with a sentence that says what to write."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable
from typing import Any, get_type_hints

from .core.errors import ConfigError

REFERENCE = "See the reference of the settings."


def fields_of(
    where: str, kind: type, given: Any, *, skip: tuple[str, ...] = (), case: Callable[[str], str] = str.upper
) -> dict[str, Any]:
    """The keyword arguments for the dataclass `kind`, from a dictionary with its names in upper case, or in `case`.

    Raises ConfigError for what is no dictionary, an unknown key (with a near match), or a value of another type.
    """
    if not isinstance(given, dict):
        raise ConfigError(f"{where} is not a dictionary but {given!r}.", hint=REFERENCE)
    hints = get_type_hints(kind)
    known = {case(f.name): f for f in dataclasses.fields(kind) if f.name not in skip}
    values = {}
    for key, value in given.items():
        if key not in known:
            hint = meant(key, known) or f"It may have: {', '.join(known)}."
            raise ConfigError(f"{where} has the unknown key {key!r}.", hint=hint)
        values[known[key].name] = typed(f"{where}[{key!r}]", value, hints[known[key].name])
    return values


def meant(word: Any, words: Any) -> str:
    """A question that names the nearest of `words`; "" where none is near."""
    near = difflib.get_close_matches(str(word).upper(), [str(w).upper() for w in words], 1)
    exact = {str(w).upper(): str(w) for w in words}
    return f"Did you mean {exact[near[0]]!r}?" if near else ""


_kinds: dict[Any, tuple[tuple[type, ...], str]] = {
    str: ((str,), "a text"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    bool: ((bool,), "True or False"),
    tuple[str, ...]: ((list, tuple), "a list of texts"),
    dict[str, str]: ((dict,), "a dictionary of texts"),
    bool | None: ((bool,), "True or False"),
    float | None: ((int, float), "a number"),
    int | str: ((int, str), "a number or a text"),
    bool | tuple[str, ...]: ((bool, list, tuple), "True, False or a list of texts"),
}


def typed(where: str, value: Any, wanted: Any) -> Any:
    """`value`, lists made tuples. Raises ConfigError when it is not of the type `wanted`."""
    if wanted not in _kinds:
        return value
    kinds, described = _kinds[wanted]
    fits = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
    if isinstance(value, (list, tuple)):
        fits = fits and all(isinstance(item, str) for item in value)
    if isinstance(value, dict):
        fits = fits and all(isinstance(item, str) for pair in value.items() for item in pair)
    if not fits:
        raise ConfigError(f"{where} is {value!r}, which is not {described}.", hint=REFERENCE)
    if isinstance(value, list):
        return tuple(value)
    return float(value) if wanted in (float, float | None) else value
