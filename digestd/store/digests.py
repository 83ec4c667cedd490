"""Rows of `digests` and `slots`: which due times were looked at, and which were closed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from digestd.core.slots import Slot
from digestd.store import outbox
from digestd.store.database import Database
from digestd.store.db import moment, moment_or_none, stamp, write_transaction


def know(db: Database, names: Iterable[str], now: datetime) -> None:
    """Make a row for every configured digest; a new one is looked at from now on."""
    db.conn.executemany(
        "INSERT INTO digests (name, looked_until) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
        [(name, stamp(now)) for name in names],
    )


def know_until(db: Database, name: str, now: datetime) -> None:
    """Look at this digest from `now` on: it is new, or the clock was set back."""
    know(db, [name], now)
    look(db, name, now)


def looked_until(db: Database, name: str) -> datetime | None:
    """Return up to when this digest's slots have been closed or passed over."""
    row = db.conn.execute("SELECT looked_until FROM digests WHERE name = ?", (name,)).fetchone()
    return moment_or_none(row[0]) if row else None


def look(db: Database, name: str, until: datetime) -> None:
    """Note that every slot of this digest up to `until` has been seen to."""
    db.conn.execute("UPDATE digests SET looked_until = ? WHERE name = ?", (stamp(until), name))


def is_closed(db: Database, digest: str, key: str) -> bool:
    """Return whether this slot was closed, with or without a message."""
    row = db.conn.execute(
        "SELECT 1 FROM slots WHERE digest = ? AND key = ?", (digest, key)
    ).fetchone()
    return row is not None


def close(
    db: Database, digest: str, slot: Slot, outgoing: outbox.Outgoing | None, now: datetime
) -> bool:
    """Close a slot for ever, with its message if there is one. All or nothing.

    False, with nothing done, if it was closed before, or if what the message
    pays was paid meanwhile: then look again.
    """
    with write_transaction(db):
        row = db.conn.execute(
            "INSERT INTO slots (digest, key, due_at, closed_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (digest, key) DO NOTHING RETURNING pk",
            (digest, slot.key, stamp(slot.due_at), stamp(now)),
        ).fetchone()
        if row is None:
            return False
        if outgoing is not None and not outbox.put(db, outgoing, now, slot_pk=row[0]):
            db.conn.execute("DELETE FROM slots WHERE pk = ?", (row[0],))
            return False
    return True


def last_closed(db: Database) -> dict[str, tuple[str, datetime]]:
    """Return the newest closed slot of each digest: its key and when it was closed."""
    rows = db.conn.execute("SELECT digest, key, max(closed_at) FROM slots GROUP BY digest")
    return {row[0]: (row[1], moment(row[2])) for row in rows}
