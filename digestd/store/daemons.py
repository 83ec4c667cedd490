"""Rows of `daemons`: who runs on this database, and what the dead have left leased."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from digestd.store import channels, feeds
from digestd.store.database import Database
from digestd.store.db import moment, stamp
from digestd.store.owner import is_dead


def enter(db: Database, owner: str, now: datetime) -> None:
    """Note that `owner` runs as a daemon."""
    db.conn.execute(
        "INSERT INTO daemons (owner, started_at) VALUES (?, ?)"
        " ON CONFLICT (owner) DO UPDATE SET started_at = excluded.started_at",
        (owner, stamp(now)),
    )


def leave(db: Database, owner: str) -> None:
    """Note that `owner` has ended, and free what it may still hold."""
    db.conn.execute("DELETE FROM daemons WHERE owner = ?", (owner,))
    free(db, [owner])


def running(db: Database) -> list[tuple[str, datetime]]:
    """Return the daemons that live, with their start."""
    rows = db.conn.execute("SELECT owner, started_at FROM daemons ORDER BY started_at")
    return [(row[0], moment(row[1])) for row in rows if not is_dead(row[0])]


def crashed(db: Database) -> bool:
    """Return whether a daemon has ended without saying so and none has taken over."""
    rows = db.conn.execute("SELECT owner FROM daemons").fetchall()
    return bool(rows) and all(is_dead(row[0]) for row in rows)


def dead_holders(db: Database, me: str) -> list[str]:
    """Return the owners of leases, or of a daemon's row, whose process is no more."""
    entered = {row[0] for row in db.conn.execute("SELECT owner FROM daemons")}
    others = (entered | feeds.lease_holders(db) | channels.lease_holders(db)) - {me}
    return sorted(owner for owner in others if is_dead(owner))


def free(db: Database, owners: Iterable[str]) -> None:
    """Take back at once what these processes have leased."""
    for owner in owners:
        feeds.free_leases_of(db, owner)
        channels.free_leases_of(db, owner)
        db.conn.execute("DELETE FROM daemons WHERE owner = ?", (owner,))
