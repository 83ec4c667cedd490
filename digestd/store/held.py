"""Batches that the flood breaker holds: entries that are seen, and owed only if released."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from digestd.core.messages import Debt
from digestd.frozen import dataclass
from digestd.store import owed
from digestd.store.database import Database
from digestd.store.db import moment, stamp, write_transaction


@dataclass(frozen=True, slots=True)
class Batch:
    """What is held of one feed."""

    feed_pk: int
    held_at: datetime
    entries: int
    reason: str
    titles: tuple[str, ...] = ()  # of the newest


def hold(
    db: Database,
    feed_pk: int,
    reason: str,
    owed: Iterable[tuple[int, Iterable[Debt]]],
    now: datetime,
) -> None:
    """Hold entries with their debts; more of a feed join its batch. In a transaction."""
    found = list(owed)
    db.conn.execute(
        "INSERT INTO held_batches (feed_pk, held_at, entries, reason) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (feed_pk) DO UPDATE SET entries = entries + excluded.entries",
        (feed_pk, stamp(now), len(found), reason),
    )
    db.conn.executemany(
        "INSERT INTO held (entry_id, feed_pk, revision, kind, target) VALUES (?, ?, 1, ?, ?)"
        " ON CONFLICT DO NOTHING",
        [(entry_id, feed_pk, d.kind, d.target) for entry_id, debts in found for d in debts],
    )


def batches(db: Database) -> list[Batch]:
    """Return what is held of feeds that are followed, the longest held first."""
    rows = db.query(
        "SELECT h.* FROM held_batches h JOIN feeds f ON f.pk = h.feed_pk AND f.active"
        " ORDER BY h.held_at, h.feed_pk"
    )
    return [
        Batch(
            row["feed_pk"],
            moment(row["held_at"]),
            row["entries"],
            row["reason"],
            _titles(db, row["feed_pk"]),
        )
        for row in list(rows)
    ]


def _titles(db: Database, feed_pk: int) -> tuple[str, ...]:
    rows = db.query(
        "SELECT title FROM entries WHERE id IN (SELECT entry_id FROM held WHERE feed_pk = ?)"
        " ORDER BY id DESC LIMIT 3",
        (feed_pk,),
    )
    return tuple(row["title"] for row in rows)


def release(db: Database, feed_pk: int, now: datetime) -> int:
    """Let what is held of a feed be owed; return how many entries were held."""
    with write_transaction(db):
        for entry_id, revision, debt in _debts(db, feed_pk, now):
            owed.owe(db, entry_id, revision, [debt])
        # Now they are news, and such news is usual there.
        db.conn.execute(
            "UPDATE entries SET first_fetch = 0 WHERE id IN"
            " (SELECT entry_id FROM held WHERE feed_pk = ?)",
            (feed_pk,),
        )
        return _forget(db, feed_pk)


def drop(db: Database, feed_pk: int, now: datetime) -> int:
    """Let nobody be told of what is held of a feed; return how many entries that were."""
    with write_transaction(db):
        for entry_id, revision, debt in _debts(db, feed_pk, now):
            owed.owe_nothing(db, entry_id, revision, debt, "its owner dropped the held batch")
        return _forget(db, feed_pk)


def _debts(db: Database, feed_pk: int, now: datetime) -> list[tuple[int, int, Debt]]:
    rows = db.query(
        # What was edited meanwhile, and then dropped by a rule, is owed to nobody.
        "SELECT h.* FROM held h JOIN entries e ON e.id = h.entry_id AND NOT e.dropped"
        " WHERE h.feed_pk = ? ORDER BY h.entry_id",
        (feed_pk,),
    )
    return [(r["entry_id"], r["revision"], Debt(r["kind"], r["target"], now)) for r in rows]


def _forget(db: Database, feed_pk: int) -> int:
    db.conn.execute("DELETE FROM held WHERE feed_pk = ?", (feed_pk,))
    rows = db.conn.execute(
        "DELETE FROM held_batches WHERE feed_pk = ? RETURNING entries", (feed_pk,)
    ).fetchall()
    return int(rows[0][0]) if rows else 0
