"""What the outbox holds, for those who only look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from digestd.frozen import dataclass
from digestd.store.database import Database
from digestd.store.db import moment, moment_or_none

OPEN = ("due", "sending", "parked", "dead")


@dataclass(frozen=True, slots=True)
class Listed:
    """A delivery as `outbox list` shows it."""

    id: int
    channel: str
    kind: str
    state: str
    title: str
    recipient: str
    entries: tuple[int, ...]
    attempts: int
    last_error: str
    due_at: datetime
    created_at: datetime
    sent_at: datetime | None


def listing(
    db: Database,
    states: Sequence[str] = OPEN,
    *,
    ids: Sequence[int] | None = None,
    channel: str | None = None,
    limit: int = 1000,
) -> list[Listed]:
    """Return the deliveries in these states, oldest first; of `ids` and of `channel` alone.

    "dropped" is a state here: of those that are dead and need nobody's attention.
    """
    where = [f"shown IN ({','.join('?' * len(states))})"]
    params: list[object] = [*states]
    if ids is not None:
        where.append(f"d.id IN ({','.join('?' * len(ids))})")
        params += ids
    if channel is not None:
        where.append("d.channel = ?")
        params.append(channel)
    rows = db.query(
        "SELECT d.id, d.channel, CASE WHEN d.dropped <> '' THEN 'dropped' ELSE d.state END"
        " AS shown, d.title, d.recipient, d.attempts, CASE WHEN d.dropped <> ''"
        " THEN d.dropped ELSE d.last_error END AS last_error, d.due_at, d.created_at,"
        " d.sent_at, d.message_pk, m.kind FROM deliveries d"
        f" JOIN messages m ON m.pk = d.message_pk WHERE {' AND '.join(where)}"
        " ORDER BY d.id LIMIT ?",
        [*params, limit],
    )
    return [
        Listed(
            row["id"],
            row["channel"],
            row["kind"],
            row["shown"],
            row["title"],
            row["recipient"],
            _entries_of(db, row["message_pk"]),
            row["attempts"],
            row["last_error"],
            moment(row["due_at"]),
            moment(row["created_at"]),
            moment_or_none(row["sent_at"]),
        )
        for row in list(rows)
    ]


def _entries_of(db: Database, message_pk: int) -> tuple[int, ...]:
    rows = db.conn.execute(
        "SELECT entry_id FROM message_entries WHERE message_pk = ? ORDER BY position",
        (message_pk,),
    )
    return tuple(row[0] for row in rows)


def states_of_message(db: Database, identity: str) -> list[tuple[str, str, str]]:
    """Return (channel, state, last error) of each delivery of the message with this identity."""
    rows = db.conn.execute(
        "SELECT d.channel, d.state, d.last_error FROM deliveries d JOIN messages m"
        " ON m.pk = d.message_pk WHERE m.identity = ? ORDER BY d.id",
        (identity,),
    )
    return [(row[0], row[1], row[2]) for row in rows]


def counts(db: Database) -> dict[str, int]:
    """Return how many deliveries are in each state of `OPEN`."""
    rows = db.conn.execute(
        "SELECT state, count(*) FROM deliveries WHERE state IN ('due', 'sending') GROUP BY state"
        " UNION ALL SELECT state, count(*) FROM deliveries WHERE state IN ('parked', 'dead')"
        " AND dropped = '' GROUP BY state"
    )
    return dict.fromkeys(OPEN, 0) | {row[0]: row[1] for row in rows}
