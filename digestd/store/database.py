"""A connection to the database, and what it finds as rows by name."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


class Database:
    """What every function of `digestd.store` works on.

    sqlite-utils has the tables made and altered (`store.db`); to load it takes longer than
    most commands do, and its own `query` asks SQLite for three statements in place of one.
    """

    __slots__ = ("conn",)

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn = conn

    def query(
        self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()
    ) -> Iterator[dict[str, Any]]:
        """Run `sql`, which returns rows, and yield each as a dictionary.

        What it changes is changed at once, but the transaction ends only when all
        rows were taken.
        """
        found = self.conn.execute(sql, params)
        names = [column[0] for column in found.description]
        return (dict(zip(names, row, strict=True)) for row in found)
