"""What the runner can fail with; every error knows its exit code and what to do next.

DeployError
├── ConfigError          3   SELFDEPLOY, or an option, is wrong
├── HostError            4   the host lacks something: a program, a port, space, a permission
├── SourceError          5   the code cannot be taken as it is
├── RequirementsError    6   the virtual environment cannot be made
├── ReleaseError         7   the release cannot be loaded, or its checks fail
├── TestsFailed          8   the project's own tests fail
├── MigrationFailed      9   a migration fails
├── StaticFailed        10   collectstatic fails
├── NotReady            11   the new processes do not answer as they should
├── SwitchedBack        12   the new release failed after the switch; the old one is live again
├── RunnerLost          13   the runner on the host ended without a word
├── NothingThere        14   there is no such release, process or file
├── MigrationRefused    15   a migration would break the code that runs, and cannot wait until that is gone
├── MigrationMissing    16   the new release is live, and a migration that waited for that fails
├── BackupFailed        17   a backup cannot be made, is damaged, or cannot be restored
├── RollbackRefused     18   the database is ahead of the release to go back to
├── Locked              75   another deployment is at work (EX_TEMPFAIL of sysexits.h)
└── Cancelled          130   Ctrl-C, or the controller went away (128 + SIGINT)
"""

from __future__ import annotations

from typing import Any


class DeployError(Exception):
    """Something the user can mend: one sentence that says what is wrong, one that says what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class ConfigError(DeployError):
    exit_code = 3


class HostError(DeployError):
    exit_code = 4


class SourceError(DeployError):
    exit_code = 5


class RequirementsError(DeployError):
    exit_code = 6


class ReleaseError(DeployError):
    exit_code = 7


class TestsFailed(DeployError):
    __test__ = False  # not a test class, whatever its name looks like to pytest
    exit_code = 8


class MigrationFailed(DeployError):
    exit_code = 9


class StaticFailed(DeployError):
    exit_code = 10


class NotReady(DeployError):
    exit_code = 11


class SwitchedBack(DeployError):
    exit_code = 12


class RunnerLost(DeployError):
    exit_code = 13


class Unchanged(DeployError):
    """Not an error: what is live is what would be deployed."""

    exit_code = 0


class NothingThere(DeployError):
    exit_code = 14


class MigrationRefused(DeployError):
    exit_code = 15


class MigrationMissing(DeployError):
    """The release is live, and stays so."""

    exit_code = 16


class BackupFailed(DeployError):
    exit_code = 17


class RollbackRefused(DeployError):
    exit_code = 18


class Locked(DeployError):
    exit_code = 75


class Cancelled(DeployError):
    exit_code = 130


ALL: tuple[type[DeployError], ...] = (
    ConfigError,
    HostError,
    SourceError,
    RequirementsError,
    ReleaseError,
    TestsFailed,
    MigrationFailed,
    StaticFailed,
    NotReady,
    SwitchedBack,
    RunnerLost,
    NothingThere,
    MigrationRefused,
    MigrationMissing,
    BackupFailed,
    RollbackRefused,
    Locked,
    Cancelled,
    Unchanged,
)


def named(name: str) -> type[DeployError]:
    """The error class called `name`; DeployError itself where there is none."""
    return next((kind for kind in ALL if kind.__name__ == name), DeployError)


def as_fields(reason: DeployError) -> dict[str, Any]:
    """An error as it travels and as the journal keeps it."""
    return {
        "error": type(reason).__name__,
        "message": reason.message,
        "hint": reason.hint,
        "exit_code": reason.exit_code,
    }
