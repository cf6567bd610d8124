"""What is known of a project from inside it: read by one Django start of the release, handed to those who decide."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

MEGABYTE = 1024**2


@dataclass(frozen=True)
class Message:
    """A message of Django's checks, or of ours; `level` is Django's number (10 debug to 50 critical)."""

    level: int
    id: str
    text: str
    hint: str = ""


@dataclass(frozen=True)
class Pending:
    """A migration that the database does not have yet; `sql` is only there when it was asked for."""

    alias: str
    app: str
    name: str
    operations: tuple[str, ...]
    reversible: bool
    sql: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProjectFacts:
    """`static_url` and `media_url` are paths; `serves_static` and `serves_media` say whether files on this host
    are behind them; `hashed_static` that their names carry hashes. `probe_path` is "" where no page without
    parameters was found, `pages` are those that do nothing when they are asked. `body_limit` is the largest request
    that the project means to take, in bytes, 0 for any. `sendfile_url` is the internal path of the files in
    `sendfile_root`, "" for none. `databases` are the vendors by alias, `own_databases` the aliases of those that are
    on the host itself.
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
                "messages": tuple(Message(**dict(row)) for row in fields["messages"]),
                "pending": tuple(_pending(dict(row)) for row in fields["pending"]),
            }
        )


def _pending(row: dict[str, Any]) -> Pending:
    return Pending(**{**row, "operations": tuple(row["operations"]), "sql": tuple(row["sql"])})
