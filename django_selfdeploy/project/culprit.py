"""Which variable it is about when settings raise: that it is missing, or no such thing as the settings make of it."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from .observing import Place, Read, Recorder

INNOCENT = (SyntaxError, ImportError, NameError, OSError)
"""What has other reasons, whatever names are in the message."""

MISTYPED = (ValueError, TypeError, ArithmeticError)
OF_LIBRARIES = ("ImproperlyConfigured", "EnvError", "EnvValidationError", "ParseError")
"""Errors about values, by name: their libraries need not be installed."""

OF_NOTHING = (TypeError, AttributeError, ValueError)
"""What comes of None where a text was meant."""

SHORT = 5
"""Lines of a statement of which all is about one variable, most likely."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with the variable `name`, read at `where`: it is missing, or, `mistyped`, is no `cast`, or,
    `dangling`, its value begins with `$` and names a variable that there is not. `raised` is the
    class of the error.
    """

    name: str
    where: str
    cast: str = "str"
    mistyped: bool = False
    dangling: bool = False
    raised: str = ""


def culprits(recorder: Recorder, error: BaseException) -> tuple[Problem, ...]:
    """The variables that `error`, raised by the settings, is about; none where it is about something else.

    An error that names a variable which was read in vain is about that one, since people write such errors too; one
    that names none is about the last one that was read in the statement that raised it.
    """
    reads = recorder.reads[::-1]
    found = _lacking_fields(reads, error) or _named(reads, error) or _in_statement(recorder, reads, error)
    return tuple(dict.fromkeys(_problem(recorder, read, type(error).__name__) for read in found))


def _problem(recorder: Recorder, read: Read, raised: str) -> Problem:
    where, asked = recorder.where(read.place), read.asked
    if read.is_dangling:
        return Problem(asked.by, where, asked.cast, dangling=True, raised=raised)
    return Problem(asked.name, where, asked.cast, mistyped=read.present, raised=raised)


def _lacking_fields(reads: list[Read], error: BaseException) -> tuple[Read, ...]:
    """Those that pydantic names, which it does for all of a class at once."""
    errors = getattr(error, "errors", None)
    if type(error).__name__ != "ValidationError" or not callable(errors):
        return ()
    names = {str(one["loc"][0]).upper() for one in errors() if one.get("loc")}
    found = {read.asked.name: read for read in reads if any(read.asked.name.upper().endswith(name) for name in names)}
    return tuple(found.values())[::-1]


def _named(reads: list[Read], error: BaseException) -> tuple[Read, ...]:
    words = {word for one in _chain(error) if not isinstance(one, INNOCENT) for word in re.findall(r"\w+", str(one))}
    found = next((read for read in reads if read.lacks and read.asked.name in words), None)
    return (found,) if found else ()


def _in_statement(recorder: Recorder, reads: list[Read], error: BaseException) -> tuple[Read, ...]:
    place, is_last = _last_place(recorder, error.__traceback__)
    if place is None:
        return ()
    lines, raises = _statement(place)
    if raises and is_last:
        return ()  # the project says itself what is wrong
    read = next((read for read in reads if read.place.file == place.file and read.place.line in lines), None)
    if read is None or not (_hurts(read, error) if read.present else read.lacks and isinstance(error, OF_NOTHING)):
        return ()
    # in a long statement another part of it may have failed
    return (read,) if read is reads[0] and (read.place.line == place.line or len(lines) <= SHORT) else ()


def _hurts(read: Read, error: BaseException) -> bool:
    """Whether the value of a variable that is set may be the reason: it is no such thing, or no key of a choice."""
    if isinstance(error, LookupError):
        return error.args[:1] == (os.environ.get(read.asked.name),)
    return isinstance(error, MISTYPED) or type(error).__name__ in OF_LIBRARIES


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _last_place(recorder: Recorder, trace: TracebackType | None) -> tuple[Place | None, bool]:
    """Where in the project it went wrong, and whether it was there, and in no library that was called."""
    found, is_last = None, False
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        is_last = recorder.is_project(file)
        if is_last:
            found = Place(str(Path(file).resolve()), trace.tb_lineno)
        trace = trace.tb_next
    return found, is_last


def _statement(place: Place) -> tuple[range, bool]:
    """The lines of the innermost statement at that place, and whether it raises."""
    lines, raises = range(place.line, place.line + 1), False
    with suppress(OSError, ValueError, SyntaxError):
        tree = ast.parse(Path(place.file).read_bytes())
        around = [
            (range(node.lineno, (node.end_lineno or node.lineno) + 1), isinstance(node, ast.Raise))
            for node in ast.walk(tree)
            if isinstance(node, ast.stmt) and not hasattr(node, "body") and node.lineno <= place.line
        ]
        found = (each for each in around if place.line in each[0])
        lines, raises = min(found, key=lambda each: len(each[0]), default=(lines, raises))
    return lines, raises
