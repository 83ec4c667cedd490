"""The messages made of what is owed, and their deliveries: one state machine.

    due -> sending -> sent | due again later | parked (channel broken) | dead (refused for ever)

A channel's deliveries are worked by whoever holds the channel's lease, in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from digestd.core.messages import Delivery, MessageKind, Piece
from digestd.core.retries import LONGEST_WISH, PATIENCE, Verdict
from digestd.frozen import dataclass
from digestd.store import channels, owed
from digestd.store.channels import ANSWER_LENGTH
from digestd.store.database import Database
from digestd.store.db import moment, moment_or_none, stamp, stamp_or_none
from digestd.store.pauses import CHANNEL_IS_SILENT
from digestd.store.unreached import Unreached

# Of a delivery `d` of a channel `c`: neither is paused, nor in its quiet hours.
_MAY_GO = (
    f" AND NOT {CHANNEL_IS_SILENT}"
    " AND (NOT :quiet OR (SELECT kind FROM messages m WHERE m.pk = d.message_pk) <> 'alert')"
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be put into the outbox, with its pieces by channel."""

    identity: str
    kind: MessageKind
    title: str
    pieces: Sequence[tuple[str, Piece]]
    entry_ids: Sequence[int] = ()
    owed_pks: Sequence[int] = ()
    instead_of: Sequence[Unreached] = ()  # alerts that this digest tells in their place


# --- messages --------------------------------------------------------------------------


def put(db: Database, outgoing: Outgoing, now: datetime, slot_pk: int | None = None) -> bool:
    """Put a message and its deliveries into the outbox and close the debts that it pays.

    False, with nothing done, if another process has put the same message or has
    paid one of the debts meanwhile. The caller holds the transaction.
    """
    if not owed.are_open(db, outgoing.owed_pks):
        return False
    row = db.conn.execute(
        "INSERT INTO messages (identity, kind, slot_pk, title, created_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (identity) DO NOTHING RETURNING pk",
        (outgoing.identity, outgoing.kind, slot_pk, outgoing.title, stamp(now)),
    ).fetchone()
    if row is None:
        return False
    message_pk: int = row[0]
    db.conn.executemany(
        "INSERT INTO message_entries (message_pk, position, entry_id) VALUES (?, ?, ?)",
        [(message_pk, position, entry) for position, entry in enumerate(outgoing.entry_ids)],
    )
    owed.pay(db, outgoing.owed_pks, message_pk)
    for one in outgoing.instead_of:
        why = f"told by {outgoing.identity} instead"
        drop(db, one.deliveries, why)
        owed.drop(db, [(pk, why) for pk in one.debts])
    _add_deliveries(db, message_pk, outgoing.pieces, now)
    return True


def alerts_since(db: Database, channel: str, since: datetime) -> list[tuple[datetime, int]]:
    """Return the alerts made for `channel` since then: when, and about how many entries."""
    rows = db.conn.execute(
        "SELECT m.created_at, count(DISTINCT e.entry_id) FROM deliveries d"
        " JOIN messages m ON m.pk = d.message_pk AND m.kind = 'alert'"
        " JOIN message_entries e ON e.message_pk = m.pk"
        " WHERE d.channel = ? AND d.created_at >= ? GROUP BY m.pk ORDER BY m.pk",
        (channel, stamp(since)),
    )
    return [(moment(row[0]), row[1]) for row in rows]


def _add_deliveries(
    db: Database, message_pk: int, pieces: Sequence[tuple[str, Piece]], now: datetime
) -> None:
    parked = channels.parked(db)
    db.conn.executemany(
        "INSERT INTO deliveries (message_pk, channel, uid, recipient, part, form, title, payload,"
        " state, due_at, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                message_pk,
                channel,
                piece.uid,
                piece.recipient,
                piece.part,
                piece.form,
                piece.title,
                piece.payload,
                "parked" if channel in parked else "due",
                stamp(now),
                stamp(now),
            )
            for channel, piece in pieces
        ],
    )


# --- deliveries ------------------------------------------------------------------------


def resume_interrupted(db: Database, channel: str, now: datetime) -> int:
    """Make due again what a process left in the middle of sending; return how many.

    For the holder of the channel's lease, before it begins: whatever is
    "sending" then was begun by a process that is no more. Whether the service
    accepted it cannot be known.
    """
    rows = db.conn.execute(
        "UPDATE deliveries INDEXED BY deliveries_open"
        " SET state = 'due', last_error = 'interrupted while sending'"
        " WHERE channel = ? AND state IN ('due', 'sending') AND state = 'sending' RETURNING id",
        (channel,),
    ).fetchall()
    for row in rows:
        _note_attempt(db, row[0], now, "unknown", "the process ended while sending")
    return len(rows)


def take_next(
    db: Database,
    channel: str,
    owner: str,
    now: datetime,
    *,
    quiet: bool = False,
    failures: int | None = None,
) -> Delivery | None:
    """Mark the channel's next due delivery as being sent and return it.

    None if nothing is due, or the lease is not `owner`'s, or the channel is
    silent; while it is `quiet`, alerts wait. Oldest first; when several attempts
    in a row have failed (`failures`, if known), the one that was tried least.
    """
    # A backlog is taken in the order of its index, not sorted anew for each; SQLite sees
    # that the index holds all that is due only where its own condition is repeated.
    failed = channels.failures(db, channel) if failures is None else failures
    is_patient = failed < PATIENCE
    rows = db.query(
        "UPDATE deliveries SET state = 'sending', attempts = attempts + 1 WHERE id = ("
        " SELECT d.id FROM deliveries d INDEXED BY deliveries_open"
        " JOIN channels c ON c.name = d.channel"
        " WHERE d.channel = :channel AND d.state IN ('due', 'sending') AND d.state = 'due'"
        " AND d.due_at <= :now"
        " AND c.lease_owner = :owner AND c.parked_at IS NULL"
        " AND (c.resume_at IS NULL OR c.resume_at <= :now)"
        f"{_MAY_GO} ORDER BY {'' if is_patient else 'd.attempts,'} d.id LIMIT 1"
        ") RETURNING *, (SELECT kind FROM messages m WHERE m.pk = message_pk) AS kind",
        {"channel": channel, "now": stamp(now), "owner": owner, "quiet": quiet},
    )
    return next((_delivery(row) for row in rows), None)


def settle(
    db: Database,
    delivery: Delivery,
    verdict: Verdict,
    now: datetime,
    lease: tuple[str, datetime] | None = None,
) -> bool:
    """Record what one attempt came to, for the delivery and for its channel (`channels.note`).

    False if another process has meanwhile taken it for interrupted: a machine
    that slept comes back with an old answer. Only that it was accepted still counts.
    """
    row = db.conn.execute(
        "UPDATE deliveries SET state = ?, due_at = ?, failing_since = ?, last_error = ?,"
        " sent_at = ? WHERE id = ? AND state = 'sending' AND attempts = ? RETURNING id",
        (
            verdict.state,
            stamp(verdict.due_at),
            stamp_or_none(verdict.failing_since),
            "" if verdict.state == "sent" else verdict.answer[:ANSWER_LENGTH],
            stamp(now) if verdict.state == "sent" else None,
            delivery.id,
            delivery.attempts,
        ),
    ).fetchone()
    if row is None:
        if verdict.state == "sent":
            settle_late(db, delivery.id, delivery.attempts, now)
        return False
    _note_attempt(db, delivery.id, now, verdict.outcome, verdict.answer)
    channels.note(
        db,
        delivery.channel,
        now,
        failed=verdict.channel_failures,
        resume_at=verdict.resume_at,
        well=verdict.state == "sent",
        lease=lease,
    )
    if verdict.state == "parked":
        _park(db, delivery.channel, verdict.answer, now)
    return True


def retry(db: Database, delivery_id: int, now: datetime) -> str:
    """Let a delivery be tried at once, as if it had never failed; return its channel, "" if not.

    What is on its way, or has arrived, stays as it is. A parked channel is
    freed: its owner means it to try.
    """
    row = db.conn.execute(
        "UPDATE deliveries SET state = 'due', due_at = ?, failing_since = NULL, dropped = ''"
        " WHERE id = ? AND state IN ('due', 'parked', 'dead') RETURNING channel",
        (stamp(now), delivery_id),
    ).fetchone()
    if row is None:
        return ""
    unpark(db, row[0], now)
    return str(row[0])


def drop(db: Database, delivery_ids: Iterable[int], why: str) -> int:
    """Send these no more, for this reason; return how many. What is on its way is let go."""
    return sum(
        db.conn.execute(
            "UPDATE deliveries SET state = 'dead', dropped = ?"
            " WHERE id = ? AND dropped = '' AND state IN ('due', 'parked', 'dead')",
            (why, delivery_id),
        ).rowcount
        for delivery_id in delivery_ids
    )


def clock_moved(db: Database, by: timedelta, now: datetime) -> None:
    """Let nothing be given up, or wait for years, for a wall clock that was set by `by`, to `now`.

    A computer without a clock of its own wakes up years ago, and jumps when it
    hears the time; a laptop that slept seems to do the same. What was to be
    tried meanwhile is tried now, but the time between is none of failing.
    """
    micros = by // timedelta(microseconds=1)
    back = min(micros, 0)
    db.conn.execute(
        "UPDATE deliveries INDEXED BY deliveries_open SET due_at = due_at + ?,"
        " failing_since = failing_since + ? WHERE state IN ('due', 'sending')",
        (back, micros),
    )
    channels.clock_moved(db, back)
    owed.reconsider(db, now)


def forget_absurd_waits(db: Database, now: datetime) -> None:
    """Try at once what waits for longer than anything does: the clock was ahead, and stopped so."""
    latest = stamp(now + LONGEST_WISH + timedelta(hours=1))
    db.conn.execute(
        "UPDATE deliveries INDEXED BY deliveries_open SET due_at = ?, failing_since = NULL"
        " WHERE state IN ('due', 'sending') AND due_at > ?",
        (stamp(now), latest),
    )
    channels.forget_absurd_waits(db, latest)


def settle_late(db: Database, delivery_id: int, attempt: int, now: datetime) -> None:
    """Record that an attempt we had given up waiting for was accepted after all.

    Only if nothing has happened to the delivery since: a newer attempt may be on its way.
    """
    row = db.conn.execute(
        "UPDATE deliveries SET state = 'sent', sent_at = ?, last_error = '', failing_since = NULL"
        " WHERE id = ? AND attempts = ? AND state = 'due' RETURNING id",
        (stamp(now), delivery_id, attempt),
    ).fetchone()
    if row is not None:
        _note_attempt(db, delivery_id, now, "accepted", "answered late")


def unpark(db: Database, channel: str, now: datetime) -> None:
    """Let a channel speak again: its owner has mended it, or a test went through."""
    channels.mend(db, channel)
    # A parked delivery does not age: its time of failing begins anew.
    db.conn.execute(
        "UPDATE deliveries SET state = 'due', due_at = ?, failing_since = NULL"
        " WHERE channel = ? AND state = 'parked'",
        (stamp(now), channel),
    )


def proved(db: Database, channel: str, now: datetime) -> bool:
    """Note that the channel has just accepted something; return whether it was parked."""
    was_parked = channel in channels.parked(db)
    unpark(db, channel, now)
    channels.note(db, channel, now, failed=0, resume_at=None, well=True)
    return was_parked


def unpark_all(db: Database, now: datetime) -> None:
    """Let every parked channel try again: the owner has started or reloaded us."""
    for name in channels.parked(db):
        unpark(db, name, now)


def _park(db: Database, channel: str, reason: str, now: datetime) -> None:
    channels.park(db, channel, reason, now)
    db.conn.execute(
        "UPDATE deliveries SET state = 'parked', last_error = ?"
        " WHERE channel = ? AND state = 'due'",
        (f"channel broken: {reason}"[:ANSWER_LENGTH], channel),
    )


def _note_attempt(db: Database, delivery_id: int, at: datetime, outcome: str, answer: str) -> None:
    db.conn.execute(
        "INSERT INTO attempts (delivery_id, at, outcome, answer) VALUES (?, ?, ?, ?)",
        (delivery_id, stamp(at), outcome, answer[:ANSWER_LENGTH]),
    )


def next_due_at(
    db: Database, channel: str, now: datetime, *, quiet: bool = False
) -> datetime | None:
    """Return when this channel has something to do next; None if nothing waits, or may go."""
    row = db.conn.execute(
        "SELECT max(min(d.due_at), coalesce(c.resume_at, 0)) FROM deliveries d"
        " INDEXED BY deliveries_open JOIN channels c ON c.name = d.channel"
        " WHERE d.channel = :channel AND d.state IN ('due', 'sending') AND c.parked_at IS NULL"
        f"{_MAY_GO}",
        {"channel": channel, "now": stamp(now), "quiet": quiet},
    ).fetchone()
    return moment_or_none(row[0])


def _delivery(row: dict[str, Any]) -> Delivery:
    return Delivery(
        id=row["id"],
        channel=row["channel"],
        kind=row["kind"],
        piece=Piece(
            uid=row["uid"],
            recipient=row["recipient"],
            part=row["part"],
            form=row["form"],
            payload=row["payload"],
            title=row["title"],
        ),
        state=row["state"],
        attempts=row["attempts"],
        created_at=moment(row["created_at"]),
        due_at=moment(row["due_at"]),
        failing_since=moment_or_none(row["failing_since"]),
        last_error=row["last_error"],
        sent_at=moment_or_none(row["sent_at"]),
    )
