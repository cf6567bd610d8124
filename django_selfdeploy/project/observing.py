"""Recording what is asked of os.environ while settings are imported, without changing what is answered.

os.environ is one object that everybody holds, django-environ and python-decouple too. For the time of the import it
is given a class of ours, which answers as before and notes the question: who asked is told by the stack.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from types import FrameType, TracebackType
from typing import Any, NamedTuple

from ..core.children import INHERITED
from . import defaults, readers
from .contract import REQUIRED, Contract, Variable, merged
from .readers import Asked

OURS = re.compile(r"SELFDEPLOY_\w+|PYTHON\w*|DJANGO_SETTINGS_MODULE|PWD|SHELL|HOSTNAME|" + "|".join(INHERITED))
"""What the deployer or the host sets: no variables of the project's."""

INSTALLED = re.compile(r"[/\\](site|dist)-packages[/\\]")
IMPORTING = "<frozen importlib"
PLUMBING = ("os", "collections", "_collections_abc")
"""Modules that os.environ itself consists of."""

_missing = object()
logger = logging.getLogger(__name__)


class Place(NamedTuple):
    """A line of a file of the project."""

    file: str
    line: int


@dataclass(frozen=True)
class Read:
    """A reading by the project, in the order of time."""

    asked: Asked
    place: Place
    present: bool

    @property
    def lacks(self) -> bool:
        """Whether the settings got nothing for it."""
        return not self.present and (self.asked.required or self.asked.default is None)

    @property
    def is_dangling(self) -> bool:
        """Whether the name is part of a value that begins with `$`, and no variable has it: it may be a secret."""
        return bool(self.asked.by) and not self.present


class Recorder:
    """Notes the readings between enter and exit. It learns while settings are imported, so it is not frozen.

    Files below `code` are the project's; places are told relative to `project`, the folder of manage.py.
    """

    def __init__(self, *, code: str, project: str) -> None:
        self._code, self._project = os.path.realpath(code), os.path.realpath(project)
        self._busy = threading.local()
        self._is_project = cache(self._lies_in_project)
        self._walked: set[Place] = set()
        self.reads: list[Read] = []
        self.others: dict[str, None] = {}
        self.whole = False
        self.stand_ins: set[str] = set()
        """Names whose values are no real ones."""

    def __enter__(self) -> Recorder:
        self._kept = type(os.environ)
        os.environ.__class__ = type("Observed", (_Observed,), {"recorder": self})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.environ.__class__ = self._kept

    @property
    def contract(self) -> Contract:
        """What was read so far."""
        mine = (self._variable(read) for read in self.reads)
        return merged(mine, others=self.others, whole=self.whole)

    def where(self, place: Place) -> str:
        """The place as it is told: "mysite/settings.py:12"."""
        top = self._project if place.file.startswith(f"{self._project}{os.sep}") else self._code
        return f"{os.path.relpath(place.file, top)}:{place.line}"

    def is_project(self, file: str) -> bool:
        """Whether the code of that file is the project's own."""
        return self._is_project(file)

    def _lies_in_project(self, file: str) -> bool:
        if not os.path.isabs(file):
            return False  # "<frozen os>", "<string>"
        real = os.path.realpath(file)
        return real.startswith(f"{self._code}{os.sep}") and not INSTALLED.search(real)

    def _variable(self, read: Read) -> Variable:
        asked, where = read.asked, (self.where(read.place),)
        otherwise, text = (REQUIRED, "") if asked.required else defaults.shown(asked.name, self._portable(asked))
        if read.is_dangling:
            return Variable(asked.by, asked.cast, otherwise, text, where, present=True, dangling=True)
        return Variable(asked.name, asked.cast, otherwise, text, where, read.present, asked.by)

    def _portable(self, asked: Asked) -> Any:
        """The default without the path of this machine in it."""
        text = str(asked.default)
        return text.replace(self._project, "BASE_DIR") if self._project in text else asked.default

    # What was asked -------------------------------------------------------------------------------------------

    def note(self, plain: Asked, frame: FrameType) -> None:
        """Somebody asks for a name; `frame` is where os.environ was called."""
        self._carefully(self._note, plain, frame)

    def note_whole(self, frame: FrameType) -> None:
        """Somebody takes all of the environment."""
        self._carefully(self._note_whole, frame)

    def _carefully(self, noting: Callable[..., None], *arguments: Any) -> None:
        """What looks at readings reads itself; and whatever goes wrong here, the settings must not notice."""
        if getattr(self._busy, "now", False):
            return
        self._busy.now = True
        try:
            noting(*arguments)
        except Exception:
            logger.debug("A reading of the environment was not understood.", exc_info=True)
        finally:
            self._busy.now = False

    def _note(self, plain: Asked, frame: FrameType) -> None:
        if _spot(frame) in self._walked or readers.module(frame) in PLUMBING[1:]:
            return
        between, place, consts = self._caller(frame)
        direct = all(readers.module(each) in PLUMBING for each in between)
        if place is None or not (direct or readers.module(between[-1]) in readers.READERS or plain.name in consts):
            self.others.setdefault(plain.name)
            return
        found = readers.asked(() if direct else between, plain)
        if found and not OURS.fullmatch(found.name):
            self.reads.append(Read(found, place, self._has(found.name)))

    def _note_whole(self, frame: FrameType) -> None:
        self._walked.add(_spot(frame))
        between, place, _ = self._caller(frame)
        if place is None:
            return
        fields = tuple(readers.fields(between))
        self.reads += [Read(one, place, self._has(one.name)) for one in fields]
        if not fields and all(readers.module(each) in PLUMBING for each in between):
            self.whole = True

    def _has(self, name: str) -> bool:
        return name not in self.stand_ins and any(each in os.environ for each in (name, f"{name}_FILE"))

    def _caller(self, frame: FrameType | None) -> tuple[list[FrameType], Place | None, tuple[Any, ...]]:
        """The frames of libraries in between, and the place in the project, if a call of the project is behind it.

        What a module reads when it is imported, it reads of its own accord.
        """
        between: list[FrameType] = []
        while frame is not None and not frame.f_code.co_filename.startswith(IMPORTING):
            if self._is_project(frame.f_code.co_filename):
                return (
                    between,
                    Place(os.path.realpath(frame.f_code.co_filename), frame.f_lineno),
                    frame.f_code.co_consts,
                )
            between.append(frame)
            frame = frame.f_back
        return between, None, ()


def _spot(frame: FrameType) -> Place:
    """Where the code is that reads: what it takes all of, it does not ask for one by one."""
    while readers.module(frame) in PLUMBING and frame.f_back is not None:
        frame = frame.f_back
    return Place(frame.f_code.co_filename, frame.f_lineno)


class _Observed(os._Environ[str]):
    """os.environ, which tells its recorder. Every method answers as that of the class above does."""

    recorder: Recorder

    def __getitem__(self, key: str) -> str:
        self.recorder.note(Asked(key, required=True), sys._getframe(1))
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.recorder.note(Asked(key, default=default), sys._getframe(1))
        try:
            return super().__getitem__(key)
        except KeyError:
            return default

    def __contains__(self, key: object) -> bool:
        self.recorder.note(Asked(str(key)), sys._getframe(1))
        return self._quietly(key) is not _missing

    def setdefault(self, key: str, value: str) -> str:
        self.recorder.note(Asked(key, default=value), sys._getframe(1))
        if self._quietly(key) is _missing:
            self[key] = value
        return super().__getitem__(key)

    def pop(self, key: str, default: Any = _missing) -> Any:
        required = default is _missing
        self.recorder.note(Asked(key, required=required, default=None if required else default), sys._getframe(1))
        value = self._quietly(key)
        if value is not _missing:
            del self[key]
            return value
        if required:
            raise KeyError(key)
        return default

    def __iter__(self) -> Iterator[str]:
        self.recorder.note_whole(sys._getframe(1))
        return super().__iter__()

    def _quietly(self, key: Any) -> Any:
        try:
            return super().__getitem__(key)
        except KeyError:
            return _missing
