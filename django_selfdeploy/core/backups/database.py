"""A database as the programs of its vendor reach it."""

from __future__ import annotations

from dataclasses import dataclass

from ..secret import Secret


@dataclass(frozen=True)
class Database:
    """`vendor` is "postgresql", "mysql" or "sqlite"; `name` is the path of the file for the last. `options` are
    those of the driver that matter to a program, pairs of text. It holds a secret, so no plan ever does.
    """

    alias: str
    vendor: str
    name: str
    user: str = ""
    password: Secret = Secret("")
    host: str = ""
    port: str = ""
    options: tuple[tuple[str, str], ...] = ()
