"""The setting SMOKE: which pages a new release is asked for before it goes live."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from .backends.base import option
from .core.errors import ConfigError
from .typed import REFERENCE, fields_of


@dataclass(frozen=True)
class Smoke:
    """Pages that the new release is asked for before the switch; one that got worse stops the deployment."""

    paths: tuple[str, ...] = option((), "Paths that must be answered with success or a redirect.")
    derive: bool = option(True, "Whether pages without parameters are found in the URLs of the project, and asked too.")
    skip: tuple[str, ...] = option((), 'Paths that are not asked though they were found, for example "/reports/*".')
    most: int = option(20, "How many pages are asked at most, those of PATHS always.")
    seconds: float = option(5.0, "Seconds that all of it may take.")
    page_seconds: float = option(1.0, "Seconds that a page that was found may take; a slower one is not judged.")

    def choose(self, found: tuple[str, ...]) -> tuple[str, ...]:
        """The pages to ask, those of `paths` first; `found` are the project's own."""
        more = [path for path in found if not any(fnmatchcase(path, pattern) for pattern in self.skip)]
        every = tuple(dict.fromkeys((*self.paths, *(more if self.derive else ()))))
        return every[: max(self.most, len(self.paths))]


def smoke_options(where: str, given: Any) -> Smoke:
    """What SMOKE stands for: True or False for pages that are found, a list of paths, or a dictionary.

    Raises ConfigError.
    """
    if isinstance(given, bool):
        return Smoke(derive=given)
    if isinstance(given, (list, tuple)):
        given = {"PATHS": list(given), "DERIVE": False}
    smoke = Smoke(**fields_of(where, Smoke, given))
    for path in smoke.paths:
        if not path.startswith("/"):
            raise ConfigError(f"{where} has the path {path!r}.", hint="A path begins with /.")
    for name in ("most", "seconds", "page_seconds"):
        if getattr(smoke, name) < 0:
            raise ConfigError(f"{where}[{name.upper()!r}] is negative.", hint=REFERENCE)
    return smoke
