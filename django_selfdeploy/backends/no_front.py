"""No front server: for hosts that visitors do not reach, since only workers run there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.release import NO_FRONT, Front
from .base import FrontServer

if TYPE_CHECKING:
    from ..context import Context


@dataclass(frozen=True)
class NoFront(FrontServer):
    """Nothing is installed, written, started or asked."""

    serves = False

    @property
    def own(self) -> bool:
        return False

    def files(self, context: Context) -> dict[str, str]:
        return {}

    def check(self, context: Context, executable: str) -> tuple[str, ...]:
        return ()

    def front(self, context: Context) -> Front:
        return NO_FRONT

    def encodings(self, context: Context) -> tuple[str, ...]:
        return ()

    def program_conf(self, context: Context, executable: str) -> str:
        return ""
