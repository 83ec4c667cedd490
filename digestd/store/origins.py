"""Rows of `origins`: whom nobody may ask yet, and how far apart requests to it must be."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from digestd.core.models import Patience
from digestd.store.database import Database
from digestd.store.db import moment, stamp, write_transaction


def record(db: Database, asked: Iterable[Patience], now: datetime) -> None:
    """Remember what these origins have asked for, and forget what is over."""
    with write_transaction(db):
        db.conn.execute("DELETE FROM origins WHERE blocked_until < ?", (stamp(now),))
        db.conn.executemany(
            "INSERT INTO origins (origin, blocked_until, gap_seconds) VALUES (?, ?, ?)"
            " ON CONFLICT (origin) DO UPDATE SET gap_seconds = excluded.gap_seconds,"
            " blocked_until = max(blocked_until, excluded.blocked_until)",
            [(p.origin, stamp(p.until), p.gap.total_seconds()) for p in asked],
        )


def all_patience(db: Database) -> list[Patience]:
    """Return what origins have asked for, as last recorded."""
    return [
        Patience(row["origin"], moment(row["blocked_until"]), timedelta(seconds=row["gap_seconds"]))
        for row in db.query("SELECT * FROM origins")
    ]
