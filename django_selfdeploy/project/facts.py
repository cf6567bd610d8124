"""What is known of a project from inside it: read by one Django start of the release, handed to those who decide."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from .contract import Contract
from .safety.findings import Finding, Judgement, gravest
from .workers.found import Found

MEGABYTE = 1024**2


@dataclass(frozen=True)
class Message:
    """A message of Django's checks, or of ours; `level` is Django's number (10 debug to 50 critical)."""

    level: int
    id: str
    text: str
    hint: str = ""


@dataclass(frozen=True)
class Table:
    """`rows` may be the database's own estimate; None is not known."""

    name: str
    rows: int | None = None
    size: int | None = None


@dataclass(frozen=True)
class Pending:
    """A migration that the database `alias` does not have yet, with a judgement for each of its operations.

    `sql` is only there when it was asked for. `declared` is the kind that the migration gives itself, "" for none;
    `needs` are names of other pending ones ("app.name") that must come before it; `tables` those that it is about.
    """

    alias: str
    app: str
    name: str
    operations: tuple[str, ...]
    reversible: bool
    sql: tuple[str, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    declared: str = ""
    needs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.app}.{self.name}"

    @property
    def kind(self) -> str:
        """As it declares itself, else the gravest kind of its operations."""
        return self.declared or gravest(one.kind for one in self.judgements)

    @property
    def waits(self) -> bool:
        """Whether the new code gets along without it."""
        return bool(self.declared) or all(one.waits for one in self.judgements)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is of its kind: those of its operations that are of that kind."""
        if self.declared:
            return ("It says so itself.",)
        return tuple(dict.fromkeys(one for each in self._grave for one in each.reasons))

    @property
    def better(self) -> tuple[str, ...]:
        return () if self.declared else tuple(dict.fromkeys(one for each in self._grave for one in each.better))

    @property
    def _grave(self) -> tuple[Judgement, ...]:
        return tuple(one for one in self.judgements if one.kind == self.kind)


@dataclass(frozen=True)
class ProjectFacts:
    """`static_url` and `media_url` are paths; `serves_static` and `serves_media` say whether files on this host
    are behind them; `hashed_static` that their names carry hashes. `probe_path` is "" where no page without
    parameters was found, `pages` are those that do nothing when they are asked. `body_limit` is the largest request
    that the project means to take, in bytes, 0 for any. `sendfile_url` is the internal path of the files in
    `sendfile_root`, "" for none. `databases` are the vendors by alias, `own_databases` the aliases of those that are
    on the host itself. `contract` is what the settings want from the environment. `script_name` is the path below
    which the whole site is, "" for the root of its host; `uncached` are the databases that lack the table of a cache.
    `to_create` says, in a rehearsal, what of databases and roles is missing and would be made, by alias. `workers` are
    the processes that it needs besides the web server.
    """

    application: str
    allowed_hosts: tuple[str, ...]
    prepend_www: bool
    ssl_redirect: bool
    static_url: str
    serves_static: bool
    media_url: str
    media_root: str
    serves_media: bool
    probe_path: str
    messages: tuple[Message, ...]
    pending: tuple[Pending, ...]
    databases: dict[str, str]
    versions: dict[str, str]
    test_runner: str = ""
    hashed_static: bool = False
    body_limit: int = 20 * MEGABYTE
    sendfile_url: str = ""
    sendfile_root: str = ""
    pages: tuple[str, ...] = ()
    own_databases: tuple[str, ...] = ()
    contract: Contract = Contract()
    script_name: str = ""
    uncached: tuple[str, ...] = ()
    to_create: dict[str, str] = field(default_factory=dict)
    workers: tuple[Found, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> ProjectFacts:
        return cls(
            **{
                **fields,
                "allowed_hosts": tuple(fields["allowed_hosts"]),
                "pages": tuple(fields.get("pages", ())),
                "own_databases": tuple(fields.get("own_databases", ())),
                "contract": Contract.from_json(fields["contract"]) if "contract" in fields else Contract(),
                "uncached": tuple(fields.get("uncached", ())),
                "messages": tuple(Message(**dict(row)) for row in fields["messages"]),
                "pending": tuple(_pending(dict(row)) for row in fields["pending"]),
                "workers": tuple(_worker(dict(row)) for row in fields.get("workers", ())),
            }
        )


def _worker(row: dict[str, Any]) -> Found:
    return Found(**{**row, "command": tuple(row["command"]), "marks": tuple(row["marks"])})


def _pending(row: dict[str, Any]) -> Pending:
    return Pending(
        **{
            **row,
            "operations": tuple(row["operations"]),
            "sql": tuple(row["sql"]),
            "judgements": tuple(_judgement(dict(one)) for one in row["judgements"]),
            "needs": tuple(row["needs"]),
            "tables": tuple(Table(**dict(one)) for one in row["tables"]),
        }
    )


def _judgement(row: dict[str, Any]) -> Judgement:
    return Judgement(**{**row, "findings": tuple(Finding(**dict(one)) for one in row["findings"])})
