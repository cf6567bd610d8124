"""Records to JSON and back: what plans, events and release records travel and rest in."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, TypeVar

from .secret import MASK, Secret

Record = TypeVar("Record", bound=type)

_known: dict[str, type] = {}


def record(cls: Record) -> Record:
    """Let instances of the dataclass `cls` be encoded; its name is its tag and is unique."""
    if cls.__name__ in _known:
        raise ValueError(f"Two records are called {cls.__name__!r}.")
    _known[cls.__name__] = cls
    return cls


def dumps(value: Any, *, reveal: bool = False, indent: int | None = None) -> str:
    """`value` as JSON text. Secrets are masked, unless `reveal` says that the text goes to a runner."""
    return json.dumps(_encoded(value, reveal), ensure_ascii=False, indent=indent, sort_keys=indent is not None)


def loads(text: str | bytes) -> Any:
    """What `dumps` wrote; lists come back as tuples. Raises ValueError for text that is not such JSON."""
    return _decoded(json.loads(text))


def _encoded(value: Any, reveal: bool) -> Any:
    if isinstance(value, Secret):
        return {"$secret": value.reveal()} if reveal else MASK
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: _encoded(getattr(value, f.name), reveal) for f in dataclasses.fields(value)}
        return {"$": type(value).__name__, **fields}
    if isinstance(value, dict):
        return {str(key): _encoded(item, reveal) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encoded(item, reveal) for item in value]
    return value


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decoded(item) for item in value)
    if not isinstance(value, dict):
        return value
    if "$secret" in value:
        return Secret(value["$secret"])
    name = value.get("$")
    if name is None:
        return {key: _decoded(item) for key, item in value.items()}
    if name not in _known:
        raise ValueError(f"{name!r} is not a known record.")
    kind = _known[name]
    fields = {f.name for f in dataclasses.fields(kind)}
    return kind(**{key: _decoded(item) for key, item in value.items() if key in fields})
