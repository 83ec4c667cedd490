"""Messages of slots that were closed: found by their key, and put into the outbox once more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from digestd.core.messages import Piece
from digestd.frozen import dataclass
from digestd.store import outbox
from digestd.store.db import Database, moment


@dataclass(frozen=True, slots=True)
class SentSlot:
    """A slot that was closed, and the message that was sent for it."""

    key: str
    due_at: datetime
    message_pk: int
    identity: str
    title: str
    times: int  # how often it was sent again


def sent_slots(db: Database, digest: str, limit: int = 1_000) -> list[SentSlot]:
    """Return this digest's slots that had a message, newest first."""
    rows = db.query(
        "SELECT s.key, s.due_at, m.pk, m.identity, m.title, sent.n - 1 AS times"
        " FROM (SELECT slot_pk, min(pk) AS first, count(*) AS n FROM messages"
        " WHERE slot_pk IS NOT NULL GROUP BY slot_pk) sent"
        " JOIN slots s ON s.pk = sent.slot_pk JOIN messages m ON m.pk = sent.first"
        " WHERE s.digest = ? ORDER BY s.due_at DESC, s.pk DESC LIMIT ?",
        (digest, limit),
    )
    return [
        SentSlot(
            row["key"],
            moment(row["due_at"]),
            row["pk"],
            row["identity"],
            row["title"],
            row["times"],
        )
        for row in rows
    ]


def pieces_of(db: Database, message_pk: int) -> list[tuple[str, Piece]]:
    """Return a message's pieces by channel, as they went out; those whose bytes are kept."""
    rows = db.query(
        "SELECT channel, uid, recipient, part, form, payload, title FROM deliveries"
        " WHERE message_pk = ? AND payload <> x'' ORDER BY id",
        (message_pk,),
    )
    return [
        (
            row["channel"],
            Piece(
                uid=row["uid"],
                recipient=row["recipient"],
                part=row["part"],
                form=row["form"],
                payload=row["payload"],
                title=row["title"],
            ),
        )
        for row in rows
    ]


def put_again(
    db: Database,
    slot: SentSlot,
    identity: str,
    pieces: Sequence[tuple[str, Piece]],
    now: datetime,
) -> bool:
    """Put the pieces into the outbox under a new identity; False if somebody just did.

    The caller holds the transaction.
    """
    entries = db.conn.execute(
        "SELECT entry_id FROM message_entries WHERE message_pk = ? ORDER BY position",
        (slot.message_pk,),
    )
    slot_pk = db.conn.execute(
        "SELECT slot_pk FROM messages WHERE pk = ?", (slot.message_pk,)
    ).fetchone()[0]
    again = outbox.Outgoing(identity, "digest", slot.title, pieces, [row[0] for row in entries])
    return outbox.put(db, again, now, slot_pk=slot_pk)
