"""Which migrations were applied when a release went live, and what that means for a way back to it."""

from __future__ import annotations

from dataclasses import dataclass

from .. import codec
from ..codec import record


@record
@dataclass(frozen=True)
class Applied:
    """A migration that a database has. `compatible` says whether the release before it works with it all the same;
    `irreversible` is the operation that cannot be taken back, "" where all can, and where the release that wrote this
    does not have the migration.
    """

    alias: str
    app: str
    name: str
    compatible: bool = True
    irreversible: str = ""

    @property
    def label(self) -> str:
        where = "" if self.alias == "default" else f" on {self.alias!r}"
        return f"{self.app}.{self.name}{where}"

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.alias, self.app, self.name)


def read(path: str) -> tuple[Applied, ...] | None:
    """What a release wrote, in the order of application; None where it wrote nothing."""
    try:
        with open(path, encoding="utf-8") as file:
            found = codec.loads(file.read())
    except (OSError, ValueError, TypeError):
        return None
    if not isinstance(found, tuple) or not all(isinstance(one, Applied) for one in found):
        return None
    return found


def since(old: tuple[Applied, ...] | None, new: tuple[Applied, ...] | None) -> tuple[Applied, ...] | None:
    """Those of `new` that `old` did not have; None where one of the two is not known."""
    if old is None or new is None:
        return None
    before = {one.key for one in old}
    return tuple(one for one in new if one.key not in before)
