"""Rows of `channels`: who works for each, how it fares, and when it may speak again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from digestd.frozen import dataclass
from digestd.store.database import Database
from digestd.store.db import moment_or_none, stamp, stamp_or_none

# What a service says is kept, but not all of it.
ANSWER_LENGTH = 500


@dataclass(frozen=True, slots=True)
class ChannelState:
    """How a channel fares."""

    name: str
    failures: int
    resume_at: datetime | None
    parked_at: datetime | None
    parked_reason: str
    open_deliveries: int


def know(db: Database, names: Iterable[str]) -> None:
    """Make a row for every configured channel."""
    db.conn.executemany(
        "INSERT INTO channels (name) VALUES (?) ON CONFLICT (name) DO NOTHING",
        [(name,) for name in names],
    )


def take(db: Database, name: str, owner: str, now: datetime, until: datetime) -> bool:
    """Take, or keep, the lease on a channel; False while another process has it."""
    row = db.conn.execute(
        "UPDATE channels SET lease_owner = :owner, lease_until = :until WHERE name = :name"
        " AND (lease_owner IS NULL OR lease_owner = :owner OR lease_until < :now)"
        " RETURNING name",
        {"owner": owner, "until": stamp(until), "now": stamp(now), "name": name},
    ).fetchone()
    return row is not None


def release(db: Database, name: str, owner: str) -> None:
    """Give the channel's lease back."""
    db.conn.execute(
        "UPDATE channels SET lease_owner = NULL, lease_until = NULL"
        " WHERE name = ? AND lease_owner = ?",
        (name, owner),
    )


def lease_holders(db: Database) -> set[str]:
    """Return who holds a lease on a channel."""
    rows = db.conn.execute("SELECT lease_owner FROM channels WHERE lease_owner IS NOT NULL")
    return {row[0] for row in rows}


def free_leases_of(db: Database, owner: str) -> None:
    """Take back every channel that `owner` has leased."""
    db.conn.execute(
        "UPDATE channels SET lease_owner = NULL, lease_until = NULL WHERE lease_owner = ?", (owner,)
    )


def states(db: Database) -> list[ChannelState]:
    """Return every channel that is known, by name."""
    rows = db.query(
        "SELECT c.*, (SELECT count(*) FROM deliveries d WHERE d.channel = c.name"
        " AND d.state IN ('due', 'sending')) AS open FROM channels c ORDER BY name"
    )
    return [
        ChannelState(
            row["name"],
            row["failures"],
            moment_or_none(row["resume_at"]),
            moment_or_none(row["parked_at"]),
            row["parked_reason"],
            row["open"],
        )
        for row in rows
    ]


def failures(db: Database, name: str) -> int:
    """Return how many attempts in a row have failed on this channel."""
    row = db.conn.execute("SELECT failures FROM channels WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else 0


def parked(db: Database) -> set[str]:
    """Return the channels that say nothing until their owner has mended them."""
    rows = db.conn.execute("SELECT name FROM channels WHERE parked_at IS NOT NULL")
    return {row[0] for row in rows}


def note(
    db: Database,
    name: str,
    now: datetime,
    *,
    failed: int,
    resume_at: datetime | None,
    well: bool,
    lease: tuple[str, datetime] | None = None,
) -> None:
    """Record how the channel fares after an attempt: `failed` of them in a row now.

    `lease`, whose owner it is and until when, is kept if that is still so.
    """
    owner, until = lease or (None, now)
    db.conn.execute(
        "UPDATE channels SET failures = ?, resume_at = ?,"
        " last_ok_at = CASE WHEN ? THEN ? ELSE last_ok_at END,"
        " lease_until = CASE WHEN lease_owner = ? THEN ? ELSE lease_until END WHERE name = ?",
        (failed, stamp_or_none(resume_at), well, stamp(now), owner, stamp(until), name),
    )


def park(db: Database, name: str, reason: str, now: datetime) -> None:
    """Let the channel say nothing more until `mend`; its deliveries are the outbox's to park."""
    db.conn.execute(
        "UPDATE channels SET parked_at = ?, parked_reason = ? WHERE name = ?",
        (stamp(now), reason[:ANSWER_LENGTH], name),
    )


def mend(db: Database, name: str) -> None:
    """Let the channel speak again."""
    db.conn.execute(
        "UPDATE channels SET parked_at = NULL, parked_reason = '', failures = 0, resume_at = NULL"
        " WHERE name = ?",
        (name,),
    )


def clock_moved(db: Database, micros: int) -> None:
    """Let the channels wait as long as they would have: the clock was set by so much."""
    db.conn.execute("UPDATE channels SET resume_at = resume_at + ?", (micros,))


def forget_absurd_waits(db: Database, latest: int) -> None:
    """Let no channel wait beyond `latest`."""
    db.conn.execute("UPDATE channels SET resume_at = NULL WHERE resume_at > ?", (latest,))
