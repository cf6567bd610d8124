"""The setting BACKUP: when databases are backed up, where to, and what is kept."""

from __future__ import annotations

from dataclasses import dataclass

from .backends.base import option
from .core.errors import ConfigError
from .core.layout import Layout
from .typed import REFERENCE, fields_of

BEFORE_MIGRATIONS, ALWAYS, NEVER = "before migrations", "always", "never"


@dataclass(frozen=True)
class BackupOptions:
    """Backups of the databases, made by a deployment and by `deploy_backup`."""

    when: str = option(BEFORE_MIGRATIONS, "When a deployment makes one: `before migrations`, `always` or `never`.")
    databases: tuple[str, ...] = option((), "Aliases of DATABASES; default: all that migrations are applied to.")
    media: bool = option(False, "Whether uploaded files are in every backup, not only in those made with --media.")
    directory: str = option(
        "", "Folder that backups are kept in, perhaps on another disk or host; it must be there. Default: in ROOT."
    )
    compression: int = option(6, "How hard gzip works, from 0 (not at all) to 9.")
    keep: int = option(10, "How many are kept.")
    keep_days: float = option(0.0, "Days after which one is removed though fewer than KEEP are there; 0 for never.")

    def __post_init__(self) -> None:
        """Raises ConfigError for values that cannot be."""
        judgements = (
            (self.when in (BEFORE_MIGRATIONS, ALWAYS, NEVER), "WHEN", self.when),
            (self.directory == "" or self.directory.startswith("/"), "DIRECTORY", self.directory),
            (0 <= self.compression <= 9, "COMPRESSION", self.compression),
            (self.keep >= 1, "KEEP", self.keep),
            (self.keep_days >= 0, "KEEP_DAYS", self.keep_days),
        )
        for good, key, value in judgements:
            if not good:
                raise ConfigError(f"{key!r} of BACKUP is {value!r}.", hint=REFERENCE)

    def folder(self, layout: Layout, name: str) -> str:
        """Where the backups of the site `name` are."""
        return f"{self.directory.rstrip('/')}/{name}" if self.directory else layout.backups


def backup_options(where: str, given: object) -> BackupOptions:
    """The options that a dictionary stands for. Raises ConfigError."""
    return BackupOptions(**fields_of(where, BackupOptions, given))
