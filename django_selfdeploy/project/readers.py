"""How libraries that read settings from the environment ask for a variable, told by the frames of their functions.

Nothing in them is changed: a frame has the arguments, and so the cast and the default. Each function here knows one
library; what is not known of it, or of another version of it, is told as a plain text without a default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

Frames = Sequence[FrameType]
"""Frames of libraries, the innermost first, up to where the project called them."""


@dataclass(frozen=True)
class Asked:
    """A reading of `name`: `required` where it fails without, else `default`. `by` is the variable that names it."""

    name: str
    cast: str = "str"
    required: bool = False
    default: Any = None
    by: str = ""


def module(frame: FrameType) -> str:
    """The top-level name of the module that the frame belongs to."""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def asked(frames: Frames, plain: Asked) -> Asked | None:
    """What the library that the project called asks for; None where it loads a file, or only looks around.

    `plain` is how it asked os.environ. A library that nobody knows here asks just that.
    """
    if not frames:
        return plain
    reader = READERS.get(module(frames[-1]))
    return reader(frames, plain) if reader else plain


def _environ(frames: Frames, plain: Asked) -> Asked | None:
    """django-environ: every method ends in get_value, which calls itself for a value that begins with `$`."""
    calls = [frame.f_locals for frame in frames if frame.f_code.co_name == "get_value"]
    if not calls:
        return None if frames[-1].f_code.co_name == "read_env" else plain
    inner = calls[0]
    default = inner["default"]
    missing = type(default).__name__ == "NoValue"
    method = frames[-1].f_code.co_name
    cast = _cast(inner["cast"], None if missing else default) if method in ("__call__", "get_value") else method
    by = calls[1]["var_name"] if len(calls) > 1 else ""
    return Asked(inner["var_name"], cast, missing, None if missing else default, by)


def _decouple(frames: Frames, plain: Asked) -> Asked | None:
    """python-decouple: Config.get(option, default, cast), which also looks into a file of its own."""
    call = next((frame.f_locals for frame in frames if frame.f_code.co_name == "get"), None)
    if call is None:
        return None
    default, cast = call["default"], call["cast"]
    missing = type(default).__name__ == "Undefined"
    kind = "str" if type(cast).__name__ == "Undefined" else _cast(cast, None)
    in_file = call["option"] in getattr(call["self"].repository, "data", {})
    return Asked(call["option"], kind, missing and not in_file, None if missing else default)


def _environs(frames: Frames, plain: Asked) -> Asked | None:
    """environs: a method made for each type, with a marshmallow field or a function in its closure."""
    call = next((frame.f_locals for frame in frames if frame.f_code.co_name == "method"), None)
    if call is None:
        return None
    default = call["default"]
    kind = call.get("field_or_factory") or call.get("func")
    name = re.sub(r"^_|make_|_field|_parser", "", getattr(kind, "__name__", "str").lower())
    cast = {"boolean": "bool", "integer": "int", "string": "str", "raw": "str"}.get(name, name)
    return Asked(plain.name, cast, default is ..., None if default is ... else default)


def _database(frames: Frames, plain: Asked) -> Asked | None:
    """dj-database-url: config(env, default)."""
    return Asked(plain.name, "db_url", False, plain.default)


def _loader(frames: Frames, plain: Asked) -> Asked | None:
    """A library that takes variables from a file."""
    return None


READERS: dict[str, Callable[[Frames, Asked], Asked | None]] = {
    "environ": _environ,
    "decouple": _decouple,
    "environs": _environs,
    "dj_database_url": _database,
    "dotenv": _loader,
}


def fields(frames: Frames) -> Iterator[Asked]:
    """What pydantic-settings looks for when it takes the environment as a whole; nothing where it was not that."""
    source = next((each.f_locals["self"] for each in frames if each.f_code.co_name == "_load_env_vars"), None)
    for name, field in getattr(getattr(source, "settings_cls", None), "model_fields", {}).items():
        required = bool(field.is_required())
        default = None if required else field.get_default(call_default_factory=False)
        for _, variable, _ in source._extract_field_info(field, name):  # type: ignore[union-attr]
            variable = variable if getattr(source, "case_sensitive", False) else variable.upper()
            yield Asked(variable, _cast(field.annotation, None), required, default)


def _cast(cast: Any, default: Any) -> str:
    """The word for a cast; where there is none django-environ takes the default's type."""
    if cast is None:
        return "str" if default is None else type(default).__name__
    if isinstance(cast, (list, tuple)) and cast:
        return f"{type(cast).__name__} of {_cast(cast[0], None)}"
    if isinstance(cast, dict):
        return "dict"
    name = getattr(cast, "__name__", "") or type(cast).__name__
    return {"Csv": "list", "loads": "json", "_cast_boolean": "bool"}.get(name, name)
