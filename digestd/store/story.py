"""The story of one entry: to whom it was owed, in which messages it went, what each try came to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from digestd.core.models import Entry
from digestd.frozen import dataclass
from digestd.store import entries
from digestd.store.db import Database, moment, moment_or_none

_SHOWN = 6


@dataclass(frozen=True, slots=True)
class DebtTold:
    """One debt of the entry; `message` is the identity of what paid it, "" while it is open."""

    kind: str
    target: str
    revision: int
    due_at: datetime
    held: str
    dropped: str
    message: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try, and what the service answered."""

    at: datetime
    outcome: str
    answer: str


@dataclass(frozen=True, slots=True)
class DeliveryTold:
    """One piece of a message on its way."""

    id: int
    channel: str
    recipient: str
    part: int
    state: str
    due_at: datetime
    sent_at: datetime | None
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class MessageTold:
    """One message that holds the entry."""

    identity: str
    kind: str
    title: str
    created_at: datetime
    slot: str
    deliveries: tuple[DeliveryTold, ...]


def find(db: Database, text: str) -> list[Entry]:
    """Return the entries that `text` may mean: an id, a link, a guid, a part of a title.

    The first of these that finds any decides; several are given, newest first,
    for the caller to complain of.
    """
    if text.isascii() and text.isdigit() and len(text) < 18:
        found = list(entries.by_id(db, [int(text)]).values())
        if found:
            return found
    pattern = "%" + "".join("!" + sign if sign in "!%_" else sign for sign in text) + "%"
    bare = text.rstrip("/")
    for condition, values in (
        ("link IN (?, ?, ?) OR guid = ?", [text, bare, f"{bare}/", text]),
        ("title = ?", [text]),
        ("title LIKE ? ESCAPE '!'", [pattern]),
        ("link LIKE ? ESCAPE '!'", [pattern]),
    ):
        ids = db.conn.execute(
            f"SELECT id FROM entries WHERE {condition} ORDER BY id DESC LIMIT {_SHOWN}", values
        ).fetchall()
        if ids:
            known = entries.by_id(db, [row[0] for row in ids])
            return [known[row[0]] for row in ids]
    return []


def debts(db: Database, entry_id: int) -> list[DebtTold]:
    """Return to whom the entry was or is owed."""
    rows = db.query(
        "SELECT o.*, coalesce(m.identity, '') AS identity FROM owed o"
        " LEFT JOIN messages m ON m.pk = o.message_pk WHERE o.entry_id = ? ORDER BY o.pk",
        (entry_id,),
    )
    return [
        DebtTold(
            row["kind"],
            row["target"],
            row["revision"],
            moment(row["due_at"]),
            row["held"],
            row["dropped"],
            row["identity"],
        )
        for row in rows
    ]


def is_held(db: Database, entry_id: int) -> bool:
    """Return whether the flood breaker holds the entry, for its owner to decide."""
    row = db.conn.execute("SELECT 1 FROM held WHERE entry_id = ? LIMIT 1", (entry_id,)).fetchone()
    return row is not None


def messages(db: Database, entry_id: int) -> list[MessageTold]:
    """Return the messages that hold the entry, oldest first."""
    rows = db.query(
        "SELECT m.*, coalesce(s.key, '') AS slot FROM messages m"
        " JOIN message_entries e ON e.message_pk = m.pk"
        " LEFT JOIN slots s ON s.pk = m.slot_pk WHERE e.entry_id = ? ORDER BY m.pk",
        (entry_id,),
    )
    return [
        MessageTold(
            row["identity"],
            row["kind"],
            row["title"],
            moment(row["created_at"]),
            row["slot"],
            tuple(_deliveries(db, row["pk"])),
        )
        for row in list(rows)
    ]


def _deliveries(db: Database, message_pk: int) -> Sequence[DeliveryTold]:
    rows = db.query("SELECT * FROM deliveries WHERE message_pk = ? ORDER BY id", (message_pk,))
    return [
        DeliveryTold(
            row["id"],
            row["channel"],
            row["recipient"],
            row["part"],
            f"dropped: {row['dropped']}" if row["dropped"] else row["state"],
            moment(row["due_at"]),
            moment_or_none(row["sent_at"]),
            tuple(_attempts(db, row["id"])),
        )
        for row in list(rows)
    ]


def _attempts(db: Database, delivery_id: int) -> Sequence[Attempt]:
    rows = db.conn.execute(
        "SELECT at, outcome, answer FROM attempts WHERE delivery_id = ? ORDER BY pk", (delivery_id,)
    )
    return [Attempt(moment(row[0]), row[1], row[2]) for row in rows]
